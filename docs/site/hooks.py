"""Extends MkDocs: pages from the top of the repository, links to the repository's files, and diagrams."""

import posixpath
import re
from logging import getLogger
from pathlib import Path
from typing import Any

from merm import render_diagram
from merm.theme import DEFAULT_THEME
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

REPOSITORY = Path(__file__).parents[2]
# Files outside docs/ that are pages of the site, by the names of these pages.
OUTSIDE = {
    "architecture.md": "ARCHITECTURE.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "vulnerabilities.md": "SECURITY.md",
}
PAGES = {path: name for name, path in OUTSIDE.items()}
# The colors of the theme, which differ between light and dark.
COLORS = DEFAULT_THEME.replace(
    background_color="transparent",
    edge_label_bg="var(--md-default-bg-color)",
    edge_stroke="var(--md-default-fg-color--light)",
    font_family="inherit",
    node_fill="var(--md-code-bg-color)",
    node_stroke="var(--md-primary-fg-color)",
    node_text_color="var(--md-default-fg-color)",
    subgraph_fill="var(--md-code-bg-color)",
    subgraph_stroke="var(--md-default-fg-color--lighter)",
    text_color="var(--md-default-fg-color)",
)
_LINK = re.compile(r"\[(?P<text>[^\[\]]*)\]\((?P<target>[^()#\s:]+)(?P<anchor>#[^()\s]*)?\)")
# The names of tests that show what a sentence says: [`test_a`], [`test_b`, `test_c`].
_TESTS = re.compile(r"\[`test[^\[\]]*\](?!\()(?:,\s+\[`test[^\[\]]*\](?!\())*")
log = getLogger("mkdocs.hooks")


def on_config(config: MkDocsConfig) -> None:
    """Has blocks of the language `mermaid` drawn."""
    config.mdx_configs["pymdownx.superfences"] = {"custom_fences": [{"name": "mermaid", "class": "diagram", "format": diagram}]}


def diagram(source: str, *_: Any, **__: Any) -> str:
    """Returns a Mermaid diagram as SVG in HTML. Its width can shrink with the page."""
    return f'<div class="diagram">{render_diagram(source, theme=COLORS)}</div>'


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Adds the pages from outside docs/."""
    for name, path in OUTSIDE.items():
        files.append(File.generated(config, name, content=(REPOSITORY / path).read_text(encoding="utf-8")))


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Has links between files of the repository lead to pages of the site. A link to any other file becomes its text.

    The names of tests become small.
    """
    here = page.file.src_uri

    def of_the_site(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(OUTSIDE.get(here, f"docs/{here}")), link["target"]))
        if not (REPOSITORY / path).exists():
            log.warning("%s has a link to '%s', which is not there", here, link["target"])
        name = PAGES.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else "")
        if not name:
            return link["text"]
        return f"[{link['text']}]({posixpath.relpath(name, posixpath.dirname(here) or '.')}{link['anchor'] or ''})"

    parts = re.split(r"(^```.*?^```$)", markdown, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if part.startswith("```") else _small(_LINK.sub(of_the_site, part)) for part in parts)


def _small(markdown: str) -> str:
    return _TESTS.sub(lambda tests: f'<small class="tests">{tests[0]}</small>', markdown)
