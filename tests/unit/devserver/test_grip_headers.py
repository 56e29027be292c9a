"""GRIP instructions in headers as the embedded edge reads them, and the effect of filters."""

import pytest

from fanroute.devserver import pubsub
from fanroute.devserver.filters import BadContent, filter_content, passes_filters
from fanroute.devserver.grip_headers import DEFAULT_TIMEOUT, MIN_TIMEOUT, Channel, Hold, KeepAlive, parse_hold
from fanroute.devserver.items import Item
from fanroute.devserver.pubsub import LINGER, Channels

A = (Channel("a"),)


@pytest.mark.parametrize(
    ("headers", "hold"),
    [
        ({}, None),
        ({"grip-hold": "other"}, None),
        ({"grip-hold": "stream", "grip-channel": "a"}, Hold("stream", A)),
        ({"grip-hold": "stream", "grip-channel": "a; prev-id=1, b,,"}, Hold("stream", (Channel("a", prev_id="1"), Channel("b")))),
        (
            {"grip-hold": "stream", "grip-channel": "a; filter=x; prev-id=a=b ; filter=y"},
            Hold("stream", (Channel("a", ("x", "y"), "a=b"),)),
        ),
        ({"grip-hold": "stream", "grip-set-meta": 'user=ann, a = "b"'}, Hold("stream", meta={"user": "ann", "a": "b"})),
        ({"grip-hold": "stream", "grip-link": "</a?b=c>; rel=next"}, Hold("stream", link="/a?b=c")),
        (
            {"grip-hold": "stream", "grip-link": "</a>; rel=prev, </b>; rel=next; timeout=9"},
            Hold("stream", link="/b", link_timeout=9.0),
        ),
        ({"grip-hold": "stream", "grip-link": "/a; rel=next"}, Hold("stream")),
        ({"grip-link": "</a>; rel=next"}, Hold("", link="/a")),
        ({"grip-hold": "response", "grip-channel": "a", "grip-timeout": "20"}, Hold("response", A, timeout=20.0)),
        ({"grip-hold": "response", "grip-channel": "a", "grip-timeout": "1"}, Hold("response", A, timeout=MIN_TIMEOUT)),
        ({"grip-hold": "response", "grip-channel": "a", "grip-timeout": "x"}, Hold("response", A, timeout=DEFAULT_TIMEOUT)),
        ({"grip-hold": "stream", "grip-keep-alive": "x; timeout=5"}, Hold("stream", keep_alive=KeepAlive(b"x", 5.0))),
        (
            {"grip-hold": "stream", "grip-keep-alive": ":\\n\\n; format=cstring; timeout=20; mode=interval"},
            Hold("stream", keep_alive=KeepAlive(b":\n\n", 20.0, interval=True)),
        ),
        (
            {"grip-hold": "stream", "grip-keep-alive": "AAE=; format=base64"},
            Hold("stream", keep_alive=KeepAlive(b"\0\1", 55.0)),
        ),
    ],
)
def test_a_hold_is_read(headers: dict[str, str], hold: Hold | None) -> None:
    assert parse_hold(headers) == hold


@pytest.mark.parametrize(
    ("filters", "meta", "published", "passed"),
    [
        ([], {"user": "ann"}, {"sender": "ann", "skip_users": "ann", "require_sub": "b"}, True),
        (["skip-self"], {"user": "ann"}, {"sender": "ann"}, False),
        (["skip-self"], {"user": "ann"}, {"sender": "bob"}, True),
        (["skip-self"], {"user": "ann"}, {}, True),
        (["skip-self"], {}, {"sender": ""}, True),
        (["skip-users"], {"user": "ann"}, {"skip_users": "bob, ann"}, False),
        (["skip-users"], {"user": "ann"}, {"skip_users": "bob,anna"}, True),
        (["skip-users"], {"user": ""}, {"skip_users": ""}, True),
        (["require-sub"], {}, {"require_sub": "a"}, True),
        (["require-sub"], {}, {"require_sub": "b"}, False),
        (["require-sub"], {}, {}, True),
        (["var-subst", "skip-self"], {"user": "ann"}, {"sender": "ann"}, False),
    ],
)
def test_a_message_passes_the_filters(filters: list[str], meta: dict[str, str], published: dict[str, str], passed: bool) -> None:
    assert passes_filters(filters, meta, published, ["a"]) == passed


@pytest.mark.parametrize(
    ("filters", "content", "result"),
    [
        ([], b"100 % %(user)s", b"100 % %(user)s"),
        (["skip-self"], b"100 %", b"100 %"),
        (["var-subst"], b"hello %(user)s, 100 %%", b"hello ann, 100 %"),
        (["var-subst"], b"%(a\\)b)s", b"odd"),
        (["build-id"], b"id: %I, %(x)I", b"id: 372d38, 78"),
        (["build-id", "var-subst"], b"%I %%(user)s", b"372d38 ann"),
    ],
)
def test_filters_make_content(filters: list[str], content: bytes, result: bytes) -> None:
    meta = {"user": "ann", "a)b": "odd", "id_format": "%(a)s-%(b)s", "id_encoding": "hex"}
    assert filter_content(content, filters, meta, {"a": "7", "b": "8"}) == result


@pytest.mark.parametrize(
    ("filters", "meta", "content"),
    [
        (["var-subst"], {}, b"%(user)s"),
        (["var-subst"], {"user": "ann"}, b"%(user)d"),
        (["var-subst"], {"user": "ann"}, b"%s"),
        (["var-subst"], {}, b"100 %"),
        (["var-subst"], {}, b"100 % of"),
        (["var-subst"], {}, b"%(user"),
        (["build-id"], {}, b"x"),
        (["build-id"], {"id_format": "%(b)s"}, b"x"),
        (["build-id"], {"id_format": "x", "id_encoding": "base64"}, b"x"),
        (["build-id"], {"id_format": "x"}, b"%(x)s"),
    ],
)
def test_what_gives_no_content_is_told(filters: list[str], meta: dict[str, str], content: bytes) -> None:
    with pytest.raises(BadContent):
        filter_content(content, filters, meta, {"a": "7"})


@pytest.mark.parametrize(
    ("polls", "later", "known"),
    [(True, LINGER - 1, "2"), (True, LINGER + 1, None), (False, 0.0, None)],
)
def test_what_comes_after_a_poll_is_known_for_a_while(
    monkeypatch: pytest.MonkeyPatch, polls: bool, later: float, known: str | None
) -> None:
    """But not what was published before a time in which something could have been missed."""
    now = 0.0
    monkeypatch.setattr(pubsub, "monotonic", lambda: now)
    all_channels = Channels(lambda line: None)
    with all_channels.subscriber(polls) as subscriber:
        subscriber.replace(A, {})
        all_channels.publish(Item("a", {}, "1"))
        assert all_channels.last_id("a") == "1"
    now = later
    all_channels.publish(Item("a", {}, "2"))
    with all_channels.subscriber(polls) as subscriber:
        subscriber.replace(A, {})
        assert all_channels.last_id("a") == known
