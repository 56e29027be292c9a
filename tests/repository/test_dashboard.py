"""The dashboard and the queries of docs/guides/logs.md name only fields that a line has."""

import json
import re
from pathlib import Path

from fanroute_runtime.plan.logs import FIELDS

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
# The label that Loki's parser of JSON makes of each field.
LABELS = {re.sub(r"[^A-Za-z0-9]", "_", field) for field in FIELDS}
_LABEL = re.compile(r"\b(?:fanroute|http(?=_re)|url)_\w+")


def expressions() -> list[str]:
    panels = json.loads((GUIDES / "logs-dashboard.json").read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_each_panel_asks_for_fields_of_a_line() -> None:
    used = {label for expression in expressions() for label in _LABEL.findall(expression)}
    assert len(used) > 5
    assert used <= LABELS, used - LABELS


def test_each_legend_is_what_its_panel_groups_by() -> None:
    panels = json.loads((GUIDES / "logs-dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        for target in panel["targets"]:
            (grouped,) = re.findall(r"by \(([\w, ]+)\)", target["expr"]) or [""]
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert label in grouped.split(", "), panel["title"]
            assert target["expr"].count("(") == target["expr"].count(")")


def test_the_guides_queries_ask_for_fields_of_a_line() -> None:
    used = set(_LABEL.findall((GUIDES / "logs.md").read_text()))
    assert used and used <= LABELS, used - LABELS


def test_every_field_is_explained() -> None:
    text = (GUIDES.parent / "language" / "logs.md").read_text()
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    assert [name for row in rows for name in re.findall(r"`([\w.]+)`", row)] == list(FIELDS)
