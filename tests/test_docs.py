"""The docs that are made from the code, and the rules' examples. `pytest --update` rewrites the page."""

import re
from collections.abc import Iterator

import pytest

from fanroute.model import Model
from fanroute.reference import diagnosed, diagnostics_page, example_of, explained, said
from fanroute.rules import CODES, Rule
from fanroute.surroundings import Surroundings
from fanroute.workspace import runtime_sources
from tests.conftest import REPOSITORY

PAGE = REPOSITORY / "docs" / "diagnostics.md"
SURROUNDINGS = Surroundings(runtime_sources())
ALL = [pytest.param(rule, id=rule.code) for rule in CODES.values()]
WITH_EXAMPLE = [pytest.param(rule, id=rule.code) for rule in CODES.values() if rule.example is not None]


def test_the_page_is_made_from_the_rules(request: pytest.FixtureRequest) -> None:
    page = diagnostics_page(SURROUNDINGS)
    if request.config.getoption("--update"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page


@pytest.mark.parametrize("rule", WITH_EXAMPLE)
def test_an_example_breaks_its_rule_and_no_other(rule: Rule) -> None:
    (diagnostic,) = diagnosed(example_of(rule), SURROUNDINGS)
    assert (diagnostic.code, diagnostic.severity) == (rule.code, rule.severity)


@pytest.mark.parametrize("rule", WITH_EXAMPLE)
def test_the_page_says_what_the_compiler_says(rule: Rule) -> None:
    text = said(example_of(rule), SURROUNDINGS)
    assert text.startswith("routes.yaml:")
    section = PAGE.read_text(encoding="utf-8").partition(f"\n## {rule.code}\n")[2].partition("\n## ")[0]
    assert f"```text\n{text}\n```" in section


def test_only_a_file_that_is_not_there_has_no_example() -> None:
    assert [code for code, rule in CODES.items() if rule.example is None] == ["FR101"]
    assert "```" not in explained(CODES["FR101"], SURROUNDINGS)


def test_the_rules_are_those_of_the_compiler() -> None:
    """No code without a rule, and no rule that nothing tells."""
    modules = (REPOSITORY / "compiler" / "fanroute").rglob("*.py")
    told = {code for path in modules if path.parent.name != "rules" for code in re.findall(r'"(FR\d+)"', path.read_text())}
    assert told == set(CODES)
    assert list(CODES) == sorted(CODES)


@pytest.mark.parametrize("rule", ALL)
def test_a_rule_is_written_as_the_others(rule: Rule) -> None:
    assert rule.title[0].islower() and not rule.title.endswith(".")
    for text in (rule.why, rule.mend):
        assert text[0].isupper() and text.endswith(".") and text == text.strip()


def models(model: type[Model]) -> Iterator[type[Model]]:
    """All models there are."""
    for kind in model.__subclasses__():
        yield kind
        yield from models(kind)


@pytest.mark.parametrize("model", [pytest.param(model, id=model.__name__) for model in models(Model)])
def test_every_key_says_what_it_means(model: type[Model]) -> None:
    assert model.__doc__
    assert [name for name, field in model.model_fields.items() if not field.description] == []
