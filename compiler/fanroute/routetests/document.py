"""Models a routes.test.yaml: its keys, their types and their meanings."""

import re
from ipaddress import IPv6Address, ip_address
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from fanroute.diagnostics.printable import quoted
from fanroute.plan.request import CLIENT_ADDRESS, UNKNOWN_ADDRESS
from fanroute.plan.routes import HEALTH
from fanroute.spec.actions import ACTIONS
from fanroute.spec.headers import HeaderValue, no_duplicate_names
from fanroute.spec.match import ConditionOrValues
from fanroute.spec.types import HeaderName, Method, Model, Text, TextFormat, as_list, value_error, with_example
from fanroute.spec.validate import did_you_mean

# The words for no route, and for what answers a browser's preflight requests, which is not an action of routes.yaml.
NO_ROUTE, PREFLIGHT = "none", "preflight"
KNOWN_ACTIONS = (*ACTIONS, PREFLIGHT, HEALTH)
# A scheme, a name or an address, and a port.
_ORIGIN = r"https?://([A-Za-z0-9._-]+|\[(?P<address>[0-9A-Fa-f:.]+)\])(:(?P<port>[0-9]{1,5}))?"
# A URL as clients send it (RFC 3986), and one with whatever an attacker can send.
_URL = re.compile(_ORIGIN + r"([/?][A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]*)?")
_ANY_URL = re.compile(_ORIGIN + r"([/?#\\][!-~]*)?")
MAX_PORT = 65535
_FIELD_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
# Headers that a test cannot set, with the suggestion for each.
RESERVED_HEADERS = {
    "host": "it comes from the url",
    "upgrade": "write 'websocket: true'",
    "connection": "it belongs to one connection",
    "transfer-encoding": "it belongs to one connection",
    "content-length": "it comes from the body",
    "grip-sig": "write 'via_fanout: true'",
}


def request_url(value: str, pattern: re.Pattern[str] = _ANY_URL) -> str:
    """Checks the URL of a request; its path can be malformed. Raises PydanticCustomError."""
    found = pattern.fullmatch(value)
    if not found or not _is_address(found["address"]):
        raise value_error(f"{quoted(value)} is not the URL of a request", _url_suggestion(value))
    if int(found["port"] or 0) > MAX_PORT:
        raise value_error(f"the port of {quoted(value)} is out of range", f"use {MAX_PORT} at most")
    return value


def _is_address(text: str | None) -> bool:
    """Returns True unless the text in a URL's brackets is no IPv6 address (RFC 3986, 3.2.2), which urllib does not parse."""
    try:
        return text is None or bool(IPv6Address(text))
    except ValueError:
        return False


def _url_suggestion(value: str) -> str:
    scheme, separator, rest = value.partition("://")
    host = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    if separator and scheme not in ("http", "https"):
        return f"write http:// or https:// in place of {scheme}://"
    if "@" in host:
        return "leave out the user: clients send it in the header Authorization"
    if not host.isascii():
        return "write the host as clients send it, in ASCII ('xn--…')"
    return "write http:// or https://, a host and a path, percent-encoded"


def field_value(value: str) -> str:
    """Checks the value of a header: it has no control characters other than tabs (RFC 9110, 5.5). Raises PydanticCustomError."""
    if not _FIELD_VALUE.fullmatch(value):
        raise value_error(f"{quoted(value)} is not a valid header value", "leave out line breaks and other control characters")
    return value


def client_address(value: str) -> str | None:
    """Returns a client's address, or None for `unknown`. Raises PydanticCustomError."""
    try:
        return None if value == UNKNOWN_ADDRESS else str(ip_address(value))
    except ValueError:
        suggestion = f"write one such as '203.0.113.7', or '{UNKNOWN_ADDRESS}' for a client whose address the edge does not know"
        raise value_error(f"{quoted(value)} is not the address of a client", suggestion) from None


def _checked_address(value: str) -> str:
    client_address(value)
    return value


def _settable_header(value: str) -> str:
    name = value.lower()
    if name in RESERVED_HEADERS or name.startswith("sec-websocket-"):
        raise value_error(f"'{value}' cannot be set here", RESERVED_HEADERS.get(name, "write 'websocket: true'"))
    return value


def _action(value: str) -> str:
    if value not in KNOWN_ACTIONS:
        raise value_error(f"unknown action '{value}'", did_you_mean(value, KNOWN_ACTIONS, "actions"))
    return value


