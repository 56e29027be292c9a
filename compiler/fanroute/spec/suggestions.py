"""Suggests what to write in place of a value of the wrong type. Pure."""

import json
import re
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import ValidationError

from fanroute.diagnostics.printable import in_yaml
from fanroute.spec.types import Model
from fanroute.syntax.mending import suggest_space

# Texts that mean true or false elsewhere, for example in YAML 1.1.
_BOOLEANS = dict.fromkeys(("yes", "on", "true", "y", "1"), "true") | dict.fromkeys(("no", "off", "false", "n", "0"), "false")
# What other tools call each key of ours.
_THEIR_NAMES = {
    "forward": "proxy proxy_pass upstream backend to target destination origin server endpoint",
    "location": "to target destination url uri address endpoint redirect_to redirect_url",
    "status": "code status_code permanent http_status",
    "strip_prefix": "strip strip_path trim_prefix path_rem prefix",
    "add_prefix": "replace_prefix replace_beg replace_prefix_match",
    "path": "location uri url route pattern source prefix path_prefix paths endpoint exact replacement replace substitution to",
    "host": "domain hostname server_name hosts domains authority subdomain",
    "method": "verb methods verbs",
    "match": "when if condition conditions matcher matchers",
    "websocket": "ws socket websockets upgrade",
    "sse": "events eventsource event_stream server_sent_events",
    "long_poll": "poll polling longpoll long_polling",
    "respond": "response return static",
    "name": "id label",
    "auth": "jwt authentication authorization",
    "channel": "topic topics room channels rooms subscribe",
    "client_ip": "ip remote_addr source_ip client_address",
    "query": "params query_params parameters",
    "scheme": "protocol",
    "protocols": "protocol subprotocol subprotocols",
    "initial": "welcome initial_message",
    "prev_id": "prev-id last_id",
    "data": "message content",
    "keep_alive": "heartbeat ping keepalive",
    "response_headers": "headers add_header",
    "routes": "rules routing",
    "backends": "upstreams servers clusters",
    "include": "import imports includes",
    "url": "address uri endpoint",
    "first_byte_timeout": "read_timeout response_timeout proxy_read_timeout",
    "override_host": "as_host host_header upstream_vhost",
    "certificate_host": "cert_host ssl_cert_hostname",
    "sni_host": "sni ssl_sni_hostname proxy_ssl_name",
    "auth_profiles": "profiles auths authentications",
    "profile": "extends inherits use",
}
OTHER_NAMES: dict[str, tuple[str, ...]] = {}
for _ours, _names in _THEIR_NAMES.items():
    for _theirs in _names.split():
        OTHER_NAMES[_theirs] = (*OTHER_NAMES.get(_theirs, ()), _ours)
