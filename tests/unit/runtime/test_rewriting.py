"""Tests the URI with which a backend gets a request."""

import pytest

from fanroute_runtime.messages import Refused
from fanroute_runtime.plan import Bound, Rewrite
from fanroute_runtime.rewriting import rewrite_uri

ROOM, QUERY = Bound("path", "room"), Bound("query", "q")


def rewritten(rewrite: Rewrite, target: str, **values: str | None) -> str:
    before = "https://u@a.example.com:8443"
    uri = rewrite_uri(rewrite, before + target, lambda bound: values[bound.name])
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
