"""Tests the variables of the build's environment, which are written as in shells."""

import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanroute.bundle import toolchain
from fanroute.bundle.builder import app_files
from fanroute.pipeline import Compiled, compile_routes
from fanroute.spec.inputs import Inputs
from fanroute.syntax.variables import (
    command_unexpander,
    expand_variables,
    is_allowed,
    takes_variables,
    unexpander,
    variable_names,
)

ENVIRONMENT = {"HOST": "a.example.com", "EMPTY": "", "_x1": "y", "NESTED": "${HOST}"}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("no variable", "no variable"),
        ("${HOST}", "a.example.com"),
        ("https://${HOST}:${_x1}", "https://a.example.com:y"),
        ("${HOST:-b}", "a.example.com"),
        ("${UNSET:-b}", "b"),
        ("${UNSET:-}", ""),
        ("${UNSET:-a:-b}", "a:-b"),
        ("${UNSET:-a\nb}", "a\nb"),
        ("${EMPTY}", ""),
        ("${EMPTY:-b}", "b"),
        ("${NESTED}", "${HOST}"),
        ("$HOST $${ ${HOST", "$HOST $${ ${HOST"),
    ],
)
def test_a_text_with_variables(text: str, expanded: str) -> None:
    assert expand_variables(text, ENVIRONMENT) == (expanded, [])


@pytest.mark.parametrize("text", ["${}", "${1}", "${HOST-b}", "${HOST:b}", "${ HOST}", "${:-b}", "${HÖST}", "${HOST:?}"])
def test_what_names_no_variable(text: str) -> None:
    _, [wrong] = expand_variables(text, ENVIRONMENT)
    assert wrong == ("", f"'{text}' is not a reference to a variable", "write '${NAME}' or '${NAME:-default}'")


def test_each_that_is_not_set_is_told() -> None:
    """Variables that are set are not reported."""
    _, wrong = expand_variables("${host} ${HOST} ${OTHER}", ENVIRONMENT)
    assert wrong == [
        (name, f"the environment variable '{name}' is not set", f"set it, or write '${{{name}:-default}}'")
        for name in ("host", "OTHER")
    ]


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        (("backends", "origin", "url"), True),
        (("backends", "origin", "local"), True),
        (("backends", "self", "host"), True),
        (("routes", 3, "match", "host"), True),
        (("routes", 3, "match", "host", 0), True),
        (("backends", "origin", "fallback"), False),
        (("backends", "url"), False),
        (("service", "name"), False),
        (("routes", 3, "match", "path"), False),
        (("routes", 3, "match", "header", "host"), False),
        (("routes", 3, "handoff"), False),
        (("routes", 3, "redirect", "location"), False),
    ],
)
def test_where_they_may_stand(path: tuple[str | int, ...], taken: bool) -> None:
    assert takes_variables(path) == taken


