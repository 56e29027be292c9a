"""No line that `fanroute serve` prints has a secret of a client, wherever the client writes it."""

from typing import Any
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from fanroute.devserver.event_lines import json_line, text_line
from fanroute.devserver.events import AskedAgain, Event, Header, Pass
from fanroute.devserver.visits import Reporter
from fanroute_runtime.plan import Handoff, Match, Plan, Route
from fanroute_runtime.plan.auth import Auth, TokenPlace
from tests.support.tokens import CLAIMS, KEYS, SECRET, by_joserfc, by_pyjwt

PARAMETERS = ("token", "access token")
PLAN = Plan("x", (Route("a", Match(), Handoff("o"), auth=Auth((), tuple(TokenPlace("query", name) for name in PARAMETERS), 0)),))
TOKENS = [make(CLAIMS, algorithm).decode() for make in (by_pyjwt, by_joserfc) for algorithm in KEYS]
# What a client sends in place of a token, too.
SECRETS = [*TOKENS, SECRET.decode(), SECRET.hex()]

# Texts around a token. None of them has the characters of base64url at the end, which could make it part of another word.
AROUND = st.text(st.sampled_from("/?&=#;:., \"'\t\n\x1b%é\u202eab"), max_size=8)


@st.composite
def spelt(draw: st.DrawFn, name: str) -> str:
    """Generates a spelling of a query parameter's name: any character can be percent-encoded."""
    return "".join(
        "".join(f"%{byte:02x}" for byte in character.encode()) if draw(st.booleans()) else quote(character, safe="")
        for character in name
    )


@st.composite
def targets(draw: st.DrawFn) -> str:
    """Generates a target with a secret in a parameter for tokens, or a token anywhere."""
    if draw(st.booleans()):
        return f"{draw(AROUND)}{draw(st.sampled_from(TOKENS))}{draw(AROUND)}"
    before = draw(st.sampled_from(["/?", "/a?b=c&", "/?token=x&"]))
    name = draw(st.sampled_from(PARAMETERS).flatmap(spelt))
    return f"{before}{name}={quote(draw(st.sampled_from(SECRETS)))}{draw(st.sampled_from(['', '&a=b', '#c']))}"


NAMES = ["Authorization", "Proxy-Authorization", "COOKIE", "Set-Cookie", "grip-sig", "Fastly-Key", "X-Api-Key", "X-Session-Id"]
HEADERS = st.one_of(
    st.builds(Header, st.sampled_from(NAMES), st.sampled_from(SECRETS).map(lambda secret: f"Bearer {secret}; a=b")),
    st.builds(Header, st.sampled_from(["X-Other", "Referer", "Location", "Sec-WebSocket-Protocol"]), targets()),
)


@given(targets(), st.lists(HEADERS, max_size=4).map(tuple), st.builds("{}{}{}".format, AROUND, st.sampled_from(TOKENS), AROUND))
def test_no_line_has_a_secret(target: str, headers: tuple[Header, ...], text: str) -> None:
    events: list[Event] = []
    reporter = Reporter(events.append)
    reporter.hide_secrets_of(PLAN)
    visit = reporter.begin("GET", text, target)
    facts: dict[str, Any] = {
        "method": "GET",
        "url": f"http://a{target}",
        "outcome": "answered",
        "milliseconds": 1,
        "reason": text,
    }
    made = Pass(number=1, headers=headers, sent=headers, answer=headers, hint=text, **facts)
    visit.passed(made)
    visit.opening("websocket", (text,))
    visit.answered(403)
    visit.opened()
    visit.subscribed(text, True)
    visit.passed(made)
    visit.notice(text)
    visit.closed(text, 1000, text)
    reporter.publish_refused(400, text)
    reporter.output("viceroy", f"GET http://a{target}")
    assert sum(isinstance(event, AskedAgain) for event in events) == 1
    for event in events:
        for line in (text_line(event), json_line(event)):
            assert not [secret for secret in SECRETS if secret in line or quote(secret) in line], line
