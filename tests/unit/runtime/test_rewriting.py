"""Tests the URI with which a backend gets a request."""

from collections.abc import Collection
from typing import get_args

import pytest

from fanroute_runtime.messages import Refused
from fanroute_runtime.plan import Bound, PathFault
from fanroute_runtime.plan.rewriting import Rewrite
from fanroute_runtime.rewriting import Rewriter

ROOM, QUERY = Bound("path", "room"), Bound("query", "q")


def rewritten(rewrite: Rewrite, target: str, refused: Collection[PathFault] = (), **values: str | None) -> str:
    before = "https://u@a.example.com:8443"
    uri = Rewriter(refused).rewrite_uri(rewrite, before + target, lambda bound: values[bound.name])
    assert uri.startswith(before)
    return uri.removeprefix(before)


@pytest.mark.parametrize(
    ("rewrite", "target", "expected"),
    [
        (Rewrite(strip=1), "/api/x", "/x"),
        (Rewrite(strip=1), "/api", "/"),
        (Rewrite(strip=1), "/api/", "/"),
        (Rewrite(strip=1), "/api?x", "/?x"),
        (Rewrite(strip=1), "/%61pi/a%2Fb/%zz//;x/", "/a%2Fb/%zz//;x/"),
        (Rewrite(strip=2), "/a/b/c/d", "/c/d"),
        (Rewrite(("/v2",), 1), "/api", "/v2"),
        (Rewrite(("/v2",), 1), "/api/", "/v2/"),
        (Rewrite(("/v2",), 1), "/api//x", "/v2//x"),
        (Rewrite(("/v2",)), "/x/y", "/v2/x/y"),
        (Rewrite(("/v2",), None), "/x/y?z", "/v2?z"),
        (Rewrite(("/v2/", ROOM), None), "/x", "/v2/a%20/%25%C3%A9"),
        (Rewrite(("/t/", ROOM), 1), "/x/y", "/t/a%20/%25%C3%A9/y"),
        (Rewrite(), "", "/"),
        (Rewrite(), "/x?a&&b=%zz&", "/x?a&&b=%zz&"),
        (Rewrite(remove_query=("a", "é", "b c")), "/x?a=1&b&%61=2&%C3%A9&b+c=&c=d", "/x?b&c=d"),
        (Rewrite(remove_query=("a",)), "/x?a", "/x"),
        (Rewrite(remove_query=("a",)), "/x?%FF=1", "/x?%FF=1"),
        (Rewrite(set_query=(("a", ("1",)),)), "/x", "/x?a=1"),
        (Rewrite(set_query=(("a", ("1",)), ("é", ("&=", QUERY)))), "/x?a=0&b&a", "/x?b&a=1&%C3%A9=%26%3D%0D%0A%26a%3D"),
        (Rewrite(set_query=(("a", ()),)), "/x?", "/x?a="),
    ],
)
def test_a_uri_for_a_backend(rewrite: Rewrite, target: str, expected: str) -> None:
    assert rewritten(rewrite, target, room="a /%é", q="\r\n&a=") == expected


@pytest.mark.parametrize(
    ("rewrite", "target", "value"),
    [
        (Rewrite(strip=1), "/api//evil.com", ""),
        (Rewrite(strip=1), "/api/\\evil.com", ""),
        (Rewrite(strip=1), "/api//", ""),
        (Rewrite(), "//evil.com", ""),
        (Rewrite(("/", QUERY), None), "/x", ""),
        (Rewrite(("/", QUERY), 1), "/x/y", ""),
        (Rewrite(("/v2/", QUERY), None), "/x", ".."),
        (Rewrite(("/v2/", QUERY), 1), "/x", "a/../b"),
        (Rewrite(("/v2/", QUERY), None), "/x", None),
        (Rewrite(("/", ROOM), None), "/x", "/evil.com"),
        (Rewrite(set_query=(("a", (QUERY,)),)), "/x", None),
    ],
)
def test_what_would_be_another_path_is_refused(rewrite: Rewrite, target: str, value: str | None) -> None:
    with pytest.raises(Refused) as refused:
        rewritten(rewrite, target, q=value, room=value)
    assert refused.value.status == 400


# For each fault, a value that brings it into a path, and what the client is told. A value is percent-encoded there.
FAULTS: dict[PathFault, tuple[str, str]] = {
    "backslashes": ("a\\b", "a backslash"),
    "controls": ("a\x7fb", "a control character"),
    "encoded_slashes": ("a/b", "an encoded slash"),
    "parameters": ("a;b", "a ';'"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("rewrite", [Rewrite(("/v2/", QUERY), None), Rewrite(("/v2/x-", QUERY), 1), Rewrite(("/", QUERY, "-/x"))])
def test_no_value_brings_what_paths_refuse(rewrite: Rewrite, fault: PathFault) -> None:
    value, told = FAULTS[fault]
    with pytest.raises(Refused) as refused:
        rewritten(rewrite, "/x/y", [fault], q=value)
    assert (refused.value.status, refused.value.reason) == (400, f"The path for the backend has {told}.")
    others = [other for other in get_args(PathFault) if other != fault]
    rewritten(rewrite, "/x/y", others, q=value)
    rewritten(Rewrite(set_query=(("v", (QUERY,)),)), "/x/y", get_args(PathFault), q=value)  # the query may have anything


def test_the_rest_of_a_path_brings_no_empty_segment() -> None:
    within = Rewrite(("/v2/", ROOM, "/x"), None)
    assert rewritten(within, "/r/a/", room="a/") == "/v2/a//x"
    with pytest.raises(Refused, match="has an empty segment"):
        rewritten(within, "/r/a/", ["empty_segments"], room="a/")
    assert rewritten(Rewrite(("/v2/", ROOM), None), "/r/a/", ["empty_segments"], room="a/") == "/v2/a/"