def _request(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    method, space, url = value.partition(" ")
    if not space:
        raise value_error(
            f"{quoted(value)} is not a request", "write a method and a URL, such as 'GET https://chat.example.com/'"
        )
    return {"method": method, "url": url}


RequestUrl = Annotated[
    Text,
    AfterValidator(lambda value: request_url(value, _URL)),
    TextFormat("a URL", "https?://.+", ("https://chat.example.com/rooms/blue",)),
]
SettableHeader = Annotated[HeaderName, AfterValidator(_settable_header)]


ClientAddress = Annotated[
    Text, AfterValidator(_checked_address), TextFormat("an address", "[0-9A-Fa-f:.]+|unknown", ("203.0.113.7",))
]


class Request(Model):
    """A client's request; `GET https://chat.example.com/rooms/blue` alone is short for its method and URL."""

    model_config = with_example({"method": "POST", "url": "https://chat.example.com/rooms/blue", "body": "hello"})

    method: Method = "GET"
    """In capital letters."""
    url: RequestUrl
    """Absolute and percent-encoded, with the scheme and host that the client uses."""
    headers: Annotated[dict[SettableHeader, HeaderValue], AfterValidator(no_duplicate_names)] = Field(
        default_factory=dict, examples=[{"Origin": "https://www.example.com"}]
    )
    """Headers of the request."""
    websocket: bool = False
    """Asks for a WebSocket, with a GET (RFC 6455, 4.1)."""
    client_ip: ClientAddress = CLIENT_ADDRESS
    """The address of the client's connection, of IPv4 or IPv6, or `unknown`."""
    body: Text = ""
    """The request's content. For a WebSocket with `via_fanout`, its events, in place of an OPEN."""
    claims: dict[Text, Any] | None = Field(None, examples=[{"sub": "ann"}])
    """Claims of the client's token. The token is signed, is where the route expects it, and gets an `exp`, `iss` and `aud` that
    the route accepts if they are not here."""
    via_fanout: bool = False
    """Sends the request as Fanout does in place of the client, on the second pass: with a Grip-Sig and X-Forwarded-*."""

    @model_validator(mode="after")
    def _handshake(self) -> "Request":
        if self.websocket and self.method != "GET":
            raise value_error(f"a WebSocket needs the method GET, not {self.method}", "write GET, or leave 'websocket' out")
        return self


RequestLine = Annotated[Text, TextFormat("a request", r"[^ ]+ .+", ("GET https://chat.example.com/rooms/blue",))]


class Expect(Model):
    """The expected outcome of the request. Only the keys that are there are compared."""

    model_config = with_example({"route": "room-events", "channel": "room-blue"})

    route: Text | None = Field(None, examples=["room-events", NO_ROUTE])
    """The name of the route that takes it, or `none`. A route without a name is called by its number, such as `route-3`. The one
    for a route's preflight requests is `NAME preflight`."""
    action: Annotated[Text, AfterValidator(_action), WithJsonSchema({"type": "string", "enum": list(KNOWN_ACTIONS)})] | None = (
        None
    )
    """The key of that route's action, or `preflight` for a preflight request that the edge answers."""
    backend: Text | None = Field(None, examples=["origin"])
    """The backend that gets the request first."""
    channel: Annotated[list[Text], BeforeValidator(as_list)] | None = Field(None, examples=["room-blue"])
    """The channel that the client is subscribed to, or a list of all channels; `[]` for none."""
    published: Text | None = Field(None, examples=["room-blue"])
    """The channel on which what the client sends is published, or an empty text for none."""
    status: Annotated[int, Field(ge=100, le=599, examples=[200, 401, 404])] | None = None
    """The status of the edge's own answer. If Fanout asks the edge, it is the status on the second pass."""
    headers: dict[HeaderName, ConditionOrValues] = Field(
        default_factory=dict, examples=[{"content-type": "text/event-stream", "grip-hold": {"present": False}}]
    )
    """Headers of that answer, with the conditions of `match`: a value, a list of possible values, or `{present: false}`."""
    request_headers: dict[HeaderName, ConditionOrValues] = Field(default_factory=dict, examples=[{"x-edge": "fanroute"}])
    """Headers of the request as the backend gets it, likewise."""


class RouteTest(Model):
    """A request, and its expected outcome."""

    model_config = with_example(
        {"request": "GET https://chat.example.com/rooms/blue", "expect": {"route": "room-events", "channel": "room-blue"}}
    )

    name: Text | None = Field(None, examples=["a room has its channel"])
    """The test's name in messages. Without it, they show the request."""
    request: Annotated[Request, BeforeValidator(_request, json_schema_input_type=RequestLine | Request)]
    """The request: `METHOD URL`, or a mapping."""
    expect: Expect
    """The expected outcome."""

    def label(self) -> str:
        """Returns the test's name in messages."""
        return self.name or f"{self.request.method} {self.request.url}"


class RouteTests(Model):
    """A whole routes.test.yaml."""

    tests: Annotated[list[RouteTest], Field(min_length=1)]
    """The tests. Each stands for itself."""
