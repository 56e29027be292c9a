"""Defines the bodies of the requests of the console's page, as JSON. Each part is checked as the commands check theirs."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Json, ValidationError, model_validator

from fanroute.client.framing import json_line
from fanroute.plan.kinds import Kind
from fanroute.plan.request import CLIENT_ADDRESS
from fanroute.routetests.document import client_address, field_value, request_url
from fanroute.spec.types import check_header_name, check_method, value_error


class BadBody(ValueError):
    """Reports that a body is refused. `field` is the part of it that is wrong, "" for the whole."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


def _no_host(name: str) -> str:
    if name.lower() == "host":
        raise value_error("the Host header has a place of its own", "write it there")
    return name


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise value_error("a line break or another control character is not allowed here", "leave it out")
    return text


HeaderName = Annotated[str, AfterValidator(check_header_name), AfterValidator(_no_host)]
Header = tuple[HeaderName, Annotated[str, AfterValidator(field_value)]]
OneLine = Annotated[str, AfterValidator(_one_line)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TriedRequest(_Body):
    """A request to try: as `fanroute match` has it. `claims` are JSON in a string."""

    method: Annotated[str, AfterValidator(check_method)]
    url: Annotated[str, AfterValidator(request_url)]
    headers: list[Header] = []
    client_ip: Annotated[str | None, BeforeValidator(client_address)] = CLIENT_ADDRESS
    claims: Json[dict[str, Any]] | None = None
    via_fanout: bool = False


class WantedMessage(_Body):
    """A message to publish, and the kinds of connections that get it."""

    channel: Annotated[str, Field(min_length=1)]
    kinds: Annotated[list[Kind], Field(min_length=1)]
    text: str = ""
    is_json: bool = False
    event: OneLine = ""
    id: OneLine | None = None
    prev_id: OneLine | None = None
    close: bool = False

    @model_validator(mode="after")
    def _is_valid_json(self) -> "WantedMessage":
        if self.is_json and not self.close:
            try:
                json_line(self.text)
            except ValueError:
                raise value_error("the message is not valid JSON", "untick JSON to send it as text") from None
        return self


class Channel(_Body):
    """Names a channel."""

    channel: str


class WantedConnection(_Body):
    """A connection to the edge, for a pane of a page.

    Args:
        page: the id of the page.
        pane: the pane's name.
        kind: the kind of connection.
        target: path and query of its request.
        host: the request's Host, "" for the edge's own.
        headers: its other headers.
        token: the client's token, "" for none.
        route: the name of the route whose place for tokens the token takes, "" for Authorization.
        protocols: the subprotocols that a WebSocket offers.
    """

    page: str
    pane: str
    kind: Kind
    target: str
    host: str = ""
    headers: list[Header] = []
    token: Annotated[str, AfterValidator(field_value)] = ""
    route: str = ""
    protocols: list[Annotated[str, AfterValidator(check_header_name)]] = []

    @model_validator(mode="after")
    def _is_request(self) -> "WantedConnection":
        if not self.target.startswith("/"):
            raise value_error(f"{self.target!r} is not a path", "begin it with '/'")
        request_url(f"http://{self.host or 'localhost'}{self.target}")
        return self


class Pane(_Body):
    """Names a pane of a page. `text` is sent on its WebSocket."""

    page: str
    pane: str
    text: str = ""


class HeldConnection(_Body):
    """Names a connection that the edge holds, by its number."""

    number: int


def read_body(kind: type[Any], raw: bytes) -> Any:
    """Returns a body as an instance of its class. Raises BadBody."""
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        context = first.get("ctx", {})
        message = f"{context['message']}: {context['suggestion']}" if "suggestion" in context else first["msg"]
        raise BadBody(message, str(first["loc"][0]) if first["loc"] else "") from None
