"""Makes the files of a new folder from a template, and the JSON Schema that editors read."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from fanroute.diagnostics.diagnostic import Invalid
from fanroute.project.folder import Folder
from fanroute.spec.json_schema import MODELINE, SCHEMA_FILE, routes_schema

ROUTES = "routes.yaml"


def scaffold_files(template: Mapping[str, str]) -> dict[str, str]:
    """Returns the text of each file of a new folder, by file name. `template` has those of a template."""
    routes = f"{MODELINE}\n{template[ROUTES]}"
    return {**template, ROUTES: routes, SCHEMA_FILE: json.dumps(routes_schema(), indent=2) + "\n"}


def template_summary(template: Mapping[str, str]) -> str:
    """Returns what a template is for: the comment in the first line of its routes.yaml."""
    return template[ROUTES].partition("\n")[0].removeprefix("# ").rstrip(".")


def create_files(folder: Path, texts: Mapping[str, str]) -> None:
    """Creates a folder with these files, or adds them to it.

    Raises FileExistsError if one of the files exists. Raises Invalid (FR517) if the folder, or one that its relative path names,
    is a link. Creates nothing in both cases.
    """
    root, below = _root_of(folder)
    obstacles = Folder(root).find_obstacles(["/".join(below.parts[:end]) for end in range(1, len(below.parts) + 1)], [])
    if obstacles:
        raise Invalid(obstacles[:1])
    existing = next((folder / name for name in texts if os.path.lexists(folder / name)), None)
    if existing:
        raise FileExistsError(f"{existing} exists already")
    for name, text in texts.items():
        Folder(root).write((below / name).as_posix(), text.encode())


def _root_of(folder: Path) -> tuple[Path, Path]:
    """Splits the path to a folder. No part of the second half may be a link."""
    if folder.is_absolute() or ".." in folder.parts:
        return folder.parent, Path(folder.name)
    return Path(), folder
