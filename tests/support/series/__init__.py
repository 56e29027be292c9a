"""Builds a test component that answers with a request's number in its sandbox, and can be made to fail."""

from pathlib import Path

from fanroute.project.workspace import Workspace
from tests.support.facts import build_app


def build_series(folder: Path) -> Workspace:
    """Builds the component in a folder."""
    return build_app(folder, Path(__file__).parent / "app.py")
