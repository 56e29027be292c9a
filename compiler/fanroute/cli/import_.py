"""`fanroute import`: makes a routes.yaml from the file of another tool."""

import os
from contextlib import suppress
from pathlib import Path

import click

from fanroute.cli.options import examples, own_command, routes_option
from fanroute.cli.output import exit_if_failed, exit_on_failure, fail, print_diagnostics, remark, say
from fanroute.diagnostics import text_report
from fanroute.diagnostics.diagnostic import Invalid
from fanroute.diagnostics.printable import counted
from fanroute.diagnostics.shell import path_word
from fanroute.foreign.draft import Draft, NotImported, draft_text
from fanroute.foreign.recognize import KINDS, Kind, kind_of
from fanroute.formatting.formatter import MeaningChanged, format_routes
from fanroute.pipeline import compile_routes
from fanroute.project.scaffold import create_files, service_name
from fanroute.project.workspace import DEFAULT_ROUTES, Workspace, read_file
from fanroute.syntax.source import decode


@click.command(
    "import",
    epilog=examples(
        "fanroute import pushpin/routes --routes imported/routes.yaml",
        "fanroute import pushpin --routes imported/routes.yaml --force",
    ),
)
@click.argument("source", metavar="FILE|FOLDER", type=click.Path(path_type=Path))
@click.option("--from", "kind_name", type=click.Choice(list(KINDS)), help="What the file is, if it is not recognized.")
@routes_option
@click.option("--force", is_flag=True, help="Replace the file that --routes names.")
def import_(source: Path, kind_name: str | None, routes: Path, force: bool) -> None:
    """Make a routes.yaml from FILE, which another tool reads, or from such a file in FOLDER.

    It can be Pushpin's `routes`, Netlify's `_redirects` or `netlify.toml`, Vercel's `vercel.json`, an OpenAPI document,
    or the code of a starter kit for Fanout.

    If routes.yaml cannot say something, a comment above the route names it with its line. The command prints these comments,
    and then what `fanroute check` says. docs/import.md lists what is understood.
    """
    workspace = Workspace(routes)
    file = _file_in(source, kind_name) if source.is_dir() else source
    if os.path.lexists(routes) and not force:
        fail(f"error: {routes} exists already: name another file with --routes, or replace it with --force")
    with exit_on_failure(Workspace(file)):
        raw = read_file(file)
        content = decode(raw)
    kind = KINDS[kind_name] if kind_name else kind_of(file.name, content)
    if kind is None:
        known = ", ".join(one.title for one in KINDS.values())
        fail(f"error: {file} is none of the files that can be imported ({known}): say with --from what it is")
    draft = _read(kind, content, file)
    if kind.complete:
        kind.complete(draft, _manifest_of(file))
    with exit_on_failure(workspace):
        text = _formatted(draft, file, workspace)
        if force:
            workspace.write_routes(text)
        else:
            create_files(routes.parent, {routes.name: text})
    say(f"Made {routes} from {file} ({kind.title}): {counted(len(draft.routes), 'route')}")
    for one in draft.all_remarks():
        say(f"{file}:{one.line}: {one.text}")
    _check(workspace, len(draft.all_remarks()))


def _file_in(folder: Path, kind_name: str | None) -> Path:
    """Returns the only file in a folder that has the usual name of a kind. Exits if there is none, or more than one."""
    kinds = [KINDS[kind_name]] if kind_name else list(KINDS.values())
    names = [name for kind in kinds for name in kind.names]
    found = [folder / name for name in names if (folder / name).is_file()]
    found += [folder / place for kind in kinds for place in kind.places if _looks_like(kind, folder / place)]
    if not found:
        known = ", ".join([*names, *(place for kind in kinds for place in kind.places)])
        fail(f"error: {folder} has none of these files: {known}. Name the file")
    if len(found) > 1:
        fail(f"error: {folder} has several files that can be imported: name one of {', '.join(map(str, found))}")
    return found[0]


def _manifest_of(file: Path) -> str:
    """Returns the text of the fastly.toml beside a file or above it, "" without one that can be read."""
    for folder in (file.parent, file.absolute().parent.parent):
        with suppress(Invalid, OSError):
            return decode(read_file(folder / "fastly.toml"))
    return ""


def _looks_like(kind: Kind, file: Path) -> bool:
    """Returns True if a file can be read, and looks like one of a kind."""
    try:
        return file.is_file() and kind.looks_like(decode(read_file(file)))
    except (Invalid, OSError):
        return False


def _read(kind: Kind, content: str, file: Path) -> Draft:
    try:
        return kind.import_routes(content)
    except NotImported as error:
        place = f"{file}:{error.line}" if error.line else str(file)
        fail(f"{place}: error: {error}, so nothing is made")


def _formatted(draft: Draft, file: Path, workspace: Workspace) -> str:
    """Returns the text of a draft as `fanroute fmt` would leave it."""
    text = draft_text(draft, file.name, service_name(workspace.routes.parent) or "imported")
    try:
        return format_routes(text.encode(), workspace.inputs())
    except MeaningChanged:
        fail(f"{file}: error: what it says cannot be written as routes.yaml, so nothing is made")


def _check(workspace: Workspace, remarks: int) -> None:
    """Prints what `fanroute check` says about the new file, and what is left to do. Exits with code 1 if it has errors."""
    try:
        found = list(compile_routes(workspace.read_routes(), workspace.inputs()).diagnostics)
        failed = False
    except Invalid as invalid:
        found, failed = invalid.diagnostics, True
    print_diagnostics(found, workspace)
    say(f"{workspace.routes}: {text_report.counts_text(found)}")
    usual = workspace.routes.name == DEFAULT_ROUTES and workspace.routes.parent == Path()
    word = "" if usual else f" {path_word(workspace.routes)}"
    look = f"look at the {counted(remarks, 'comment')} in it, then run " if remarks else ""
    remark(f"Next: {look}{own_command()} check{word}")
    exit_if_failed(failed)
