"""From a user's folder to its `bin/main.wasm`: the steps of a build, and what stays when one fails."""

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
    """A finished build: what was compiled, whether the component had to be made anew, and the service's id so far.

    `warnings` are of the component, not of routes.yaml.
    """

    compiled: Compiled
    made: bool
    service_id: str
    warnings: tuple[str, ...] = ()


def build(workspace: Workspace, say: Say, flatten: bool = True) -> Built:
    """Build a folder's component. Raises Invalid, BadManifest or ProgramFailed; the last good component is there then.

    Args:
        workspace: the folder.
        say: is told what there is to wait for.
        flatten: whether the component gets a single core module; it stays as it is, with a warning, where that fails.
    """
    try:
        return _build(workspace, say, flatten)
    except BaseException:
        # `fastly compute build` has removed it before it called us.
        if not workspace.wasm.exists():
            with suppress(OSError, Invalid):  # something is in its place, which is not what went wrong first
                workspace.restore_wasm()
        raise


def _build(workspace: Workspace, say: Say, flatten: bool) -> Built:
    compiled = compile_routes(workspace.read_routes(), workspace.inputs())
    workspace.refuse_links()
    files, wit = app_files(compiled.plan), wit_sources()
    command = fastly_toml.MAKE_COMMAND if workspace.has_makefile else fastly_toml.build_command(workspace.routes.name)
    before = workspace.read_manifest()
    toml = fastly_toml.update(
        before,
        compiled.plan.service,
        compiled.backends,
        command,
        compiled.tunnels,
        host_entries(compiled.plan.routes, compiled.loopback_host),
    )
    key = toolchain.key(files, wit, flatten)
    warnings = []
    with workspace.locked():
        workspace.write_app(files)
        component, unused = workspace.built_component(key)
        made = component is None
        if component is None:
            if unused:
                say(unused)
            say("Building the component with componentize-py (a few seconds)")
            component, refused = _make(workspace, compiled, flatten)
            if refused:
                warnings.append(f"it is not flattened, so a request takes longer in a new sandbox: {refused}")
            # One that is not flattened has its own key, so that the next build tries again.
            workspace.keep_component(component, toolchain.key(files, wit) if refused else key)
        workspace.write_wasm(component)
        workspace.write_manifest(toml)
        for line in fastly_toml.replacement_notes(before, toml):
            say(line)
    if not toolchain.is_mapped(component):
        warnings.append("its data lie so far apart that hosts copy them for each sandbox, so a request takes longer in a new one")
    return Built(compiled, made, fastly_toml.service_id(toml), tuple(warnings))


def app_files(plan: Plan) -> dict[str, str]:
    """Returns the files of `build/app/` for a Plan, by relative path."""
    # Imported here: commands that do not build do without jinja2.
    from fanroute.codegen.app_module import emit
    from fanroute.codegen.samples import samples

    return emit(plan, samples(plan), runtime_sources())


def _make(workspace: Workspace, compiled: Compiled, flatten: bool) -> tuple[bytes, str]:
    """Make the component; returns it, and why it is not flattened though it should be, or ""."""
    with temporary_folder() as folder:
        new, flat = Path(folder) / "new.wasm", Path(folder) / "flat.wasm"
        try:
            toolchain.componentize(workspace.app, wit_folder(), new)
        finally:
            workspace.remove_bytecode()
        try:
            if flatten:
                _flatten(compiled, new, flat)
                return read(flat, MAX_COMPONENT), ""
        except NotFlattened as refused:
            return read(new, MAX_COMPONENT), str(refused)
        return read(new, MAX_COMPONENT), ""


def _flatten(compiled: Compiled, new: Path, flat: Path) -> None:
    """Make the component `flat`, which has a single core module. Raises NotFlattened, also if it would answer differently."""
    # Imported here: where nothing has changed, a build does without wasmtime.
    from fanroute.bundle.equivalence import alike

    toolchain.flatten(new, wit_folder(), flat)
    if not alike(compiled, new, flat):
        raise NotFlattened("it answers otherwise then")
