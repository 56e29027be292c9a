"""Tests `fanroute lsp` as a process, with a real client over its standard streams."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from lsprotocol import types

from fanroute.cli import main
from fanroute.cli.catalog import CODES
from fanroute.diagnostics.json_report import Report
from tests.conftest import REPOSITORY
from tests.support.editors import HEAD, Editor, editing

ROUTES = (
    HEAD
    + """\
  - name: rooms
    match: {path: "/rooms/{room}", where: {room: "[a-z]+"}, query: {v: "2"}}
    public: true
    sse: {channel: "room-{room}"}
  - match: {path: /old}
    public: true
    handoff: origin
  - forward: {backend: origin}
"""
)


def edit(
    folder: Path, act: Callable[[Editor], Awaitable[None]], *options: str, name: str = "routes.yaml", **more: object
) -> None:
    """Runs an editor in a folder."""

    async def run() -> None:
        async with editing(folder / name, *options, **more) as editor:  # type: ignore[arg-type]
            await act(editor)

    asyncio.run(run())


def test_it_reports_what_check_reports(tmp_path: Path) -> None:
    """Tests each rule that has an example: code, severity, place, message and suggestion are those of `fanroute check`."""
    examples = [rule.example for rule in CODES.values() if isinstance(rule.example, str) and not rule.tests]
    assert len(examples) > 50

    async def act(editor: Editor) -> None:
        editor.open(ROUTES)
        assert await editor.diagnostics() == []
        for number, example in enumerate(examples[::4]):
            editor.type(example)
            found = await editor.diagnostics()
            file = tmp_path / f"{number}.yaml"
            file.write_text(example)
            done = CliRunner().invoke(main, ["check", "--format", "json", str(file)])
            report = Report.model_validate_json(done.stdout).diagnostics
            severities = {"error": 1, "warning": 2, "note": 3}
            assert report and [
                (
                    each.code,
                    severities[each.severity],
                    (each.span.line - 1, each.span.column - 1, each.span.end_line - 1, each.span.end_column - 1),
                )
                for each in report
            ] == [
                (
                    each.code,
                    each.severity,
                    (each.range.start.line, each.range.start.character, each.range.end.line, each.range.end.character),
                )
                for each in found
            ]
            for ours, theirs in zip(report, found, strict=True):
                assert ours.message in theirs.message and (ours.suggestion or "") in theirs.message
                assert theirs.code_description and f"docs/diagnostics.md#{ours.code.lower()}" in theirs.code_description.href

    edit(tmp_path, act)


def test_only_the_last_text_is_checked(tmp_path: Path) -> None:
    async def act(editor: Editor) -> None:
        editor.open("version: 1\n")
        for text in ("version", "", ROUTES.replace("sse", "ses")):
            editor.type(text)
        assert [each.code for each in await editor.diagnostics()] == ["FR201"]
        editor.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(editor.uri)))
        assert await editor.diagnostics() == []
        assert editor.published.empty()

    edit(tmp_path, act)


def test_a_second_place_is_related(tmp_path: Path) -> None:
    async def act(editor: Editor) -> None:
        editor.open(ROUTES + "  - match: {path: /old}\n    handoff: origin\n")
        (found, *_) = await editor.diagnostics()
        assert found.code == "FR301" and found.related_information
        assert found.related_information[0].location.uri == editor.uri

    edit(tmp_path, act)


@pytest.mark.parametrize(("encoding", "units"), [("utf-8", 4), ("utf-16", 2), ("utf-32", 1)])
def test_columns_count_in_the_editors_units(tmp_path: Path, encoding: str, units: int) -> None:
    async def act(editor: Editor) -> None:
        editor.open(ROUTES.replace("service: {name: chat}", 'service: {name: "😀", nme: x}'))
        found = {each.code: each.range for each in await editor.diagnostics()}
        begin = len('service: {name: "') + units + len('", ')
        assert (found["FR201"].start.character, found["FR201"].end.character) == (begin, begin + 3)

    edit(tmp_path, act, encodings=(encoding,))


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    async def act(editor: Editor) -> None:
        editor.open("a: 1\n", (tmp_path / "compose.yaml").as_uri())
        editor.open("a: 1\n", "untitled:routes.yaml")
        editor.open("a: 1\n", "file:///%00/routes.yaml")
        editor.open("version: 1\n", (tmp_path / "a b" / "edge.yaml").as_uri())
        assert (await asyncio.wait_for(editor.published.get(), 60)).uri.endswith("/a%20b/edge.yaml")
        other = types.TextDocumentIdentifier((tmp_path / "compose.yaml").as_uri())
        assert await editor.text_document_hover_async(types.HoverParams(other, types.Position(0, 0))) is None
        # Not opened: the server does not read it itself.
        os.mkfifo(tmp_path / "routes.yaml")
        unread = types.TextDocumentIdentifier((tmp_path / "routes.yaml").as_uri())
        assert await editor.text_document_code_lens_async(types.CodeLensParams(unread)) is None
        assert editor.published.empty()

    edit(tmp_path, act, "--name", "edge.yaml", "--name", "routes.yaml")


def test_files_are_read_in_the_folder_only(tmp_path: Path) -> None:
    folder = tmp_path / "an edge"
    folder.mkdir()
    (folder / "page.html").write_text("hello")
    (tmp_path / "secret").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "pipe")

    async def act(editor: Editor) -> None:
        editor.open(ROUTES)
        await editor.diagnostics()
        for name, codes in {"page.html": [], "link": ["FR211"], "pipe": ["FR211"], "nothing": ["FR211"]}.items():
            editor.type(ROUTES.replace("handoff: origin", f"respond: {{status: 200, file: {name}}}"))
            assert [each.code for each in await editor.diagnostics()] == codes

    edit(folder, act)


def test_it_explains_a_key(tmp_path: Path) -> None:
    async def act(editor: Editor) -> None:
        editor.open(ROUTES)
        found = await editor.text_document_hover_async(types.HoverParams(**editor.place(ROUTES.replace("channel:", "chan|nel:"))))
        assert found and isinstance(found.contents, types.MarkupContent)
        reference = (REPOSITORY / "docs" / "reference.md").read_text()
        assert "One channel or up to 20. They can contain what the match binds, such as `{room}`." in reference
        assert "**required**" in found.contents.value and "One channel or up to 20" in found.contents.value
        assert "```yaml\nchannel: " in found.contents.value

    edit(tmp_path, act)


def test_it_goes_to_a_backend(tmp_path: Path) -> None:
    async def act(editor: Editor) -> None:
        editor.open(ROUTES)
        for text in (
            ROUTES.replace("handoff: origin", "handoff: ori|gin"),
            ROUTES.replace("backend: origin", "backend: |origin"),
        ):
            found = await editor.text_document_definition_async(types.DefinitionParams(**editor.place(text)))
            assert isinstance(found, types.Location)
            assert (found.range.start.line, found.range.start.character, found.range.end.character) == (3, 2, 8)
        unknown = ROUTES.replace("handoff: origin", "handoff: n|one")
        assert await editor.text_document_definition_async(types.DefinitionParams(**editor.place(unknown))) is None

    edit(tmp_path, act)


def test_it_goes_to_a_profile(tmp_path: Path) -> None:
    async def act(editor: Editor) -> None:
        routes = ROUTES.replace(
            "routes:", "auth_profiles:\n  staff: {keys: []}\nroutes:\n  - auth: sta|ff\n    forward: origin", 1
        )
        for text in (routes, routes.replace("auth: sta|ff", "auth: {profile: staff|}")):
            editor.open(text.replace("|", ""))
            found = await editor.text_document_definition_async(types.DefinitionParams(**editor.place(text)))
            assert isinstance(found, types.Location)
            line = text.partition("  staff:")[0].count("\n")
            assert (found.range.start.line, found.range.start.character, found.range.end.character) == (line, 2, 7)

    edit(tmp_path, act)


def test_it_completes_while_the_file_is_broken(tmp_path: Path) -> None:
    async def act(editor: Editor) -> None:
        editor.open(ROUTES)
        text = ROUTES.replace('sse: {channel: "room-{room}"}', 'sse: {channel: "room-{|')
        found = await editor.text_document_completion_async(types.CompletionParams(**editor.place(text)))
        assert isinstance(found, Sequence)
        assert [(each.label, each.text_edit and each.text_edit.new_text) for each in found] == [
            ("{room}", "{room}"),
            ("{query.v}", "{query.v}"),
        ]

    edit(tmp_path, act)


@pytest.mark.parametrize("snippets", [True, False])
def test_snippets_are_for_editors_that_take_them(tmp_path: Path, snippets: bool) -> None:
    async def act(editor: Editor) -> None:
        editor.open(ROUTES)
        params = types.CompletionParams(**editor.place(ROUTES.replace("handoff: origin", "ss|")))
        found = await editor.text_document_completion_async(params)
        assert isinstance(found, Sequence)
        (sse,) = (each.text_edit and each.text_edit.new_text for each in found if each.label == "sse")
        assert sse == ("sse: {channel: $1}" if snippets else "sse: ")

    edit(tmp_path, act, snippets=snippets)


def test_each_route_shows_a_request_that_gets_there(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(ROUTES)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "fanroute", "routes", "--witness"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    requests = [line.partition(" match ")[2].rpartition("  # ")[0] for line in done.stdout.splitlines()]

    async def act(editor: Editor) -> None:
        editor.open(ROUTES)
        found = await editor.text_document_code_lens_async(types.CodeLensParams(types.TextDocumentIdentifier(editor.uri)))
        assert found and [each.range.start.line for each in found] == [6, 10, 13]
        titles = [each.command.title for each in found if each.command]
        assert len(requests) == 3
        assert [title.partition(", such as ")[2] for title in titles] == requests

    edit(tmp_path, act)


@pytest.mark.parametrize(
    "hostile",
    [
        "[" * 5000,
        "{" * 5000,
        "a: " * 3000,
        "- " * 5000,
        '"',
        "\ud800",
        "\0",
        "\u2028\x85a: |",
        "a: !!python/object x",
        "%YAML 9",
        "\\U99999999",
    ],
    ids=range(11),
)
def test_any_text_gets_answers(tmp_path: Path, hostile: str) -> None:
    async def act(editor: Editor) -> None:
        editor.open(ROUTES)
        await editor.diagnostics()
        editor.type(hostile)
        assert await editor.diagnostics()
        document = types.TextDocumentIdentifier(editor.uri)
        for place in (types.Position(0, 0), types.Position(0, len(hostile)), types.Position(7, 7)):
            await editor.text_document_hover_async(types.HoverParams(document, place))
            await editor.text_document_definition_async(types.DefinitionParams(document, place))
            await editor.text_document_completion_async(types.CompletionParams(document, place))
        assert await editor.text_document_code_lens_async(types.CodeLensParams(document)) == ()

    edit(tmp_path, act)


def test_a_huge_text_ends_soon(tmp_path: Path) -> None:
    route = "  - match: {path: /%d}\n    forward: origin\n"

    async def act(editor: Editor) -> None:
        editor.open(ROUTES)
        await editor.diagnostics()
        editor.type(ROUTES + "".join(route % number for number in range(100_000)))
        assert [each.code for each in await editor.diagnostics()] == ["FR101"]
        params = types.CompletionParams(types.TextDocumentIdentifier(editor.uri), types.Position(8, 4))
        assert not await editor.text_document_completion_async(params)

    edit(tmp_path, act)


def test_no_value_of_a_variable_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_HOST", "hidden.example.net")

    async def act(editor: Editor) -> None:
        editor.open(ROUTES.replace("match: {path: /old}", 'match: {host: "${SECRET_HOST}", path: /old}'))
        found = await editor.text_document_code_lens_async(types.CodeLensParams(types.TextDocumentIdentifier(editor.uri)))
        titles = [each.command.title for each in found or () if each.command]
        assert any("${SECRET_HOST}" in title for title in titles) and "hidden" not in "".join(titles)

    edit(tmp_path, act)


@pytest.mark.parametrize(
    "sent",
    [b"", b"nonsense", b"Content-Length: 5\r\n\r\nnons", b"Content-Length: 8\r\n\r\nnonsense", b"Content-Length: 2\r\n\r\n{}"],
)
def test_what_is_no_protocol_is_no_traceback(tmp_path: Path, sent: bytes) -> None:
    command = [sys.executable, "-P", "-m", "fanroute", "lsp"]
    done = subprocess.run(command, cwd=tmp_path, input=sent, capture_output=True, timeout=60, check=False)
    assert b"Traceback" not in done.stdout + done.stderr
    assert done.returncode == 0 and len(done.stderr.splitlines()) <= 1


def test_a_fault_of_an_included_file_is_at_the_item_that_includes_it(tmp_path: Path) -> None:
    """It is there if the included file is not open."""
    (tmp_path / "teams").mkdir()
    other = tmp_path / "teams/chat.yaml"
    other.write_text("routes:\n  - {name: a, match: {path: /a}, handoff: orgin}\n")
    text = HEAD + "  - include: teams/chat.yaml\n  - {name: rest, forward: origin}\n"

    async def act(editor: Editor) -> None:
        editor.open(text)
        (found,) = await editor.diagnostics()
        line = text.splitlines()[found.range.start.line]
        assert line[found.range.start.character : found.range.end.character] == "teams/chat.yaml"
        assert found.message.startswith(f"{other}:2:43: unknown backend 'orgin'")
        other.write_text("routes:\n  - {name: rest, match: {path: /a}, forward: origin}\n")
        editor.type(text)
        (twice,) = await editor.diagnostics()
        assert [each.location.uri for each in twice.related_information or ()] == [other.as_uri()]

    edit(tmp_path, act)


INCLUDING = HEAD + "  - include: teams/chat.yaml\n  - {name: rest, forward: origin}\n"
INCLUDED = 'routes:\n  - name: chat\n    match: {path: "/chat/{room}"}\n    public: true\n    handoff: origin\n'
TESTS = "tests:\n  - request: GET https://www.example.com/chat/1\n    expect: {route: chat}\n"


def teams_folder(tmp_path: Path) -> Path:
    """Writes a routes.yaml and a file that it includes. Returns the path of that file."""
    (tmp_path / "teams").mkdir()
    (tmp_path / "routes.yaml").write_text(INCLUDING)
    file = tmp_path / "teams" / "chat.yaml"
    file.write_text(INCLUDED)
    return file


def test_an_included_file_has_its_own_diagnostics(tmp_path: Path) -> None:
    """The texts that are open count, saved or not. Without a routes.yaml that includes it, a file is left alone."""
    file, routes = teams_folder(tmp_path), tmp_path / "routes.yaml"

    async def act(editor: Editor) -> None:
        editor.open(INCLUDED.replace("origin", "orgin"))
        (found,) = await editor.codes_of(file, ["FR203"])
        assert (found.range.start.line, found.range.start.character, found.range.end.character) == (4, 13, 18)
        editor.open(INCLUDING, routes.as_uri())
        assert await editor.codes_of(routes, []) == []
        editor.type(INCLUDED + "  - match: {path: /chat/x}\n    forward: origin\n")
        (dead,) = await editor.codes_of(file, ["FR301"])
        assert dead.range.start.line == 5
        assert [each.location.uri for each in dead.related_information or ()] == [file.as_uri()]
        editor.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(file.as_uri())))
        await editor.codes_of(file, [])
        file.write_text("routes: [\n")
        editor.open(INCLUDING + "# changed\n", routes.as_uri())
        (broken,) = await editor.codes_of(routes, ["FR103"])
        assert INCLUDING.splitlines()[broken.range.start.line] == "  - include: teams/chat.yaml"

    edit(file.parent, act, name="chat.yaml", within=tmp_path)


def test_a_change_of_routes_changes_what_is_told_of_an_included_file(tmp_path: Path) -> None:
    file, routes = teams_folder(tmp_path), tmp_path / "routes.yaml"

    async def act(editor: Editor) -> None:
        editor.open(INCLUDED, file.as_uri())
        await editor.codes_of(file, [])
        editor.open(INCLUDING)
        editor.type(INCLUDING.replace("origin:", "other:").replace("forward: origin", "forward: other"))
        await editor.codes_of(file, ["FR203"])
        editor.type(HEAD + "  - forward: origin\n")
        await editor.codes_of(file, [])
        document = types.TextDocumentIdentifier(file.as_uri())
        assert await editor.text_document_hover_async(types.HoverParams(document, types.Position(4, 6))) is None
        editor.type(INCLUDING)
        await editor.codes_of(routes, [])
        assert await editor.text_document_hover_async(types.HoverParams(document, types.Position(4, 6))) is not None

    edit(tmp_path, act, within=tmp_path)


def test_an_included_file_is_completed_and_explained(tmp_path: Path) -> None:
    file = teams_folder(tmp_path)

    async def act(editor: Editor) -> None:
        editor.open(INCLUDED)
        params = types.HoverParams(**editor.place(INCLUDED.replace("handoff", "hand|off")))
        hover = await editor.text_document_hover_async(params)
        assert hover and isinstance(hover.contents, types.MarkupContent) and "through Fanout" in hover.contents.value
        for text, expected in {
            INCLUDED.replace("handoff: origin", "handoff: |"): ["origin", "self"],
            "|": ["routes"],
            INCLUDED.replace("handoff: origin", "sse: {channel: '{|'}"): ["{room}"],
        }.items():
            found = await editor.text_document_completion_async(types.CompletionParams(**editor.place(text)))
            assert isinstance(found, Sequence) and [each.label for each in found] == expected
        keys = await editor.text_document_completion_async(types.CompletionParams(**editor.place("routes:\n  - |\n")))
        assert isinstance(keys, Sequence) and "include" not in {each.label for each in keys}
        assert {"name", "match", "sse"} <= {each.label for each in keys}

    edit(file.parent, act, name="chat.yaml", within=tmp_path)


def test_an_included_route_shows_a_request_that_gets_there(tmp_path: Path) -> None:
    file = teams_folder(tmp_path)

    async def act(editor: Editor) -> None:
        editor.open(INCLUDED)
        params = types.CodeLensParams(types.TextDocumentIdentifier(file.as_uri()))
        (lens,) = await editor.text_document_code_lens_async(params) or ()
        assert lens.range.start.line == 1 and lens.command and "/chat/" in lens.command.title

    edit(file.parent, act, name="chat.yaml", within=tmp_path)


def test_definitions_are_found_in_other_files(tmp_path: Path) -> None:
    file, routes, tests = teams_folder(tmp_path), tmp_path / "routes.yaml", tmp_path / "routes.test.yaml"
    text = INCLUDING.replace("routes:\n", "auth_profiles:\n  staff: {keys: []}\nroutes:\n", 1)
    routes.write_text(text)
    included = INCLUDED.replace("public: true", "auth: staff")

    async def act(editor: Editor) -> None:
        async def goes_to(uri: str, content: str, mark: str) -> tuple[str, int, int] | None:
            editor.uri = uri
            at = mark.index("|")
            place = editor.place(content.replace(mark.replace("|", ""), mark, 1)) if at >= 0 else {}
            found = await editor.text_document_definition_async(types.DefinitionParams(**place))
            if found is None:
                return None
            assert isinstance(found, types.Location)
            return found.uri, found.range.start.line, found.range.start.character

        for path, content in ((file, included), (routes, text), (tests, TESTS)):
            editor.open(content, path.as_uri())
        line = text.splitlines().index
        backend = routes.as_uri(), line("  origin: {url: https://app.example.com}"), 2
        assert await goes_to(file.as_uri(), included, "handoff: ori|gin") == backend
        assert await goes_to(file.as_uri(), included, "auth: sta|ff") == (routes.as_uri(), line("  staff: {keys: []}"), 2)
        assert await goes_to(file.as_uri(), included.replace("origin", "orgin"), "handoff: org|in") is None
        assert await goes_to(routes.as_uri(), text, "include: teams/ch|at.yaml") == (file.as_uri(), 0, 0)
        assert await goes_to(routes.as_uri(), text.replace("chat.yaml", "none.yaml"), "include: teams/no|ne.yaml") is None
        assert await goes_to(routes.as_uri(), text.replace("teams/chat.yaml", "../x.yaml"), "include: ../x|.yaml") is None
        assert await goes_to(routes.as_uri(), text, "forward: ori|gin") == backend
        editor.uri = file.as_uri()
        editor.type(included)
        assert await goes_to(tests.as_uri(), TESTS, "route: ch|at") == (file.as_uri(), 1, 4)
        rest = TESTS.replace("chat}", "rest, backend: origin}")
        assert await goes_to(tests.as_uri(), rest, "route: re|st") == (
            routes.as_uri(),
            line("  - {name: rest, forward: origin}"),
            5,
        )
        assert await goes_to(tests.as_uri(), rest, "backend: ori|gin") == backend

    edit(tmp_path, act, within=tmp_path)


def test_route_tests_are_checked_completed_and_explained(tmp_path: Path) -> None:
    teams_folder(tmp_path)
    tests = tmp_path / "routes.test.yaml"

    async def act(editor: Editor) -> None:
        editor.open(TESTS)
        assert await editor.diagnostics() == []
        editor.type(TESTS.replace("chat}", "chap}"))
        (found,) = await editor.codes_of(tests, ["FR501"])
        assert (found.range.start.line, found.range.start.character) == (2, 20) and "did you mean 'chat'?" in found.message
        editor.type(TESTS.replace("expect", "expct"))
        await editor.codes_of(tests, ["FR201"])
        editor.type("tests: [\n")
        await editor.codes_of(tests, ["FR103"])
        (tmp_path / "routes.yaml").write_text("version: [\n")
        editor.type(TESTS.replace("chat}", "chap}").replace("request:", "reqest:"))
        await editor.codes_of(tests, ["FR201"])  # the routes have errors, so their names are not known
        (tmp_path / "routes.yaml").write_text(INCLUDING)
        params = types.HoverParams(**editor.place(TESTS.replace("expect", "exp|ect")))
        hover = await editor.text_document_hover_async(params)
        assert hover and isinstance(hover.contents, types.MarkupContent) and "**required**" in hover.contents.value
        for text, expected in {
            TESTS.replace("chat}", "|}"): ["rest", "chat"],
            TESTS.replace("route: chat", "backend: |"): ["origin", "self"],
            TESTS.replace("    expect: {route: chat}\n", "    |\n"): ["name", "expect"],
        }.items():
            found_here = await editor.text_document_completion_async(types.CompletionParams(**editor.place(text)))
            assert isinstance(found_here, Sequence) and [each.label for each in found_here] == expected
        lens = types.CodeLensParams(types.TextDocumentIdentifier(tests.as_uri()))
        assert not await editor.text_document_code_lens_async(lens)

    edit(tmp_path, act, name="routes.test.yaml", within=tmp_path)


def test_a_file_is_not_looked_for_outside_of_the_open_folder(tmp_path: Path) -> None:
    file = teams_folder(tmp_path)

    async def act(editor: Editor) -> None:
        editor.open(INCLUDED)
        document = types.TextDocumentIdentifier(file.as_uri())
        assert await editor.text_document_hover_async(types.HoverParams(document, types.Position(4, 6))) is None
        assert editor.published.empty()

    edit(file.parent, act, name="chat.yaml")