# The most keys that are suggested for one value.
MAX_KEYS = 3
# The longest suggestion with an example, in characters.
MAX_EXAMPLE = 130
# What a key of ours was called before. A mapping with that name is something else.
FORMER_NAMES = {"environment": "variables"}
# What other tools have, and what to do here.
_TIMEOUT = "a backend has connect_timeout, first_byte_timeout and between_bytes_timeout, and a long_poll has a 'timeout'"
_RETRIES = "there are none"
_SHIELD = "there is no shielding: Fanout does not work with it, and for Compute it is no setting of a backend"
_CACHE = "a forward has it: 'forward: {backend: NAME, cache: pass}'; otherwise an answer's Cache-Control says what Fastly caches"
_REWRITE = "write it in an action with a backend, as in forward: {backend: origin, rewrite: {strip_prefix: /api}}"
_MIDDLEWARE = "there is none; a route has auth, origins, request_headers and response_headers, and an action can have cors"
_JWKS = "the edge downloads no keys: put the issuer's document into a config store, and write 'jwks: true' with its place"
_ACTIONS = "the key is the action itself: handoff, forward, tunnel, stream, sse, long_poll, websocket, publish, respond, redirect"
_SUBSCRIBE = "a client subscribes by an action: 'sse: {channel: NAME}', or stream, websocket or long_poll in place of sse"
_PUBLISH = "a route publishes what its clients send by 'publish: {channel: NAME}'; your server publishes by itself"
_ANSWER = "an answer of the edge has it, as in 'respond: {status: 200, body: …}'"
_PATTERN = "a path is not a regular expression: write {name} for a segment of it, and 'where: {name: PATTERN}'"
_ORDER = "the first route that matches takes the request, so put the routes in order"
_ONE_BACKEND = "a route asks one backend; write a route for each, with another match"
_LIMIT = "a route has it, as in 'limit: {rate: 100/s, penalty: 2m}'"
_COMMENT = "write a comment instead, which begins with '#'"
_TLS = "domains, ports and certificates belong to the service at Fastly; the url of a backend says if it has TLS"
_COOKIE = "write a pattern for the header: {cookie: {pattern: '(.*; *)?NAME=VALUE(;.*)?'}}"
NOT_HERE = {
    name: text
    for text, names in {
        _TIMEOUT: "timeout timeouts",
        _RETRIES: "retry_on retries",
        _SHIELD: "shield shielding origin_shield",
        _CACHE: "cache ttl cache_control",
        _REWRITE: "rewrite path_rewrite url_rewrite rewrites",
        _MIDDLEWARE: "middleware middlewares plugins",
        _JWKS: "jwks_uri jwks_url",
        _ACTIONS: "handler handle handlers action actions type then do",
        _SUBSCRIBE: "pubsub subscription subscriptions hold grip",
        _PUBLISH: "publisher publishes broadcast",
        _ANSWER: "root try_files",
        _PATTERN: "regex regexp path_regex path_regexp",
        _ORDER: "priority order weight",
        _ONE_BACKEND: "load_balancer load_balancing balance lb_policy",
        _LIMIT: "rate_limit ratelimit throttle",
        _COMMENT: "description comment enabled disabled notes",
        _TLS: "tls ssl certificate certificates port listen http https",
        _COOKIE: "cookie cookies",
    }.items()
    for name in names.split()
}


def suggest_value(value: Any, error: str, key: str, model: type[Model] | None) -> str:
    """Suggests what to write in place of a value. Returns "" if that is not clear.

    Args:
        value: the value of the wrong type.
        error: pydantic's type of the error.
        key: the value's key, "" if it is an item of a list or the file itself.
        model: the model of the mapping that is expected there, None if no such mapping is.
    """
    if error == "string_type" and isinstance(value, bool | int):
        return "put it in quotes"
    if not key:
        return ""
    match error:
        case "string_type" if isinstance(value, dict) and "secret" in value:
            return "only 'set' of 'request_headers' takes a secret"
        case "string_type":
            text = value.get("backend") if isinstance(value, dict) else value[0] if len(value) == 1 else None
            return f"write {key}: {json.dumps(text, ensure_ascii=False)}" if isinstance(text, str) else ""
        case "bool_type":
            meant = _BOOLEANS.get(str(value).lower())
            return f"write {key}: {meant}" if meant else f"write {key}: true, or {key}: false"
        case "int_type":
            number = _whole_number(str(value))
            return "" if number is None else f"write {key}: {number}, in decimal digits and without quotes"
        case "list_type" if isinstance(value, dict):
            return _suggest_list(value, key, model)
    return _suggest_mapping(value, error, key, model)


def _suggest_mapping(value: Any, error: str, key: str, model: type[Model] | None) -> str:
    """Suggests a mapping in place of another value."""
    if error != "list_type" and isinstance(value, str) and suggest_space(value):
        return suggest_space(value)
    if error == "dict_type":
        name = next(iter(_names_of(value)), "") if isinstance(value, list) else ""
        return f"write '{name}:' in place of '- name: {name}'" if name else f"write {key}: {{NAME: …}}"
    if model is None:
        return ""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        value = value[0]
    written = [f"{{{name}: {json.dumps(value, ensure_ascii=False)}}}" for name in _keys_for(value, model)]
    if len(written) > 1:
        return f"write {key} with one of {', '.join(written[:-1])} and {written[-1]}"
    if written:
        return f"write {key}: {written[0]}"
    example = f"write a mapping, such as {key}: {in_yaml(_example_of(model))}"
    return example if len(example) <= MAX_EXAMPLE else "write a mapping"


