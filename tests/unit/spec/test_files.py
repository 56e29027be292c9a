"""Tests the files that routes answer with: which files of a folder may be read, and the media type of a name."""

import os
from pathlib import Path

import pytest

from fanroute.bundle import toolchain
from fanroute.bundle.builder import app_files
from fanroute.codegen import app_module
from fanroute.diagnostics.diagnostic import Invalid
from fanroute.pipeline import Compiled, compile_routes
from fanroute.project.workspace import Workspace
from fanroute.spec.inputs import MAX_FILE, media_type
from fanroute.spec.types import is_file_path

ROUTES = b"""
version: 1
service: {name: x}
backends: {origin: {url: "https://a.example.com"}}
routes:
  - respond: {status: 200, file: page}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "folder" / "pages").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    return Workspace(tmp_path / "folder" / "routes.yaml")


@pytest.mark.parametrize("path", ["a", "a.html", "./a", "pages/a b.html", "...", "a..b", "é"])
def test_paths_within_the_folder(path: str) -> None:
    assert is_file_path(path)


@pytest.mark.parametrize("path", ["", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", "a/..", "a\\b", "a\nb", "C:\\a"])
def test_paths_that_leave_it_or_are_none(path: str) -> None:
    assert not is_file_path(path)


def test_a_file_is_read_up_to_a_limit(workspace: Workspace) -> None:
    (workspace.routes.parent / "pages" / "a").write_bytes(bytes(range(256)))
    assert workspace.read("pages/a", 256) == bytes(range(256))
    with pytest.raises(OSError, match="it has more than 255 bytes"):
        workspace.read("./pages/a", 255)


def test_links_within_the_folder_are_followed(workspace: Workspace) -> None:
    folder = workspace.routes.parent
    (folder / "pages" / "a").write_text("a")
    (folder / "link").symlink_to("pages/a")
    assert workspace.read("link", 10) == b"a"


@pytest.mark.parametrize("target", ["../secret", "/etc/passwd", "loop", "missing", "pages", "pipe"])
def test_what_is_no_file_of_the_folder_is_not_read(workspace: Workspace, target: str) -> None:
    os.mkfifo(workspace.routes.parent / "pipe")
    (workspace.routes.parent / "loop").symlink_to(target)
    with pytest.raises(OSError):
        workspace.read("loop", 10)


def compiled(workspace: Workspace) -> Compiled:
    return compile_routes(ROUTES, workspace.inputs())


def test_the_largest_file_and_a_larger_one(workspace: Workspace) -> None:
    page = workspace.routes.parent / "page"
    page.write_bytes(b"x" * MAX_FILE)
    assert "x" * MAX_FILE in app_files(compiled(workspace).plan)[app_module.ROUTES_FILE]
    page.write_bytes(b"x" * (MAX_FILE + 1))
    with pytest.raises(Invalid) as raised:
        compiled(workspace)
    (diagnostic,) = raised.value.diagnostics
    assert (diagnostic.code, diagnostic.message) == ("FR211", "the file 'page' cannot be read: it has more than 1,048,576 bytes")
    assert (diagnostic.span.line, diagnostic.span.column) == (6, 34)


def test_a_component_is_made_anew_where_a_file_changes(workspace: Workspace) -> None:
    keys = set()
    for content in (b"one", b"two"):
        (workspace.routes.parent / "page").write_bytes(content)
        keys.add(toolchain.build_key(app_files(compiled(workspace).plan), {}))
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("path", "content", "guessed"),
    [
        ("a.html", b"", "text/html; charset=utf-8"),
        ("a.HTML", "é".encode(), "text/html; charset=utf-8"),
        ("a.html", b"\xe9", "text/html"),
        ("pages.d/a", b"", "application/octet-stream"),
        ("a.html/b", b"", "application/octet-stream"),
        (".html", b"", "application/octet-stream"),
        ("a.unknown", b"", "application/octet-stream"),
        ("a.css", b"", "text/css; charset=utf-8"),
        ("a.mjs", b"", "text/javascript; charset=utf-8"),
        ("a.json", b"\xe9", "application/json"),
        ("a.webmanifest", b"", "application/manifest+json"),
        ("a.svg", b"", "image/svg+xml"),
        ("a.woff2", b"", "font/woff2"),
        ("a.ico", b"", "image/vnd.microsoft.icon"),
        ("data:text/html,a.png", b"", "image/png"),
        ("a.tar.gz", b"", "application/octet-stream"),
    ],
)
def test_a_type_is_what_the_name_says(path: str, content: bytes, guessed: str) -> None:
    assert media_type(path, content) == guessed
