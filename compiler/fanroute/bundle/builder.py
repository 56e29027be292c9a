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
from fanroute.project.package_files import runtime_sources, wit_folder, wit_sources
from fanroute.project.workspace import Workspace
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


def build(workspace: Workspace, say: Say, flatten: bool = True) -> Built:
    """Builds a folder's component. Raises Invalid, BadManifest or ProgramFailed; the last good component then stays.

    Args:
        workspace: the folder.
        say: gets a line for each step that takes time, and for each value of fastly.toml that is replaced.
        flatten: whether to flatten the component to a single core module. If that fails, it ships unflattened, with a warning.
    """
    try:
        return _build(workspace, say, flatten)
    except BaseException:
        # `fastly compute build` removes it before it runs `fanroute build`.
        if not workspace.wasm.exists():
            with suppress(OSError, Invalid):  # the error that is already being raised says more
                workspace.restore_wasm()
        raise


def _build(workspace: Workspace, say: Say, flatten: bool) -> Built:
    compiled = compile_routes(workspace.read_routes(), workspace.inputs())
    workspace.refuse_links()
    files, wit = app_files(compiled.plan), wit_sources()
    before = workspace.read_manifest()
    toml = updated_manifest(workspace, compiled, before)
    key = toolchain.build_key(files, wit, flatten)
    warnings = []
    with workspace.locked():
        workspace.write_app(files)
        component, unused = workspace.built_component(key)
        rebuilt = component is None
        if component is None:
            if unused:
                say(unused)
            say("Building the component with componentize-py (a few seconds)")
            component, not_flattened = _make_component(workspace, compiled, flatten)
            if not_flattened:
                warnings.append(f"it is not flattened, so a request takes longer in a new sandbox: {not_flattened}")
            # An unflattened component has a key of its own, so that the next build tries again.
            workspace.keep_component(component, toolchain.build_key(files, wit) if not_flattened else key)
        workspace.write_wasm(component)
        workspace.write_manifest(toml)
        for line in fastly_toml.replacement_notes(before, toml):
            say(line)
    if not toolchain.memory_is_mapped(component):
        warnings.append("its data lie so far apart that hosts copy them for each sandbox, so a request takes longer in a new one")
    return Built(compiled, rebuilt, fastly_toml.service_id(toml), tuple(warnings))


def updated_manifest(workspace: Workspace, compiled: Compiled, before: str | None) -> str:
    """Returns the fastly.toml that a build writes. `before` is its text, None if there is none. Raises BadManifest."""
    return fastly_toml.update(
        before,
        compiled.plan.service,
        compiled.backends,
        fastly_toml.MAKE_COMMAND if workspace.has_makefile else fastly_toml.build_command(workspace.routes.name),
        compiled.has_tunnels,
        host_entries(compiled.plan.routes, compiled.loopback_host),
    )


def app_files(plan: Plan) -> dict[str, str]:
    """Returns the files of `build/app/` for a Plan, by relative path."""
    # Imported here: commands that do not build need no jinja2.
    from fanroute.codegen.app_module import emit
    from fanroute.codegen.samples import sample_requests

    return emit(plan, sample_requests(plan), runtime_sources())


def _make_component(workspace: Workspace, compiled: Compiled, flatten: bool) -> tuple[bytes, str]:
    """Makes the component. Returns it, and why it could not be flattened, or ""."""
    with temporary_folder() as folder:
        new, flat = Path(folder) / "new.wasm", Path(folder) / "flat.wasm"
        reason = _make_flattened(workspace, compiled, new, flat) if flatten else ""
        if flatten and not reason:
            return read(flat, MAX_COMPONENT), ""
        # The native module cannot be linked without flattening. In a component of the other world, Python does its work.
        _componentize(workspace, new, with_native=False)
        return read(new, MAX_COMPONENT), reason


def _make_flattened(workspace: Workspace, compiled: Compiled, new: Path, flat: Path) -> str:
    """Makes the flattened component `flat`, by way of `new`. Returns why that is not possible, or ""."""
    _componentize(workspace, new, with_native=True)
    try:
        _flatten(compiled, new, flat)
    except NotFlattened as error:
        return str(error)
    return ""


def _componentize(workspace: Workspace, new: Path, with_native: bool) -> None:
    try:
        toolchain.componentize(workspace.app, wit_folder(), new, with_native)
    finally:
        workspace.remove_bytecode()


def _flatten(compiled: Compiled, new: Path, flat: Path) -> None:
    """Makes the flattened component `flat` from `new`. Raises NotFlattened, also if the two behave differently."""
    # Imported here: a build that finds nothing changed needs no wasmtime.
    from fanroute.bundle.equivalence import behave_alike
    from fanroute.native.module import native_module

    toolchain.flatten(new, wit_folder(), flat, native_module(compiled.plan))
    if not behave_alike(compiled, new, flat):
        raise NotFlattened("the flattened component behaves differently")
