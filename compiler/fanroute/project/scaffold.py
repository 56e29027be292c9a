"""Makes the files of a new folder from a template, and the JSON Schemas that editors read."""

import json
import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fanroute import __version__
from fanroute.diagnostics.diagnostic import Invalid
from fanroute.project.folder import Folder
from fanroute.project.workspace import DEFAULT_ROUTES

# What stands for the service's name and Fanroute's version in the files that all templates have.
_NAME, _VERSION = "SERVICE-NAME", "FANROUTE-VERSION"
# The service's name in a template's routes.yaml.
_SERVICE = re.compile(r"^service: \{name: ([a-z0-9-]+)\}", re.MULTILINE)
_YAML_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})
# The longest label of a domain, in characters (RFC 1035, 2.3.4).
MAX_LABEL = 63


def scaffold_files(template: Mapping[str, str], folder: Path, schemas: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    """Returns the text of each file of a new folder, by its path in the folder.

    The service is named after the folder, if that gives a name.

    Args:
        template: the text of each file of a template, by its path in the folder.
        folder: the folder, which need not exist.
        schemas: the JSON Schema of some of the files, by file name. Each gets a file, and a line that points editors to it.
    """
    found = _SERVICE.search(template[DEFAULT_ROUTES])
    assert found
    name = service_name(folder) or found[1]
    values = {found[1]: name, _NAME: name, _VERSION: __version__}
    texts = {file: _replaced(text, values) for file, text in template.items()}
    schema_files = {file: Path(file).with_suffix(".schema.json").name for file in schemas}
    pointing = {file: f"# yaml-language-server: $schema=./{name}\n{texts[file]}" for file, name in schema_files.items()}
    return {**texts, **pointing, **{name: json.dumps(schemas[file], indent=2) + "\n" for file, name in schema_files.items()}}


def _replaced(text: str, values: Mapping[str, str]) -> str:
    for stand_in, value in values.items():
        text = text.replace(stand_in, value)
    return text


def service_name(folder: Path) -> str:
    """Returns a folder's name as that of a service and its domain: `My Café` as `my-cafe`. "" if no letter or digit is left."""
    plain = unicodedata.normalize("NFKD", folder.resolve().name).encode("ascii", "ignore").decode().lower()
    name = re.sub("[^a-z0-9]+", "-", plain).strip("-")
    # YAML would read a number or a word such as `true` as something else than text.
    prefix = "edge-" if name[:1].isdigit() or name in _YAML_WORDS else ""
    return f"{prefix}{name}"[:MAX_LABEL].rstrip("-")


def template_summary(template: Mapping[str, str]) -> str:
    """Returns what a template is for: the comment in the first line of its routes.yaml."""
    return template[DEFAULT_ROUTES].partition("\n")[0].removeprefix("# ").rstrip(".")


def create_files(folder: Path, texts: Mapping[str, str]) -> None:
    """Creates a folder with these files, or adds them to it.

    Raises FileExistsError if one of the files exists. Raises Invalid (FR517) if the folder, or one that its relative path or
    the path of a file names, is a link. Creates nothing in both cases.
    """
    root, below = _root_of(folder)
    folders = {parent.as_posix() for name in texts for parent in (below / name).parents} - {"."}
    obstacles = Folder(root).find_obstacles(sorted(folders), [])
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
