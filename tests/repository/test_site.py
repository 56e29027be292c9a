"""Tests the site that `make docs` builds: it is complete, loads nothing from elsewhere, and a broken link stops the build."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

# The attributes with which an element loads something.
LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "srcset", "video": "src", "audio": "src", "use": "href"}
# The kinds of links that make a browser load something.
LOADED_LINKS = {"stylesheet", "icon", "preload", "preconnect", "dns-prefetch", "modulepreload", "manifest"}


def build(repository: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    environment = {**os.environ, "NO_COLOR": "1", "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = build(REPOSITORY, folder)
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    return folder


def test_each_page_is_built(site: Path) -> None:
    pages = {path.relative_to(REPOSITORY / "docs").with_suffix("") for path in (REPOSITORY / "docs").rglob("*.md")}
    built = {path.relative_to(site).with_suffix("") for path in site.rglob("*.html")}
    assert pages < built
    assert {Path(name) for name in ("architecture", "changelog", "contributing", "vulnerabilities")} < built


def test_a_page_loads_nothing_from_elsewhere(site: Path) -> None:
    found = [(path.name, url) for path in site.rglob("*.html") for url in loaded(path.read_text(encoding="utf-8"))]
    assert len(found) > 100
    assert [load for load in found if is_elsewhere(load[1])] == []


def test_a_style_loads_nothing_from_elsewhere(site: Path) -> None:
    styles = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    urls = [url for style in styles for url in re.findall(r"(?:url\(|@import )[\"']?([^\"')]+)", style)]
    assert styles
    assert [url for url in urls if is_elsewhere(url)] == []


def test_what_comes_from_elsewhere_is_noticed() -> None:
    page = '<link rel="preconnect stylesheet" href="https://a.example"><a href="https://b.example"><script src="//c.example/x">'
    assert [url for url in loaded(page) if is_elsewhere(url)] == ["https://a.example", "//c.example/x"]


def test_what_leads_nowhere_stops_the_build(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    for path in REPOSITORY.iterdir():
        if path.name not in ("docs", "build"):
            (repository / path.name).symlink_to(path)
    shutil.copytree(REPOSITORY / "docs", repository / "docs")
    with (repository / "docs" / "index.md").open("a", encoding="utf-8") as page:
        page.write("\n[one](nothing.md) [two](reference.md#nothing) [three](../nothing/x.py)\n")
    (repository / "docs" / "forgotten.md").write_text("# Forgotten\n", encoding="utf-8")
    built = build(repository, tmp_path / "site")
    assert built.returncode == 1
    for complaint in (
        "link 'nothing.md', but the target is not found",
        "'reference.md#nothing', but the doc 'reference.md' does not contain an anchor '#nothing'",
        "a link to '../nothing/x.py', which is not there",
        'not included in the "nav" configuration:\n  - forgotten.md',
    ):
        assert complaint in built.stderr


class Loads(HTMLParser):
    """Collects the URLs that a browser loads for a page."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "link" and LOADED_LINKS & set(values.get("rel", "").split()):
            self.urls.append(values["href"])
        if values.get(LOADS.get(tag, "")):
            self.urls.append(values[LOADS[tag]])


def loaded(page: str) -> Iterator[str]:
    """Yields the URLs that a browser loads for a page."""
    parser = Loads()
    parser.feed(page)
    yield from parser.urls


def is_elsewhere(url: str) -> bool:
    return re.match(r"[a-z]+:|//", url) is not None and not url.startswith("data:")
