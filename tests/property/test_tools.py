"""Tests with generated files that formatting loses nothing, and that the schema accepts valid ones."""

import re
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from fanroute.formatting.formatter import format_routes
from fanroute.formatting.scalars import block_scalar
from fanroute.pipeline import compile_routes
from fanroute.spec.json_schema import routes_schema
from fanroute.syntax.source import parse_yaml, plain_scalar_value
from tests.conftest import INPUTS
from tests.property.auths import specs
from tests.property.language import STYLES, Data, written
from tests.support.counts import COUNTS
from tests.unit.formatting.test_formatting import form, told

VALIDATOR = Draft202012Validator(routes_schema())

WORDS = """
on 010 yes 1e3 ~ null true 0o7 1_000 12:30 2026-01-01 - ? # : a: { } [a] *a &a !a %a @a `a` | > ' " \\ ${A} --- ... << = .inf 0x1f
""".split()
ODD = ["", " ", "- a", "a: b", "a #b", "a\nb", "\n", "a\n\n", " a\n", "a\tb", "${A:-b c}"]
UNICODE = ["é", "\u00a0", "\u2028", "\u0085", "\ufeff", "\U0001f600"]
HOSTILE = st.sampled_from([*WORDS, *ODD, *UNICODE])
TEXT = HOSTILE | st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\ufffe\uffff"), max_size=12)
SCALAR = TEXT | st.booleans() | st.integers(-(10**17), 10**17)
DATA = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=12)
NAMES = st.sampled_from(["routes", "version", "service", "backends", "zzz"])
FILES = st.dictionaries(NAMES, DATA, min_size=1, max_size=4)


COMMENT = st.sampled_from(["# about", "#", "#!x: {y", "# - 'a", "# \u00e9\t# b"])


class Writer:
    """Writes data as YAML in a generated style, with comments wherever YAML allows them."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def maybe(self, chance: int = 4) -> bool:
        return self.draw(st.integers(1, chance)) == chance

    def comment(self) -> str:
        return self.draw(COMMENT)

    def above(self) -> list[str]:
        """Generates empty lines and comments to put between others."""
        lines = []
        while self.maybe():
            lines.append(" " * self.draw(st.integers(0, 8)) + self.comment() if self.maybe(2) else "")
        return lines

    def beside(self) -> str:
        return " " * self.draw(st.integers(1, 3)) + self.comment() if self.maybe() else ""

    def scalar(self, value: str | int | bool, flow: bool = False) -> str:
        if not isinstance(value, str):
            return str(value).lower()
        if re.fullmatch("[a-z0-9.]+", value) and isinstance(plain_scalar_value(value), str) and value != "null" and self.maybe(2):
            return value
        style = self.draw(st.sampled_from(["'", '"', *([] if flow else [None])]))
        dumped = (yaml.dump(value, default_style=way, width=10**6, allow_unicode=True) for way in (style, '"'))
        lines = (text.removesuffix("...\n").removesuffix("\n") for text in dumped)
        return next(text for text in lines if not set(text) & set("\n\x85\u2028\u2029"))

    def flow(self, data: Any, indent: int) -> str:
        if not isinstance(data, dict | list):
            return self.scalar(data, flow=True)
        between = [f"{self.beside()}\n" + " " * (indent + 1) if self.maybe() else " " for _ in range(len(data) + 1)]
        items = [self.flow(item, indent) for item in (data.values() if isinstance(data, dict) else data)]
        if isinstance(data, dict):
            items = [f"{self.scalar(key, flow=True)}: {item}" for key, item in zip(data, items, strict=True)]
        inner = ",".join(space + item for space, item in zip(between, items, strict=False))
        opening, closing = "{}" if isinstance(data, dict) else "[]"
        return f"{opening}{inner}{between[-1]}{closing}"

    def value(self, head: str, data: Any, indent: int) -> list[str]:
        """Returns the lines of a key or item, which begin with `head`."""
        if not data or not isinstance(data, dict | list) or self.maybe(3):
            lines = block_scalar(data) if isinstance(data, str) and self.maybe(2) else None
            if lines:
                return [f"{head} {lines[0]}{self.beside()}", *(" " * (indent + 2) + line if line else "" for line in lines[1:])]
            inline = self.flow(data, indent) if isinstance(data, dict | list) else self.scalar(data)
            return [f"{head} {inline}{self.beside()}"]
        return [head + self.beside(), *self.block(data, indent + self.draw(st.integers(1, 4)))]

    def block(self, data: Any, indent: int) -> list[str]:
        lines = []
        for key in data if isinstance(data, dict) else range(len(data)):
            head = f"{self.scalar(key)}:" if isinstance(data, dict) else "-"
            lines += [*self.above(), *self.value(" " * indent + head, data[key], indent)]
        return [*lines, *self.above()]


@st.composite
def texts(draw: st.DrawFn) -> str:
    return "\n".join(Writer(draw).block(draw(FILES), 0)) + "\n"


@given(texts())
def test_formatting_loses_nothing(text: str) -> None:
    """Formatting keeps data and comments, and formatting again changes nothing."""
    done = form(text)
    assert (parse_yaml(done).data, told(done)) == (parse_yaml(text).data, told(text))
    assert form(done) == done
    COUNTS["generated YAML files, formatted"] += 1


@given(texts())
def test_every_reader_takes_it_for_the_same(text: str) -> None:
    """A reader of YAML 1.1 and one of YAML 1.2 read the same data."""
    done = form(text)
    assert yaml.safe_load(done) == parse_yaml(text).data
    assert YAML(typ="safe", pure=True).load(done) == parse_yaml(text).data


@given(specs(), STYLES)
def test_a_routes_yaml_is_formatted_and_fits_the_schema(spec: Data, style: Data) -> None:
    raw = written(spec, style)
    done = format_routes(raw, INPUTS)
    assert format_routes(done.encode(), INPUTS) == done
    assert compile_routes(done.encode(), INPUTS).plan == compile_routes(raw, INPUTS).plan
    assert [error.message for error in VALIDATOR.iter_errors(parse_yaml(done).data)] == []
