"""Reads the files that Fanroute is installed with: modules, the WIT, the templates of `init` and the console's page."""

import re
from collections.abc import Collection, Iterator
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import fanroute_runtime

# A line of the WIT that only components with certain features have: the comment at its end names them.
_FEATURE = "(?:cache|limit|logs|publish)"
_OF_FEATURES = re.compile(rf"^.* // ({_FEATURE}(?: {_FEATURE})*)\n", re.MULTILINE)

# The folder with the files that every template has, and the paths of those whose names would mean something in this repository.
_COMMON = "common"
_PATHS = {
    "gitignore": ".gitignore",
    "dockerignore": ".dockerignore",
    "workflow.yaml": ".github/workflows/edge.yaml",
    "pre-commit.yaml": ".pre-commit-config.yaml",
    "devcontainer.json": ".devcontainer/devcontainer.json",
}


def wit_folder() -> Path:
    """Returns the folder of the WIT, which is next to the runtime's package."""
    return Path(str(files(fanroute_runtime))).parent / "wit"


def wit_sources(features: Collection[str] = ()) -> dict[str, str]:
    """Returns the text of each file of the WIT, by file name.

    Each function in it makes a component larger. So the lines of other features than these are left out.
    """
    texts = _texts_in(wit_folder(), "*.wit")

    def kept(line: re.Match[str]) -> str:
        return "" if set(features).isdisjoint(line[1].split()) else line[0]

    return {name: _OF_FEATURES.sub(kept, text) for name, text in texts.items()}


def runtime_sources() -> dict[str, str]:
    """Returns the source of each runtime module, by its dotted name."""
    return module_sources(fanroute_runtime)


def module_sources(*modules: ModuleType) -> dict[str, str]:
    """Returns the source of each module by its dotted name. A package contributes every module in it."""
    return {name: path.read_text(encoding="utf-8") for module in modules for name, path in _module_files(module)}


def _module_files(module: ModuleType) -> Iterator[tuple[str, Path]]:
    """Yields the dotted name and the file of a module, and for a package those of every module in it."""
    file, name = Path(str(module.__file__)), module.__name__
    yield name, file
    if file.stem == "__init__":
        for path in sorted(set(file.parent.rglob("*.py")) - {file}):
            parts = path.relative_to(file.parent).with_suffix("").parts
            yield ".".join((name, *parts)).removesuffix(".__init__"), path


def template_names() -> list[str]:
    """Returns the names of the templates of `fanroute init`."""
    return sorted({path.name for path in _templates().iterdir() if path.is_dir()} - {_COMMON})


def template_files(name: str) -> dict[str, str]:
    """Returns the text of each file of a template, by its path in the new folder. Some are the same in all templates."""
    common = _texts_in(_templates() / _COMMON, "*")
    return _texts_in(_templates() / name, "*") | {_PATHS.get(file, file): text for file, text in common.items()}


def console_files() -> dict[str, str]:
    """Returns the text of each file of the console's page, by file name."""
    return _texts_in(Path(str(files("fanroute"))) / "console" / "page", "*")


def _templates() -> Path:
    return Path(str(files("fanroute"))) / "templates" / "init"


def _texts_in(folder: Path, pattern: str) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob(pattern)) if path.is_file()}
