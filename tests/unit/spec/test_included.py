"""Tests that included routes are routes of the file that includes them, in its place, with their own positions."""

from dataclasses import replace
from pathlib import Path

import pytest

from fanroute.diagnostics.diagnostic import Invalid
from fanroute.pipeline import Compiled, check_routes, compile_routes
from fanroute.project.workspace import Workspace
from fanroute.spec.included import MAX_INCLUDED
from fanroute.spec.inputs import Inputs, read_no_file

START = """\
version: 1
service: {name: chat-edge}
backends:
  origin: {url: "https://app.example.com"}
routes:
"""
ROUTE = "  - {name: NAME, match: {host: HOST, path: /NAME}, forward: origin}\n"


def route(name: str, host: str = "a.example.com") -> str:
    return ROUTE.replace("NAME", name).replace("HOST", host)


def inputs(**files: str) -> Inputs:
    """Returns the inputs of a folder in which `a` is the file teams/a.yaml."""

    def read(path: str, limit: int) -> bytes:
        name = path.removeprefix("teams/").removesuffix(".yaml")
        return files[name].encode() if name in files else read_no_file(path, limit)

    return Inputs(read=read, folder="edge")


def compiled(text: str, **files: str) -> Compiled:
    return compile_routes(text.encode(), inputs(**files))


def faults(text: str, given: Inputs) -> list[str]:
    found = check_routes(text.encode(), given).diagnostics
    return [f"{one.span.file}:{one.span.line}:{one.span.column} {one.code}" for one in found if one.severity != "note"]


def test_included_routes_are_in_the_place_of_the_item() -> None:
    text = (
        START + route("first") + "  - include: teams/a.yaml\n" + route("middle") + "  - {include: teams/b.yaml}\n" + route("last")
    )
    files = {"a": "routes:\n" + route("a1") + route("a2"), "b": "routes:\n" + route("b1")}
    together = START + "".join(map(route, ["first", "a1", "a2", "middle", "b1", "last"]))
    assert compiled(text, **files).plan == compiled(together).plan
    source = compiled(text, **files).source
    spans = [source.key_span(("routes", index)) for index in range(6)]
    assert [(span.file, span.line) for span in spans] == [
        ("", 6), ("edge/teams/a.yaml", 2), ("edge/teams/a.yaml", 3), ("", 8), ("edge/teams/b.yaml", 2), ("", 10)
    ]  # fmt: skip


def test_faults_across_files_have_their_places() -> None:
    text = START + "  - include: teams/a.yaml\n" + route("a", "b.example.com") + "  - include: teams/b.yaml\n"
    files = inputs(
        a="routes:\n" + route("a"), b="routes:\n  - {match: {path: /a, host: a.example.com}, respond: {status: 200}}\n"
    )
    assert faults(text, files) == [":7:12 FR208"]
    valid = text.replace("name: a,", "name: c,")
    assert faults(valid, files) == ["edge/teams/b.yaml:2:6 FR301"]


def test_an_environment_changes_included_hosts() -> None:
    environments = "environments:\n  staging: {hosts: {a.example.com: bad host}}\n"
    text = START.replace("routes:", environments + "routes:") + "  - include: teams/a.yaml\n"
    files = inputs(a="routes:\n" + route("a"))
    assert faults(text, files) == [":6:36 FR204"]
    good = compile_routes(text.replace("bad host", "s.example.com").encode(), replace(files, environment="staging"))
    assert good.plan.routes[0].match.hosts == ("s.example.com",)


def test_variables_of_included_files_are_read_and_concealed() -> None:
    text = START + route("x", "x.example.com") + "  - include: teams/a.yaml\n"
    files = inputs(a="routes:\n" + route("a", "'${HOST}'"))
    assert faults(text, files) == ["edge/teams/a.yaml:2:29 FR210"]
    with_value = replace(files, variables={"HOST": "secret.example.com"})
    assert compile_routes(text.encode(), with_value).plan.routes[1].match.hosts == ("secret.example.com",)
    assert compile_routes(text.encode(), with_value).source.unexpanded == {"secret.example.com": "${HOST}"}
    assert faults("variables: [OTHER]\n" + text, with_value) == ["edge/teams/a.yaml:2:29 FR213"]


def test_each_file_is_read_once() -> None:
    reads: list[str] = []

    def read(path: str, limit: int) -> bytes:
        reads.append(path)
        return b"routes:\n  - respond: {status: 200, file: page.txt}\n" if path.endswith(".yaml") else b"x"

    environments = "environments:\n  staging: {service: {name: staging}}\n"
    text = START.replace("routes:", environments + "routes:") + "  - include: teams/a.yaml\n"
    check_routes(text.encode(), Inputs(read=read))
    assert reads.count("teams/a.yaml") == 1


def test_nothing_outside_of_the_folder_is_included(tmp_path: Path) -> None:
    folder = tmp_path / "edge"
    (folder / "teams").mkdir(parents=True)
    (tmp_path / "outside.yaml").write_text("routes:\n" + route("a"))
    (folder / "teams" / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (folder / "teams" / "up").symlink_to(tmp_path)
    (folder / "within.yaml").write_text("routes:\n" + route("a"))
    (folder / "teams" / "inner.yaml").symlink_to(folder / "within.yaml")
    given = Workspace(folder / "routes.yaml").inputs()
    for path in ("teams/link.yaml", "teams/up/outside.yaml"):
        assert faults(START + f"  - include: {path}\n", given) == [":6:14 FR273"]
    for path in ("../outside.yaml", str(tmp_path / "outside.yaml"), "teams/../../outside.yaml", ""):
        assert faults(START + f"  - include: {path!r}\n", given) == [":6:14 FR204"]
    assert faults(START + "  - include: teams/inner.yaml\n", given) == []


def test_included_files_are_limited_together(tmp_path: Path) -> None:
    given = Workspace(tmp_path / "routes.yaml").inputs()
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("routes:\n" + route(name) + "#" * (MAX_INCLUDED // 2) + "\n")
    assert faults(START + "  - include: a.yaml\n", given) == []
    assert faults(START + "  - include: a.yaml\n  - include: b.yaml\n", given) == [":7:14 FR273"]


def test_a_file_does_not_include_itself() -> None:
    text = START + "  - include: teams/a.yaml\n"
    with pytest.raises(Invalid, match="the file includes itself"):
        compiled(text, a=text)


@pytest.mark.parametrize("value", ["[]", "{}", "null", "''", "5", "[a]", "{a: b}", "true"])
@pytest.mark.parametrize("form", ["  - include: VALUE\n", "  - {include: a.yaml, include: VALUE}\n", "  include: VALUE\n"])
def test_no_shape_is_a_traceback(form: str, value: str) -> None:
    assert faults(START + form.replace("VALUE", value), inputs())


@pytest.mark.parametrize(
    "content", ["", "[]", "routes:\n", "routes: 5\n", "routes: [5]\n", "a: &a b\n", "\ufffe", "routes: [{include: a}]\n"]
)
def test_no_included_shape_is_a_traceback(content: str) -> None:
    found = faults(START + "  - include: teams/a.yaml\n", inputs(a=content))
    assert found and all(one.startswith("edge/teams/a.yaml:") for one in found)
