"""Builds a test component that answers with facts about its host. No fact is read before a route asks for it."""

from pathlib import Path

from fanroute.bundle import toolchain
from fanroute.codegen.app_module import file_of
from fanroute.codegen.base_module import APP_MODULE
from fanroute.project.folder import MAX_COMPONENT, read, temporary_folder
from fanroute.project.package_files import runtime_sources, wit_folder
from fanroute.project.workspace import Workspace


def build_facts(folder: Path) -> Workspace:
    """Builds the component in a folder."""
    return build_app(folder, Path(__file__).parent / "app.py")


def build_app(folder: Path, app: Path) -> Workspace:
    """Builds a component from a hand-written app module."""
    runtime = runtime_sources()
    files = {f"{APP_MODULE}.py": app.read_text(), **{file_of(name, runtime): source for name, source in runtime.items()}}
    workspace = Workspace(folder / "routes.yaml")
    workspace.write_app(files)
    with temporary_folder() as made:
        component = Path(made) / "new.wasm"
        toolchain.componentize(workspace.app, wit_folder(), component)
        workspace.keep_component(read(component, MAX_COMPONENT), "by hand")
    workspace.restore_wasm()
    return workspace
