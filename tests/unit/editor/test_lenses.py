"""Tests what is shown above routes."""

from pathlib import Path

from fanroute.editor.diagnostics import diagnostics_of
from fanroute.editor.document import Document
from fanroute.editor.lenses import lenses_of
from fanroute.editor.positions import Positions
from tests.support.editors import HEAD

ROUTES = (
    HEAD
    + """\
  - match: {path: /a, method: GET}
    forward: origin
  - match: {path: /a, method: GET, scheme: https}
    forward: origin
  - sse: {channel: news, cors: {origins: [https://app.example.com]}}
  - respond: {status: 404}
"""
)


def titles(text: str) -> list[str]:
    document = Document("file:///routes.yaml", Path("/routes.yaml"), Positions(text))
    diagnostics_of(document)
    return [lens.command.title for lens in lenses_of(document) if lens.command]


def test_each_route_says_what_it_gets() -> None:
    assert titles(ROUTES) == [
        "gets GET /a, such as GET https://example.com/a",
        "no request gets here",
        "gets *, such as GET https://example.com/",
        "no request gets here",
    ]


def test_a_file_with_errors_shows_nothing() -> None:
    assert titles(ROUTES.replace("origin:", "other:")) == []