@pytest.mark.parametrize(
    ("value", "told", "open"),
    [
        ("s3cret key", "'s3cret key' is not a host", "'${X}' is not a host"),
        ("a'\n", '"a\'\\n" is not the URL of a backend', '"${X}" is not the URL of a backend'),
        ("a.example.com", "GET https://A.example.com/: x.a.example.com:80", "GET https://${X}/: x.${X}:80"),
        ("*.example.com", "x.example.com, *.example.com", "x.${X}, ${X}"),
        ("https://In.example.com:81/", "https://in.example.com:81, in.example.com", "${X}, ${X}"),
        ("https://a:b@x.example.com", "of x.example.com", "of ${X}"),
        ("live", "a live route; delivered, alive, live-feed", "a ${X} route; delivered, alive, live-feed"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000 by http://127.0.0.1:7676", "${X} by http://127.0.0.1:7676"),
        ("localhost", "localhost", "localhost"),
        ("", "nothing", "nothing"),
        ("http://[", "'http://[' is no URL", "'${X}' is no URL"),
    ],
)
def test_a_value_is_told_as_it_is_written(value: str, told: str, open: str) -> None:
    assert unexpander({value: "${X}"})(told) == open


@given(st.text(min_size=1), st.text("ab.:/'", max_size=8), st.text("ab.:/'", max_size=8))
def test_no_value_is_left(value: str, before: str, after: str) -> None:
    """Messages quote values in three ways."""
    value = f"§{value}§"
    hide = unexpander({value: "${X}", f"{value}b": "${Y}"})
    for quoted in (f"{before}'{value}'{after}", f"{before}{value!r}{after}", f"{before} {value.lower()} {after}"):
        assert "§" not in hide(quoted)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a.example.com", "${X}"),
        ("a.example.com", "a.${Y}"),
        ("a.example.com", "${Z:-a}.${Y:-other.example}"),
        ("*.example.com", "*.${Y}"),
        ("a.example.com", "${X:-it's}"),
        ("a.example.com", '${X:-$(touch obeyed)`touch obeyed`"; touch obeyed; "!}'),
    ],
)
@pytest.mark.parametrize(
    "words",
    [
        ["curl", "-H", "Host: a.example.com", "http://127.0.0.1/"],
        ["match", "https://a.example.com/it%27s", "https://a.example.com/?a=b&c='a.example.com'"],
        ["a.example.com", "it's a.example.com", "$X", "a.example.com'"],
        ["--data", '{"a": "it\'s a.example.com\\n"}', "${X:-y} `id`"],
    ],
)
def test_a_command_without_values_has_them_in_a_shell(tmp_path: Path, value: str, written: str, words: list[str]) -> None:
    line = command_unexpander({value: written})(shlex.join(words))
    assert value.removeprefix("*.") not in line
    script = f"printf '%s\\n' {line}"
    environment = {"X": "a.example.com", "Y": "example.com", "PATH": "/usr/bin:/bin"}
    for shell in ("sh", "bash"):
        done = subprocess.run([shell, "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines() == words
    subprocess.run(["sh", "-c", script], env={"PATH": "/usr/bin:/bin"}, cwd=tmp_path, capture_output=True, check=True)
    assert list(tmp_path.iterdir()) == []


def test_a_command_with_bytes_has_the_values_in_a_shell() -> None:
    line = command_unexpander({"a.example.com": "${X}"})("printf %s $'\\xc3 a.example.com' $'a.example.com'")
    assert line == 'printf %s $\'\\xc3 \'"${X}" "${X}"'


@pytest.mark.parametrize(
    ("allowed", "used"),
    [(["HOST"], True), (["HO*"], True), (["*"], True), (["host"], False), (["HOS"], False), ([], False), (["X", "HOST"], True)],
)
def test_which_variables_may_be_used(allowed: list[str], used: bool) -> None:
    assert is_allowed("HOST", allowed) == used
    assert variable_names("${HOST} ${} ${B:-x} $C") == ["HOST", "B"]


ROUTES = b"""
version: 1
service: {name: x}
backends: {origin: {url: "https://${ORIGIN}"}}
routes:
  - match: {host: "${HOST}"}
    handoff: origin
"""


def test_a_component_is_made_anew_where_its_hosts_change() -> None:
    """The URL of a backend is not part of the component, so a change of it builds nothing."""

    def compiled(**environment: str) -> Compiled:
        return compile_routes(ROUTES, Inputs(environment))

    one, other_host, other_origin = (
        compiled(ORIGIN="o.example.com", HOST="a.example.com"),
        compiled(ORIGIN="o.example.com", HOST="b.example.com"),
        compiled(ORIGIN="p.example.com", HOST="a.example.com"),
    )
    files, with_other_origin, with_other_host = (app_files(each.plan) for each in (one, other_origin, other_host))
    assert (
        toolchain.build_key(files, {}) == toolchain.build_key(with_other_origin, {}) != toolchain.build_key(with_other_host, {})
    )
    assert one.backends != other_origin.backends


def test_the_environment_is_not_printed() -> None:
    assert "secret" not in repr(Inputs({"TOKEN": "secret"}))
