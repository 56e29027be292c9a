"""From a user's folder to its `bin/main.wasm`: the steps of a build, and what stays when one fails."""

from collections.abc import Callable
from dataclasses import dataclass

from fanroute import bundle, manifest
from fanroute.pipeline import Compiled, compile_routes
from fanroute.workspace import Workspace, wit_folder, wit_sources

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Built:
    """A finished build: what was compiled, whether the component had to be made anew, and the service's id so far."""

    compiled: Compiled
    made: bool
    service_id: str


def build(workspace: Workspace, say: Say) -> Built:
    """Build a folder's component. Raises Invalid, BadManifest or ProgramFailed; the last good component is there then."""
    try:
        return _build(workspace, say)
    except BaseException:
        # `fastly compute build` has removed it before it called us.
        if not workspace.wasm.exists():
            workspace.put_back()
        raise


def _build(workspace: Workspace, say: Say) -> Built:
    compiled = compile_routes(workspace.read_routes(), workspace.surroundings())
    files = compiled.files()
    command = "make build" if workspace.has_makefile else "fanroute build"
    toml = manifest.update(workspace.read_manifest(), compiled.plan.service, compiled.backends, command, compiled.tunnels)
    key = bundle.key(files, wit_sources())
    with workspace.alone():
        workspace.stage(files)
        made = not workspace.is_good(key)
        if made:
            say("Building the component with componentize-py (a few seconds)")
            bundle.componentize(workspace, wit_folder())
            workspace.accept(key)
        workspace.put_back()
        workspace.write_manifest(toml)
    return Built(compiled, made, manifest.service_id(toml))
