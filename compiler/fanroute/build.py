"""From a user's folder to its `bin/main.wasm`: the steps of a build, and what stays when one fails."""

from collections.abc import Callable
from dataclasses import dataclass

from fanroute import bundle, manifest
from fanroute.bundle import NotFlattened
from fanroute.pipeline import Compiled, compile_routes
from fanroute.workspace import Workspace, flattening_sources, wit_folder, wit_sources

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
            workspace.put_back()
        raise


def _build(workspace: Workspace, say: Say, flatten: bool) -> Built:
    compiled = compile_routes(workspace.read_routes(), workspace.surroundings())
    files, wit = compiled.files(), wit_sources()
    command = "make build" if workspace.has_makefile else "fanroute build"
    toml = manifest.update(workspace.read_manifest(), compiled.plan.service, compiled.backends, command, compiled.tunnels)
    key = bundle.key(files, wit, flattening_sources() if flatten else None)
    warnings = []
    with workspace.alone():
        workspace.stage(files)
        made = not workspace.is_good(key)
        if made:
            say("Building the component with componentize-py (a few seconds)")
            refused = _make(workspace, compiled, flatten)
            if refused:
                warnings.append(f"it is not flattened, so a request takes longer in a new sandbox: {refused}")
            # One that is not flattened has its own key, so that the next build tries again.
            workspace.accept(bundle.key(files, wit) if refused else key)
        workspace.put_back()
        workspace.write_manifest(toml)
    if not bundle.is_mapped(workspace.read_wasm()):
        warnings.append("its data lie so far apart that hosts copy them for each sandbox, so a request takes longer in a new one")
    return Built(compiled, made, manifest.service_id(toml), tuple(warnings))


def _make(workspace: Workspace, compiled: Compiled, flatten: bool) -> str:
    """Make the new component; why it is not flattened though it should be, or ""."""
    bundle.componentize(workspace, wit_folder())
    try:
        if flatten:
            _flatten(workspace, compiled)
    except NotFlattened as refused:
        return str(refused)
    return ""


def _flatten(workspace: Workspace, compiled: Compiled) -> None:
    """Give the new component a single core module. Raises NotFlattened, also where it would do something else then."""
    # Imported here: where nothing has changed, a build does without wasmtime.
    from fanroute.smoke import alike

    bundle.flatten(workspace, wit_folder())
    if not alike(compiled, workspace.new, workspace.flat):
        raise NotFlattened("it answers otherwise then")
    workspace.flat.replace(workspace.new)
