"""What a user may write in a routes.test.yaml; nothing else."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from fanroute.spec.base import Model
from fanroute.spec.document import ACTIONS
from fanroute.spec.headers import HeaderValue, no_duplicate_names
from fanroute.spec.match import ConditionOrValues
from fanroute.spec.types import HeaderName, Method, Text, as_list, value_error
from fanroute.spec.validate import did_you_mean

# The words for no route at all, and for what answers a browser's preflight requests (no action of routes.yaml's).
NO_ROUTE, PREFLIGHT = "none", "preflight"
# A name or an address, and a port.
_ORIGIN = r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?"
# With what of RFC 3986's characters a client sends, or with whatever else an attacker sends too.
_URL = re.compile(_ORIGIN + r"([/?][A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]*)?")
_ANY_URL = re.compile(_ORIGIN + r"([/?#\\][!-~]*)?")
# The highest port.
MAX_PORT = 65535
_FIELD_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
# Headers of a request that a test writes otherwise.
UNASKED_HEADERS = {
    "host": "it is the url's",
    "upgrade": "write 'websocket: true'",
    "connection": "it belongs to one connection",
    "transfer-encoding": "it belongs to one connection",
    "content-length": "it is computed",
    "grip-sig": "write 'via_fanout: true'",
}


def asked_url(value: str, known: re.Pattern[str] = _ANY_URL) -> str:
    """Returns a URL that can be asked for, whatever its path is."""
    found = known.fullmatch(value)
    if not found:
        raise value_error(f"{value!r} is not the URL of a request", _suggest_url(value))
    if int(found["port"] or 0) > MAX_PORT:
        raise value_error(f"the port of {value!r} is out of range", f"it is {MAX_PORT} at most")
    return value


def _suggest_url(value: str) -> str:
    scheme, separator, rest = value.partition("://")
    host = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    if separator and scheme not in ("http", "https"):
        return f"write http:// or https:// in place of {scheme}://"
    if "@" in host:
        return "leave out the user: clients send one in the header Authorization"
    if not host.isascii():
        return "write the host as clients send it, in ASCII ('xn--…')"
    return "write http:// or https://, a host and a path, percent-encoded"


def field_value(value: str) -> str:
    """Returns the value of a header: any text without control characters other than tabs (RFC 9110, 5.5)."""
    if not _FIELD_VALUE.fullmatch(value):
        raise value_error(f"{value!r} is not a header's value", "leave out line ends and other control characters")
    return value


def _asked_header(value: str) -> str:
    name = value.lower()
    if name in UNASKED_HEADERS or name.startswith("sec-websocket-"):
        raise value_error(f"'{value}' cannot be set here", UNASKED_HEADERS.get(name, "write 'websocket: true'"))
    return value


def _action(value: str) -> str:
    known = (*ACTIONS, PREFLIGHT)
    if value not in known:
        raise value_error(f"unknown action '{value}'", did_you_mean(value, known, "actions"))
    return value


def _request(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    method, space, url = value.partition(" ")
    if not space:
        raise value_error(f"{value!r} is not a request", "write a method and a URL, as 'GET https://chat.example.com/'")
    return {"method": method, "url": url}


AskedHeader = Annotated[HeaderName, AfterValidator(_asked_header)]


class Request(Model):
    """A client's request; `GET https://chat.example.com/rooms/blue` alone is short for its method and URL."""

    method: Method = "GET"
    """In capital letters, as HTTP has it."""
    url: Annotated[Text, AfterValidator(lambda value: asked_url(value, _URL))]
    """Absolute and percent-encoded, with the scheme and the host that the client asks."""
    headers: Annotated[dict[AskedHeader, HeaderValue], AfterValidator(no_duplicate_names)] = Field(default_factory=dict)
    """Headers of the request."""
    websocket: bool = False
    """Whether the client asks for a WebSocket, with a GET (RFC 6455, 4.1)."""
    body: Text = ""
    """The request's content; of a WebSocket that Fanout brings, the events instead of an OPEN alone."""
    claims: dict[Text, Any] | None = None
    """Those of the client's token, which is otherwise such as the route asks for: signed, and with an `exp`, `iss` and `aud` if
    they are not given here."""
    via_fanout: bool = False
    """Whether Fanout asks in the client's place, as on the second pass: with a Grip-Sig and the client's X-Forwarded-*."""

    @model_validator(mode="after")
    def _handshake(self) -> "Request":
        if self.websocket and self.method != "GET":
            raise value_error(f"a WebSocket is not asked for with {self.method}", "write GET, or leave 'websocket' out")
        return self


class Expect(Model):
    """What must come of the request. Only what is given is compared."""

    route: Text | None = None
    """The name of the route that takes it, or `none`. One without a name is called by its number, as `route-3`; the one for a
    route's preflight requests is `NAME preflight`."""
    action: Annotated[Text, AfterValidator(_action)] | None = None
    """That route's action, as its key in routes.yaml; `preflight` for a preflight request that the edge answers."""
    backend: Text | None = None
    """The backend that is asked first."""
    channel: Annotated[list[Text], BeforeValidator(as_list)] | None = None
    """The channel that the client is subscribed to, or a list of all; `[]` for none."""
    status: Annotated[int, Field(ge=100, le=599)] | None = None
    """The status of the edge's own answer: of the second pass's, where Fanout asks the edge."""
    headers: dict[HeaderName, ConditionOrValues] = Field(default_factory=dict)
    """Headers of that answer, as `match` has them: a value, a list of which it is one, or `{present: false}`."""
    request_headers: dict[HeaderName, ConditionOrValues] = Field(default_factory=dict)
    """Headers of the request as the backend gets it, likewise."""


class RouteTest(Model):
    """A request, and what must come of it."""

    name: Text | None = None
    """What it is called in messages; without it, the request is."""
    request: Annotated[Request, BeforeValidator(_request)]
    """What is asked: `METHOD URL`, or a mapping."""
    expect: Expect
    """What must come of it."""

    def called(self) -> str:
        return self.name or f"{self.request.method} {self.request.url}"


class RouteTests(Model):
    """A whole routes.test.yaml."""

    tests: Annotated[list[RouteTest], Field(min_length=1)]
    """The tests, each for itself."""