def _whole_number(text: str) -> int | None:
    """Returns the number that a text of another notation means, such as `0200`, `+200`, `2e2` or `200.0`. Otherwise None."""
    number = re.fullmatch(r"\+?([0-9][0-9_]{0,17})(?:\.0+)?", text)
    if number:
        return int(number[1].replace("_", ""))
    power = re.fullmatch(r"([0-9]{1,6})e\+?([0-9])", text)
    return int(power[1]) * 10 ** int(power[2]) if power else None


def _names_of(items: list[Any]) -> list[str]:
    """Returns the names of items that are mappings with a `name`."""
    return [item["name"] for item in items if isinstance(item, dict) and isinstance(item.get("name"), str)]


def _example_of(model: type[Model]) -> Any:
    extra: Any = model.model_config["json_schema_extra"]
    return extra["examples"][0]


def _suggest_list(value: dict[str, Any], key: str, model: type[Model] | None) -> str:
    """Suggests a list in place of a mapping. `model` is that of the list's items, None if they are no mappings."""
    first = next(iter(value), "")
    if dashed := re.fullmatch(r"[-\s]+(\w+)", first):
        return f"write '- {dashed[1]}: …', with a space after '-'"
    if model and model.model_fields.keys() >= value.keys():
        return f"write it as an item of a list: '- {first}: …', with its other keys below this one"
    if all(isinstance(item, dict) for item in value.values()):
        return f"write a list, with '- ' in place of '{first}:'"
    return f"write {key}: {json.dumps([*value], ensure_ascii=False)}"


def _keys_for(value: Any, model: type[Model]) -> list[str]:
    """Returns the keys that the value of a mapping can have been meant for: the only required one, or up to three others."""
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    extra: Any = model.model_config.get("json_schema_extra") or {}
    choices = [name for choice in extra.get("oneOf", ()) for name in choice["required"]]
    # A list is suggested for required keys only: it can fit an optional one by chance.
    known = required or choices or ([] if isinstance(value, list) else [*model.model_fields])
    fitting = [name for name in known if _fits(model, {name: value})]
    return fitting if len(fitting) <= (1 if required else MAX_KEYS) else []


def _fits(model: type[Model], data: Any) -> bool:
    try:
        model.model_validate(data)
    except ValidationError:
        return False
    return True


def model_at(path: tuple[str | int, ...], annotation: Any) -> type[Model] | None:
    """Returns the model of the mapping at a path in the data of another model. Returns None if there is no known mapping."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        if not path:
            return annotation
        field = annotation.model_fields.get(str(path[0]))
        return model_at(path[1:], field.annotation) if field else None
    inner = get_args(annotation)
    if get_origin(annotation) is list and not (path and isinstance(path[0], int)):
        return model_at(path, inner[-1])  # one item is short for a list of it
    if get_origin(annotation) in (list, dict):
        return model_at(path[1:], inner[-1]) if path else None
    return next((model for model in (model_at(path, part) for part in inner) if model), None)


@cache
def places_of(annotation: Any, above: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
    """Returns the places of each key in the data of a model, such as `backends.NAME` and `routes`. That of the file is "".

    An item of a list has the place of the list, and a mapping with any names has `NAME` in place of them.
    """
    places: dict[str, tuple[str, ...]] = {}
    if isinstance(annotation, type) and issubclass(annotation, Model):
        for name, field in annotation.model_fields.items():
            _add(places, name, ".".join(above))
            annotated: Any = field.annotation
            for key, found in places_of(annotated, (*above, name)).items():
                _add(places, key, *found)
        return places
    parts = get_args(annotation)
    within = (*above, "NAME") if get_origin(annotation) is dict else above
    for part in parts:
        for key, found in places_of(part, within).items():
            _add(places, key, *found)
    return places


def _add(places: dict[str, tuple[str, ...]], key: str, *found: str) -> None:
    places[key] = tuple(dict.fromkeys((*places.get(key, ()), *found)))
