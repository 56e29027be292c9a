"""Tests the docs that are generated from the code, the rules' examples and docstrings. `pytest --update` rewrites the pages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from fanroute.cli.catalog import CODES
from fanroute.cli.codes_page import diagnose, diagnose_tests, diagnostics_page, example_bytes, example_report, section
from fanroute.diagnostics import text_report
from fanroute.diagnostics.rule import Rule
from fanroute.spec.document import Spec
from fanroute.spec.inputs import Inputs
from fanroute.spec.json_schema import key_descriptions
from fanroute.spec.reference_page import reference_page
from fanroute.spec.types import Model
from tests.conftest import REPOSITORY

REFERENCE = REPOSITORY / "docs" / "reference.md"
TESTING = REPOSITORY / "docs" / "testing.md"
PAGE = REPOSITORY / "docs" / "diagnostics.md"
PAGES = sorted((REPOSITORY / "docs").rglob("*.md"))
READMES = [
    REPOSITORY / "README.md",
    *sorted(path for name in ("bench", "examples") for path in (REPOSITORY / name).rglob("README.md")),
]
INPUTS = Inputs()
ALL = [pytest.param(rule, id=rule.code) for rule in CODES.values()]
WITH_EXAMPLE = [pytest.param(rule, id=rule.code) for rule in CODES.values() if rule.example is not None]


def test_the_page_is_made_from_the_rules(request: pytest.FixtureRequest) -> None:
    page = diagnostics_page(INPUTS)
    if request.config.getoption("--update"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page


@pytest.mark.parametrize("rule", WITH_EXAMPLE)
def test_an_example_breaks_its_rule_and_no_other(rule: Rule) -> None:
    example, tests = example_bytes(rule), rule.tests.encode()
    of_tests, of_routes = diagnose_tests(example, tests, INPUTS) if tests else ([], diagnose(example, INPUTS))
    (diagnostic,) = [*of_tests, *of_routes]
    assert (diagnostic.code, diagnostic.severity) == (rule.code, rule.severity)


@pytest.mark.parametrize("rule", WITH_EXAMPLE)
def test_the_page_says_what_the_compiler_says(rule: Rule) -> None:
    text = example_report(rule, INPUTS)
    assert text.startswith(("routes.yaml:", "routes.test.yaml:"))
    on_page = PAGE.read_text(encoding="utf-8").partition(f"\n## {rule.code}\n")[2].partition("\n## ")[0]
    assert f"```text\n{text}\n```" in on_page


def test_only_what_no_file_shows_has_no_example() -> None:
    """These codes are about a missing file, a file next to routes.yaml, an option, a local edge, and a link in the way."""
    assert [code for code, rule in CODES.items() if rule.example is None] == [
        "FR101",
        "FR252",
        "FR270",
        "FR511",
        "FR512",
        "FR517",
    ]
    assert "```" not in section(CODES["FR101"], INPUTS)


def test_the_rules_are_those_of_the_compiler() -> None:
    """Each rule is a constant named by its code, and each is reported somewhere."""
    trees = [ast.parse(path.read_text()) for path in (REPOSITORY / "compiler" / "fanroute").rglob("*.py")]
    names = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name) and re.fullmatch(r"FR\d+", node.id)]
    assigned, reported = ({name.id for name in names if isinstance(name.ctx, context)} for context in (ast.Store, ast.Load))
    assert assigned == reported == set(CODES)
    assert list(CODES) == sorted(CODES)


@pytest.mark.parametrize("rule", ALL)
def test_a_rule_is_written_as_the_others(rule: Rule) -> None:
    assert rule.title[0].islower() and not rule.title.endswith(".")
    for text in (rule.explanation, rule.fix):
        assert text[0].isupper() and text.endswith(".") and text == text.strip()


def test_docstrings_begin_with_a_sentence() -> None:
    """A docstring that begins with one of these words is a fragment without a verb."""
    fragment = re.compile(r"(What|Of what|Of which|Those|Whether|Whose)\b")
    found = []
    for folder in ("compiler", "runtime", "bench", "tests"):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            name = path.relative_to(REPOSITORY).as_posix()
            if not name.startswith(("bench/apps/", "tests/golden/cases/")):
                found += [f"{name}: {owner}" for owner, text in docstrings(ast.parse(path.read_text())) if fragment.match(text)]
    assert not found, "docstrings that do not begin with a sentence:\n" + "\n".join(found)


def docstrings(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yields the docstrings of a module and of its classes and functions, with their names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield getattr(node, "name", "the module"), ast.get_docstring(node) or ""


def models(model: type[Model]) -> Iterator[type[Model]]:
    """Yields all models."""
    for kind in model.__subclasses__():
        yield kind
        yield from models(kind)


@pytest.mark.parametrize("model", [pytest.param(model, id=model.__name__) for model in models(Model)])
def test_every_key_says_what_it_means(model: type[Model]) -> None:
    assert model.__doc__
    assert list(model.model_fields) == list(key_descriptions(model))


def test_the_reference_is_made_from_the_models(request: pytest.FixtureRequest) -> None:
    page = reference_page()
    if request.config.getoption("--update"):
        REFERENCE.write_text(page, encoding="utf-8")
    assert REFERENCE.read_text(encoding="utf-8") == page


def test_the_reference_has_every_key() -> None:
    page = REFERENCE.read_text(encoding="utf-8")
    rows = re.findall(r'^\| <a id="[a-z_-]+"></a>`(\w+)` \| (.+) \| (.+) \|$', page, re.MULTILINE)
    meant = {meaning for model in parts(Spec) for meaning in key_descriptions(model).items()}
    assert {(key, meaning) for key, _, meaning in rows} == meant
    assert not re.search(
        r"\b(str|int|bool|dict|None|Annotated|[A-Z][a-z]+[A-Z][a-z]+)\b", " ".join(value for _, value, _ in rows)
    )


def test_the_references_links_lead_somewhere() -> None:
    page = REFERENCE.read_text(encoding="utf-8")
    anchors = re.findall(r'<a id="([^"]+)"', page) + [
        heading_anchor(title) for title in re.findall(r"^## (.+)$", page, re.MULTILINE)
    ]
    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r"\(#([^)]+)\)", page)) <= set(anchors)


def test_the_page_on_testing_shows_what_is_said(request: pytest.FixtureRequest) -> None:
    """The page has one routes.yaml and one routes.test.yaml, and the report on both."""
    page = TESTING.read_text(encoding="utf-8")
    routes, tests = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    of_tests, of_routes = diagnose_tests(routes.encode(), tests.encode(), INPUTS)
    text = f"{text_report.render(of_tests, 'routes.test.yaml', tests)}\n{text_report.render(of_routes, 'routes.yaml', routes)}\n"
    before, _, rest = page.partition("```text\n")
    if request.config.getoption("--update"):
        TESTING.write_text(f"{before}```text\n{text}```{rest.partition('```')[2]}", encoding="utf-8")
    assert f"```text\n{text}```" in TESTING.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_tests_that_a_page_names_are_there(page: Path) -> None:
    assert named_in(page.read_text(encoding="utf-8")) <= all_tests()


def test_some_pages_name_tests() -> None:
    named = {page.name for page in PAGES if named_in(page.read_text(encoding="utf-8"))}
    assert {"auth.md", "differences.md", "security.md"} < named


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.parent.name)
def test_the_links_of_a_page_that_is_not_on_the_site_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^():#]+)[#)]|(?:src|srcset)=\"([^\"]+)\"", page.read_text(encoding="utf-8"))
    assert [link for one in links for link in one if link and not (page.parent / link).exists()] == []


def test_each_threat_has_a_test() -> None:
    threats = (REPOSITORY / "docs" / "security.md").read_text(encoding="utf-8").partition("## Threats")[2].partition("\n## ")[0]
    rows = [line for line in threats.splitlines() if line.startswith("| ") and "---" not in line and "| tests |" not in line]
    assert len(rows) > 20
    assert [row for row in rows if not named_in(row.split(" | ")[-1])] == []


def test_a_test_that_is_not_there_is_missed() -> None:
    assert named_in("[`test_a_claim_reaches_no_backend`], [`test_nothing`]") - all_tests() == {"test_nothing"}


def named_in(text: str) -> set[str]:
    """Returns the tests that a page names."""
    return set(re.findall(r"\b(test_\w+)\b(?!\.py)", text))


def all_tests() -> set[str]:
    """Returns the names of all tests."""
    sources = [path.read_text(encoding="utf-8") for path in (REPOSITORY / "tests").rglob("test_*.py")]
    return {name for source in sources for name in re.findall(r"^def (test_\w+)\(", source, re.MULTILINE)}


def heading_anchor(title: str) -> str:
    """Returns the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def parts(annotation: Any) -> set[type[Model]]:
    """Returns the models that occur in an annotation."""
    found = {part for inner in get_args(annotation) for part in parts(inner)}
    if isinstance(annotation, type) and issubclass(annotation, Model):
        found |= {annotation, *(part for field in annotation.model_fields.values() for part in parts(field.annotation))}
    return found
