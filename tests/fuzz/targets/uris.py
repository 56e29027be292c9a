"""Fuzzes URIs: the runtime reads them as docs/language/paths.md says, which tests/property/reference.py implements separately."""

import re

from fanroute.plan.request import RequestData
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.matching.predicates import can_bind, host_name, path_segments, split_uri
from tests.fuzz.target import Target
from tests.property import reference

NAMES = frozenset({"id", "a"})
# RFC 3986, 3.2: userinfo, an IP literal or a name, a port.
AUTHORITY = re.compile(r"(?:[^@]*@)?(?:\[[^\[\]@]*\]|[^:\[\]@]*)(?::\d*)?", re.ASCII)


def check_uri(data: bytes) -> None:
    """Checks an absolute URI. Data that is not one becomes the rest of one, after its host."""
    text = data.decode("utf-8", "replace")
    url = text if re.match("https?://", text) else f"http://a.example.com/{text}"
    client = ClientRequest(RequestData("GET", url), through_fanout=False)
    facts = reference.facts("GET", url, ())
    assert (list(client.segments), client.query, client.scheme) == (facts.segments, facts.query, facts.scheme)
    assert all(can_bind(segment) == reference.binds(segment) for segment in client.segments)
    check_parts(url, *split_uri(url))
    if AUTHORITY.fullmatch(client.authority):
        assert client.host == facts.host
    check_host(client.authority)
    if client.query.keys() & NAMES and not client.authority.endswith("*"):  # no host has such a name
        check_uri_without(client, facts)


def check_uri_without(client: ClientRequest, facts: reference.Facts) -> None:
    """Checks that the parameters of the names are removed, and nothing else."""
    others = reference.facts("GET", client.uri_without(NAMES), ())
    assert others.query == {name: value for name, value in facts.query.items() if name not in NAMES}
    assert (others.segments, others.host, others.scheme) == (facts.segments, facts.host, facts.scheme)


def check_parts(url: str, authority: str, path: str, query: str) -> None:
    """Checks that the parts occur unchanged in the URI, and that a URI built from them is read the same."""
    assert path.startswith("/") and not set("?#") & set(path) and "#" not in query and not set("/?#") & set(authority)
    assert authority + (path if path != "/" else "") in url and query in url
    assert split_uri(f"https://{authority}{path}?{query}#{url}") == (authority, path, query)
    if not path.startswith("//") and "://" not in path:
        assert split_uri(f"{path}?{query}") == ("", path, query)
    assert "/" + "/".join(path.split("/")[1:]) == path and len(path_segments(path)) == path.count("/")


def check_host(authority: str) -> None:
    """Checks that an authority is reduced to a host's name or address, which the authority contains."""
    host = host_name(authority)
    assert host == host.lower() and host in authority.lower() and "@" not in host
    assert ":" not in host or "]" in host
    assert host_name(f"{authority.rpartition('@')[2].upper().lower()}") == host


SEEDS = [
    b"http://a.edgecompute.app/rooms/blue/events?id=1&after=a+b#x",
    b"https://user:pass@Chat.Example.COM.:8443/a%2Fb/%C3%A9/%FF/../.?a=%2561&%FF=1&=&&a",
    b"http://[::1]:80//a//b/?",
    b"http://a.edgecompute.app.evil.com/",
    b"http://a*",
    b"rooms/%zz/%/%e",
    b"rooms/a;b,c/%7Broom%7D?a=b=c;d",
]
WORDS = [
    *b"/ // ? # @ : ] [ % %2F %2f %00 %0d%0a %25 %2e . .. & = + * http:// https:// ; \\ .edgecompute.app".split(),
    *["é".encode(), "İ".encode(), "ẞ".encode(), b" ", b"\t", b"\x00", b"\xff", b"%C3%A9", b"%C0%AF", b"%ED%A0%80"],
]
TARGETS = [Target("uris", check_uri, SEEDS, WORDS)]
