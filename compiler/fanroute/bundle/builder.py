"""Builds `bin/main.wasm` in a user's folder. If a step fails, the last good component stays."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fanroute.bundle import toolchain
from fanroute.bundle.toolchain import NotFlattened
from fanroute.devserver.config import host_entries
from fanroute.diagnostics.diagnostic import Invalid
from fanroute.pipeline import Compiled, compile_routes
from fanroute.project import fastly_toml
from fanroute.project.folder import MAX_COMPONENT, read, temporary_folder
from fanroute.project.package_files import runtime_sources
from fanroute.project.workspace import BadManifest, Workspace, manifest_name
from fanroute.spec.document import PRODUCTION
from fanroute_runtime.plan import Plan

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Built:
    """Represents a finished build.

    `rebuilt` is False if an earlier component was used again. `service_id` is "" before the first publish.
    `warnings` are about the component, not about routes.yaml.
    """

    compiled: Compiled
    rebuilt: bool
    service_id: str
    warnings: tuple[str, ...] = ()


def build(workspace: Workspace, say: Say, flatten: bool = True, begin: Say = lambda step: None) -> Built:
    """Builds a folder's component. Raises Invalid, BadManifest or ProgramFailed; the last good component then stays.

    Args:
        workspace: the folder.
        say: gets a line if the build takes long, and for each value of fastly.toml that is replaced.
        flatten: whether to flatten the component to a single core module. If that fails, it ships unflattened, with a warning.
        begin: gets the name of each step when it begins.
    """
    try:
        return _build(workspace, say, flatten, begin)
    except BaseException:
        # `fastly compute build` removes it before it runs `fanroute build`.
        if not workspace.wasm.exists():
            with suppress(OSError, Invalid):  # the error that is already being raised says more
                workspace.restore_wasm()
        raise


def _build(workspace: Workspace, say: Say, flatten: bool, begin: Say) -> Built:
    begin("Checking the routes")
    compiled = compile_routes(workspace.read_routes(), workspace.inputs())
    workspace.refuse_links()
    files = app_files(compiled.plan)
    wit = toolchain.wit_for(files)
    before = workspace.read_manifest()
    toml = updated_manifest(workspace, compiled, before)
    if before is None and workspace.environment != PRODUCTION and workspace.read_manifest(PRODUCTION) is not None:
        say(f"{workspace.manifest.name}: made from {manifest_name(PRODUCTION)}, without its service_id")
    key = toolchain.build_key(files, wit, flatten)
    warnings = []
    with workspace.locked():
        workspace.write_app(files)
        component, unused = workspace.built_component(key)
        rebuilt = component is None
        if component is None:
            if unused:
                say(unused)
            say("Building the component (a few seconds)")
            component, not_flattened = _Making(workspace, compiled, files, begin).component(flatten)
            if not_flattened:
                warnings.append(f"it is not flattened, so a request takes longer in a new sandbox: {not_flattened}")
            # An unflattened component has a key of its own, so that the next build tries again.
            workspace.keep_component(component, toolchain.build_key(files, wit) if not_flattened else key)
        workspace.write_wasm(component)
        workspace.write_manifest(toml)
        for line in fastly_toml.replacement_notes(before, toml, workspace.manifest.name):
            say(line)
    if rebuilt and not toolchain.memory_is_mapped(component):
        warnings.append("its data lie so far apart that hosts copy them for each sandbox, so a request takes longer in a new one")
    return Built(compiled, rebuilt, fastly_toml.service_id(toml), tuple(warnings))


def updated_manifest(workspace: Workspace, compiled: Compiled, before: str | None) -> str:
    """Returns the fastly.toml that a build writes. `before` is its text, None if there is none. Raises BadManifest.

    That of an environment is made from the one of production. It must not name the same service: publishing it would replace
    what is in production.
    """
    environment = workspace.environment
    production = None if environment == PRODUCTION else workspace.read_manifest(PRODUCTION)
    command = fastly_toml.make_command(environment)
    if not workspace.has_makefile:
        command = fastly_toml.build_command(workspace.routes.name, environment)
    if before and production and (service := fastly_toml.service_id(before)) and service == fastly_toml.service_id(production):
        message = f"its service_id is that of {manifest_name(PRODUCTION)}, so publishing it would replace what is in production"
        raise BadManifest(f"{message}; remove the line, and publish a service of its own", _line_of("service_id", before))
    return fastly_toml.update(
        before,
        compiled.plan.service,
        compiled.backends,
        command,
        compiled.has_tunnels,
        host_entries(compiled.plan.routes, compiled.loopback_host),
        production,
        compiled.has_limits,
        compiled.plan.logs.endpoint if compiled.plan.logs else "",
    )


def _line_of(key: str, manifest: str) -> int:
    return next((number for number, line in enumerate(manifest.splitlines(), 1) if line.lstrip().startswith(key)), 1)


def app_files(plan: Plan) -> dict[str, str]:
    """Returns the files of `build/app/` for a Plan, by relative path."""
    # Imported here: commands that do not build need no jinja2.
    from fanroute.codegen.app_module import emit
    from fanroute.codegen.samples import sample_requests

    return emit(plan, sample_requests(plan), runtime_sources())


@dataclass(frozen=True, slots=True)
class _Making:
    """Makes the component of the files of `build/app/`."""

    workspace: Workspace
    compiled: Compiled
    files: dict[str, str]
    begin: Say

    def component(self, flatten: bool) -> tuple[bytes, str]:
        """Makes the component. Returns it, and why it could not be flattened, or ""."""
        with temporary_folder() as folder:
            reason = ""
            if flatten:
                try:
                    return self._flattened(Path(folder) / "flat.wasm"), ""
                except NotFlattened as error:
                    reason = str(error)
            # The native module cannot be linked without flattening. In a component of the other world, Python does its work.
            return self._as_made(Path(folder) / "new.wasm"), reason

    def _as_made(self, new: Path) -> bytes:
        """Makes the component with componentize-py alone."""
        self.begin("Building Python and the routes")
        try:
            with toolchain.wit_folder_for(self.files) as wit:
                toolchain.componentize(self.workspace.app, wit, new)
        finally:
            self.workspace.remove_bytecode()
        return read(new, MAX_COMPONENT)

    def _flattened(self, flat: Path) -> bytes:
        """Makes the flattened component. Raises NotFlattened, also if it does something else than its Plan says."""
        # Imported here: a build that finds nothing changed needs no wasmtime.
        from fanroute.bundle.base import find_base, make_base, run_base
        from fanroute.bundle.equivalence import behaves_as_planned
        from fanroute.native.module import native_module

        cache = self.workspace.cache
        base = find_base(self.files, cache)
        if base is None:
            self.begin("Building Python and its modules, which is kept for the next builds")
            base = make_base(self.files, cache)
        self.begin("Adding the routes")
        memory = run_base(base, self.files, cache)
        self.begin("Joining it all into one module")
        with toolchain.wit_folder_for(self.files) as wit:
            toolchain.flatten(base, native_module(self.compiled.plan), memory, wit, flat)
        self.begin("Trying the component")
        if not behaves_as_planned(self.compiled, flat, cache):
            raise NotFlattened("the flattened component behaves differently")
        return read(flat, MAX_COMPONENT)
