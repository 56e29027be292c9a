"""Tests which paths the edge refuses, against a naive implementation of what docs/language/paths.md says."""

import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanroute_runtime.matching.paths import Paths
from fanroute_runtime.messages import Refused
from fanroute_runtime.plan import REFUSED_PATHS, PathFault

EVERY: tuple[PathFault, ...] = get_args(PathFault)


def refused(path: str, faults: tuple[PathFault, ...] = REFUSED_PATHS) -> str:
    """Returns why a path is refused, or "" if it is not."""
    try:
        Paths(faults).check(path)
    except Refused as refusal:
        assert refusal.status == 400
        return refusal.reason
    return ""


DOTS, BACKSLASH, CONTROL = "The path has a segment '.' or '..'.", "The path has a backslash.", "The path has a control character."


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/public/../private/x", DOTS),
        ("/public/./x", DOTS),
        ("/..", DOTS),
        ("/a/.", DOTS),
        ("/a/%2e%2E/b", DOTS),
        ("/a/.%2e", DOTS),
        ("/a/%2E", DOTS),
        ("/a/..;x/b", DOTS),
        ("/a/.;", DOTS),
        ("/a/..%3bx", DOTS),
        ("/a%2f..%2Fb", DOTS),
        ("/a%2F%2e%2e", DOTS),
        ("/%FF/..", DOTS),
        ("/%3F/..", DOTS),
        ("/é/..", DOTS),
        ("/a\\b", BACKSLASH),
        ("/a%5cb", BACKSLASH),
        ("/%5C", BACKSLASH),
        ("/a\tb", CONTROL),
        ("/a\x7f", CONTROL),
        ("/a%00", CONTROL),
        ("/a%0D%0a", CONTROL),
        ("/a%1f", CONTROL),
        ("/a%7F", CONTROL),
        # Paths that are allowed, and paths that were encoded twice.
        *(
            (path, "")
            for path in (
                "/",
                "/a//b",
                "/a/",
                "/a/...",
                "/a/..b",
                "/a/b..",
                "/.well-known/x",
                "/a;b/c;..",
                "/a/;..",
                "/a%2Fb",
                "/a/%252e%252e/b",
                "/a/%25%32%65",
                "/a%255cb",
                "/a%2500",
                "/%20a%20",
                "/%C2%85",
                "/\u2028",
                "/%C0%AE%C0%AE/a",
                "/%",
                "/%2",
                "/%e%2",
                "/.%",
                "/é",
                "/%zz/.%2",
            )
        ),
    ],
)
def test_a_path_that_others_may_read_otherwise_is_refused(path: str, reason: str) -> None:
    assert refused(path) == reason


@pytest.mark.parametrize(
    ("fault", "path"),
    [
        ("dot_segments", "/a/.."),
        ("dot_segments", "/a/%2e"),
        ("backslashes", "/%5C"),
        ("controls", "/%00"),
        ("empty_segments", "//a"),
        ("empty_segments", "/a//"),
        ("encoded_slashes", "/a%2fb"),
        ("encoded_slashes", "/%2F"),
        ("parameters", "/a;b"),
        ("parameters", "/a%3b"),
    ],
)
def test_each_fault_is_one_of_its_own(fault: PathFault, path: str) -> None:
    assert refused(path, (fault,))
    assert not refused(path, tuple(other for other in EVERY if other != fault))
    assert not refused(path, ())


@pytest.mark.parametrize("path", ["/", "/a/", "/a/b.c/...", "/%C3%A9/a%20b"])
def test_what_every_server_reads_alike_is_never_refused(path: str) -> None:
    assert not refused(path, EVERY)


PARTS = [*"/ // . .. ; \\ % %2e %2E %2f %5C %3b %00 %7f %25 \x7f a é %C3 2e".split(" "), "\t"]


@given(st.lists(st.sampled_from(PARTS)).map(lambda parts: "/" + "".join(parts)), st.sets(st.sampled_from(EVERY)))
def test_a_naive_reader_agrees(path: str, faults: set[PathFault]) -> None:
    raw = re.sub(rb"%([0-9a-fA-F]{2})", lambda code: bytes([int(code[1], 16)]), path.encode())
    found = {
        "dot_segments": re.search(rb"(^|/)\.\.?(;[^/]*)?(/|\Z)", raw),
        "backslashes": b"\\" in raw,
        "controls": any(byte < 0x20 or byte == 0x7F for byte in raw),
        "empty_segments": "//" in path,
        "encoded_slashes": re.search("%2f", path, re.IGNORECASE),
        "parameters": b";" in raw,
    }
    chosen = tuple(fault for fault in EVERY if fault in faults)
    assert bool(refused(path, chosen)) == any(found[fault] for fault in chosen)
