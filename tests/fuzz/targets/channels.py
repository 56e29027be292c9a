"""Fuzzes channels, previous ids, meta variables and links built from client input: the edge sends exactly those, or none."""

import json
import re
from urllib.parse import unquote

from fanroute.pipeline import compile_routes
from fanroute.plan.request import RequestData
from fanroute.plan.trace import Tracer, make_full_decider
from fanroute_runtime.matching.pin import MAX_PIN
from fanroute_runtime.messages import Answer, ToFanout
from tests.conftest import INPUTS
from tests.fuzz.target import Target
from tests.fuzz.targets.events import read
from tests.property import reference

MATCH = {"path": "/{room}/{user}", "query": {"id": {"present": True}}, "header": {"x-tenant": {"present": True}}}
PARTS = {"room": "{room}", "user": "a-{user}", "id": "{query.id}", "tenant": "{header.x-tenant}"}
HELD = {
    "channel": [PARTS["room"], PARTS["user"], {"name": "{query.id}-b", "filters": ["require-sub"], "prev_id": PARTS["tenant"]}],
    "meta": PARTS,
    "link": "/missed/{room}/{query.id}{header.x-tenant}?user={user}&id={query.id}&tenant={header.x-tenant}",
}
SOCKET = {"channel": [*PARTS.values()], "meta": PARTS}
ROUTES = [{"match": MATCH | {"websocket": True}, "websocket": SOCKET}, {"match": MATCH, "stream": HELD}]
SPEC = {"version": 1, "service": {"name": "c"}, "backends": {"self": {"loopback": True}}, "routes": ROUTES}
PLAN = compile_routes(json.dumps(SPEC).encode(), INPUTS).plan
DECIDER, TRACER = make_full_decider(PLAN), Tracer(PLAN, "self")


def check_values(data: bytes) -> None:
    """Checks four values: two path segments and a query parameter as they are sent, and a header."""
    room, user, id_, tenant = (data.split(b"\n") + [b"1"] * 4)[:4]
    raw = [re.sub(r"[/?#&\n]", "_", part.decode("utf-8", "replace")) for part in (room, user, id_)]
    url = "http://a/{}/{}?id={}".format(*raw)
    headers = (("x-tenant", tenant),)
    for websocket in (False, True):
        client = RequestData("GET", url, (*headers, *([("upgrade", b"websocket")] if websocket else [])))
        facts = reference.facts("GET", url, client.headers)
        kind, expected = reference.outcome(SPEC, facts)
        first = DECIDER.decide(client)
        if isinstance(first, Answer) and first.status == 431:
            assert len(data) * 3 > MAX_PIN // 2
            continue
        answer = DECIDER.decide(TRACER.through_fanout(client)) if isinstance(first, ToFanout) else first
        assert isinstance(answer, Answer)
        if kind == "answer":
            assert answer.status == expected >= 400
            assert not [name for name, _ in answer.headers if name.startswith("grip-")] and b"c:" not in answer.body
        else:
            check_instructions(answer, expected, facts, websocket)


def check_instructions(answer: Answer, channels: list[str], asked: reference.Facts, websocket: bool) -> None:
    """Checks that Fanout gets the channels, and nothing else that comes from the client."""
    (room, user), id_, tenant = asked.segments, asked.query["id"], asked.headers["x-tenant"]
    values = {"room": room, "user": f"a-{user}", "id": id_, "tenant": tenant}
    if websocket:
        messages = [json.loads(content[2:]) for type_, content in read(answer.body) or [] if type_ == "TEXT"]
        metas = [{"type": "set-meta", "name": name, "value": value} for name, value in values.items()]
        assert messages == metas + [{"type": "subscribe", "channel": channel} for channel in channels]
        return
    headers = dict(answer.headers)
    assert len(headers) == len(answer.headers)
    found = instructions(headers["grip-channel"])
    assert [name for name, _ in found] == channels
    assert [parameters for _, parameters in found] == [[], [], [["prev-id", tenant], ["filter", "require-sub"]]]
    assert [(name.split("=", 1), parameters) for name, parameters in instructions(headers["grip-set-meta"])] == [
        ([name, value], []) for name, value in values.items()
    ]
    check_link(headers["grip-link"].decode("ascii"), (room, user, id_, tenant))


def instructions(value: bytes) -> list[tuple[str, list[list[str]]]]:
    """Parses a header's values and their parameters as Pushpin does."""
    found = []
    for part in value.decode("ascii").split(","):
        name, *parameters = (text.strip() for text in part.split(";"))
        found.append((name, [parameter.split("=", 1) for parameter in parameters]))
    return found


def check_link(link: str, values: tuple[str | None, ...]) -> None:
    value = r"([\w.~%-]*)"
    parts = re.fullmatch(rf"</missed/{value}/{value}\?user={value}&id={value}&tenant={value}>; rel=next", link, re.ASCII)
    assert parts
    room, file, *others = map(unquote, parts.groups())
    assert (room, *others) == values
    assert file == f"{values[2]}{values[3]}" and file not in ("", ".", "..")


SEEDS = [
    b"blue\nann\n42\nacme",
    b"%62lue\na%20b\na+b%2B\na b",
    b"a%2Cb\n%3B\n%22\n;",
    b"%C3%A9\n%FF\n%0d%0a\n\xe9",
    b"x" * 256 + b"\n..\n%25%32%43\n=",
    b"blue\nann\n.\n.",
    b"blue\nann\n%2e\n.;a",
]
WORDS = [
    *b'%2C %2c %3B %22 %0A %0D %00 %20 %09 %7F %2F %25 %252C %C3%A9 %FF %C2%85 %E2%80%A8 , ; " = < > + % .. c: '.split(),
    *[b" ", b"\t", b"\n", b"\r", b"\x00", b"\x7f", b"\x85", b"\xa0", b"\xff", b"; prev-id=1", b", b", b"> ; rel=x", b"x" * 250],
]
TARGETS = [Target("channels", check_values, SEEDS, WORDS)]
