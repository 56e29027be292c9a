"""Suggests what to write in place of a value of the wrong type. Pure."""

import json
from typing import Any, get_args, get_origin

from pydantic import ValidationError

from fanroute.spec.types import Model
from fanroute.syntax.mending import suggest_space

# Texts that mean true or false elsewhere, for example in YAML 1.1.
_BOOLEANS = dict.fromkeys(("yes", "on", "true", "y", "1"), "true") | dict.fromkeys(("no", "off", "false", "n", "0"), "false")
# What other tools call a key of ours.
OTHER_NAMES = {
    theirs: ours
    for ours, names in {
        "forward": "proxy proxy_pass upstream backend to target destination origin server",
        "path": "location uri route pattern source prefix path_prefix paths",
        "host": "domain hostname server_name hosts domains",
        "method": "verb methods verbs",
        "websocket": "ws socket websockets",
        "sse": "events eventsource event_stream server_sent_events",
        "long_poll": "poll polling longpoll",
        "respond": "response return static",
        "auth": "jwt authentication authorization",
        "channel": "topic topics room channels",
        "keep_alive": "heartbeat ping",
        "response_headers": "headers add_header",
        "strip_prefix": "strip strip_path trim_prefix path_rem",
        "add_prefix": "replace_prefix replace_beg",
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
    }.items()
    for theirs in names.split()
}
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
NOT_HERE = (
    dict.fromkeys(("timeout", "timeouts"), _TIMEOUT)
    | dict.fromkeys(("retry_on", "retries"), _RETRIES)
    | dict.fromkeys(("shield", "shielding", "origin_shield"), _SHIELD)
    | dict.fromkeys(("cache", "ttl", "cache_control"), _CACHE)
    | dict.fromkeys(("rewrite", "strip_prefix", "path_rewrite", "url_rewrite", "rewrites"), _REWRITE)
    | dict.fromkeys(("middleware", "middlewares", "plugins", "filters"), _MIDDLEWARE)
    | dict.fromkeys(("jwks_uri", "jwks_url"), _JWKS)
)


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
            return f"write {key}: {value}" if str(value).isdecimal() else ""
        case "list_type" if isinstance(value, dict):
            return _suggest_list(value, key, model)
        case "model_type" | "model_attributes_type" | "dict_type" if isinstance(value, str) and suggest_space(value):
            return suggest_space(value)
        case "dict_type":
            return f"write {key}: {{NAME: …}}"
    fitting = _only_key_for(value, model) if model else ""
    return f"write {key}: {{{fitting}: {json.dumps(value, ensure_ascii=False)}}}" if fitting else ""


def _suggest_list(value: dict[str, Any], key: str, model: type[Model] | None) -> str:
    """Suggests a list in place of a mapping. `model` is that of the list's items, None if they are no mappings."""
    first = next(iter(value), "")
    if model and model.model_fields.keys() >= value.keys():
        return f"write it as an item of a list: '- {first}: …', with its other keys below this one"
    if all(isinstance(item, dict) for item in value.values()):
        return f"write a list, with '- ' in place of '{first}:'"
    return f"write {key}: {json.dumps([*value], ensure_ascii=False)}"


def _only_key_for(value: Any, model: type[Model]) -> str:
    """Returns the only required key that takes a value, or the only key if none is required. Returns "" if there is none."""
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    # A list is suggested for required keys only: it can fit an optional one by chance.
    known = required or ([] if isinstance(value, list) else [*model.model_fields])
    fitting = [name for name in known if _fits(model, {name: value})]
    return fitting[0] if len(fitting) == 1 else ""


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
