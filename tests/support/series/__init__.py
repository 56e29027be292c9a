"""A component of the tests' own that tells a request's number in its sandbox, and in which things go wrong."""

from pathlib import Path

from fanroute.project.workspace import Workspace
from tests.support.facts import build_app


def build_series(folder: Path) -> Workspace:
    """Build it in a folder."""
    return build_app(folder, Path(__file__).parent / "app.py")
