"""Each reason of the runtime has its place in the table of hints."""

import ast
import re
from collections.abc import Iterator
from itertools import product

import pytest

from fanroute.cli import SECTIONS
from fanroute.devserver.refusals import HINTS, hint_for
from tests.conftest import REPOSITORY

RUNTIME = REPOSITORY / "runtime" / "fanroute_runtime"
# The calls that give a reason: the position of its argument, and the text around it. `FAILURES` have the same text.
REASONS = {
    "Refused": (1, "{}"),
    "text_answer": (1, "{}"),
    "Answer": (2, "{}"),
    "_refusal": (2, "{}"),
    "_challenge": (1, "{}"),
    "BadToken": (0, "The token is refused: {}."),
    "_insufficient": (0, "The token does not allow this, because of {}."),
    "close": (1, "{}"),
}
# The parts of reasons that are chosen from a table, by the names of what stands for them.
CHOSEN = {
    "description": [
        "has a segment '.' or '..'",
        "has a backslash",
        "has a control character",
        "has an empty segment",
        "has an encoded slash",
        "has a ';'",
    ],
    "_FAILURES[status]": ["cannot be reached", "does not answer in time"],
    "what": ["query parameter", "header"],
    "name": ["path", "path for the backend"],
}
# Texts that are no reason of their own: those of another error that is passed on.
PASSED_ON = {"refused.told", "reason", "bad", "message"}


def reasons() -> Iterator[tuple[str, str]]:
    """Yields each reason in the runtime's source, with the place where it stands."""
    for path in sorted(RUNTIME.rglob("*.py")):
        tree = ast.parse(path.read_text())
        constants = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            position, around = REASONS.get(name, (0, ""))
            argument = node.args[position] if around and len(node.args) > position else None
            # The texts that `_challenge` puts together have parts that other calls give, and most answers are no refusals.
            is_other = isinstance(argument, ast.JoinedStr) if name == "_challenge" else not isinstance(argument, ast.Constant)
            if argument is not None and not (name in ("_challenge", "Answer") and is_other):
                for text in texts(argument, constants):
                    yield f"{path.relative_to(RUNTIME)}:{node.lineno}", around.format(text)


def texts(node: ast.expr, constants: dict[str, ast.expr]) -> Iterator[str]:
    """Yields the texts that an argument can be. Parts that are not known are `7`."""
    if isinstance(node, ast.Constant):
        yield node.value.decode().strip() if isinstance(node.value, bytes) else str(node.value)
    elif isinstance(node, ast.Name) and node.id in constants:
        yield from texts(constants[node.id], constants)
    elif isinstance(node, ast.JoinedStr):
        parts = [value_of(part) for part in node.values]
        for chosen in product(*(CHOSEN.get(part, [part]) for part in parts)):
            yield "".join(chosen)
    else:
        assert ast.unparse(node) in PASSED_ON | {"UNREADABLE", "UNREADABLE_STORE"}, ast.unparse(node)


def value_of(part: ast.expr) -> str:
    """Returns a part of an f-string: its text, a name of CHOSEN, or 7."""
    if isinstance(part, ast.FormattedValue):
        expression = ast.unparse(part.value)
        return expression if expression in CHOSEN else "7"
    assert isinstance(part, ast.Constant)
    return str(part.value)


FOUND = sorted(set(reasons()))


def test_the_reasons_are_found() -> None:
    found = {reason for _, reason in FOUND}
    assert {"This request needs a token.", "The path has a backslash.", "No route matches this request.", "Idle."} <= found
    assert len(found) > 50


@pytest.mark.parametrize(("place", "reason"), FOUND, ids=[f"{place} {reason}" for place, reason in FOUND])
def test_each_reason_has_one_place_in_the_table(place: str, reason: str) -> None:
    assert len([pattern for pattern, _ in HINTS if re.fullmatch(pattern, reason, re.DOTALL)]) == 1, place


@pytest.mark.parametrize("pattern", [pattern for pattern, _ in HINTS if not pattern.endswith("gave no answer: .+")])
def test_each_place_has_a_reason(pattern: str) -> None:
    assert any(re.fullmatch(pattern, reason) for _, reason in FOUND), pattern


def test_a_hint_names_options_that_exist() -> None:
    """Each name in backquotes is a command, or a key of routes.yaml at its place in docs/reference.md."""
    commands = {f"fanroute {name}" for names in SECTIONS.values() for name in names}
    page = (REPOSITORY / "docs" / "reference.md").read_text()
    for _, hint in HINTS:
        for option in set(re.findall(r"`([^`]+)`", hint)) - commands:
            keys = re.findall(r"[a-z_]+", option.partition(":")[0]) + re.findall(r"\{([a-z_]+):", option)
            assert keys
            for key in keys:
                assert f"</a>`{key}`" in page or f"`{key}` |" in page, option


def test_a_reason_that_is_not_known_has_no_hint() -> None:
    assert hint_for("") == hint_for("What?") == ""
    assert "public: true" in hint_for("This request needs a token.")
