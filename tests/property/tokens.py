"""Implements `auth` of docs/language a second time, naively, as a part of the reference. PyJWT verifies the signatures."""

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import jwt

from fanroute.plan.request import TIME

if TYPE_CHECKING:
    from tests.property.reference import Facts

Data = dict[str, Any]

HELD = ("stream", "sse", "long_poll", "websocket")
ACTIONS = (*HELD, "handoff", "forward", "tunnel", "respond", "redirect")
_CHANNELS = ("channels", "any_channel")


def auth_of(spec: Data, route: Data) -> Data | None:
    """Returns what a route asks of a client's token, with the profile's keys and all defaults, or None if it asks for none."""
    given = route.get("auth", None if "public" in route else spec.get("defaults", {}).get("auth"))
    if given is None:
        return None
    own = {"profile": given} if isinstance(given, str) else given
    profile = spec["auth_profiles"][own["profile"]] if "profile" in own else {}
    if any(key in own for key in _CHANNELS):
        profile = {key: value for key, value in profile.items() if key not in _CHANNELS}
    found = profile | own | {"claims": profile.get("claims", {}) | own.get("claims", {})}
    listed = {key: _list(found.get(key, usual)) for key, usual in (("token", "authorization"), ("issuer", []), ("audience", []))}
    seconds = {"0s": 0, "10s": 10, "1m": 60}[found.get("leeway", "10s")]
    return {
        "claims": found["claims"],
        "channels": found.get("channels"),
        "leeway": seconds,
        **listed,
        "keys": _list(found["keys"]),
    }


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class Refused(Exception):
    """Raised with the status of the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def admitted(auth: Data, action: str, asked: "Facts", fill: Any) -> Data:
    """Returns the claims of a request's token. Raises Refused. `fill` returns a template's text for the request, or None."""
    token = find_token(auth, action, asked)
    claims = verified(token, auth, asked) if token is not None else None
    if claims is None or not _is_current(claims, auth["leeway"]):
        raise Refused(401)
    audiences = _list(claims.get("aud", []))
    if (auth["audience"] or "aud" in claims) and not set(map(str, audiences)) & set(auth["audience"]):
        raise Refused(401)
    if auth["issuer"] and claims.get("iss") not in auth["issuer"]:
        raise Refused(401)
    if not all(_fits(condition, claim(claims, name), fill) for name, condition in auth["claims"].items()):
        raise Refused(403)
    if action in ("handoff", "forward", "tunnel") and any(_is_twice(one, asked) for one in _compared(auth)):
        raise Refused(400)
    return claims


def find_token(auth: Data, action: str, asked: "Facts") -> str | None:
    """Returns the token of a request, or None if it has none. Raises Refused if a place has two."""
    for place in auth["token"]:
        ((kind, name),) = {"authorization": ""}.items() if place == "authorization" else place.items()
        found = [text for text in _in_place(kind, name, action, asked) if text]
        if len(found) > 1:
            raise Refused(401)
        if found:
            return found[0]
    return None


def _in_place(kind: str, name: str, action: str, asked: "Facts") -> list[str]:
    if kind == "query":
        value = asked.query.get(name, "")
        return ["not UTF-8" if value is None else value]
    header = {"header": name.lower(), "protocol": "sec-websocket-protocol"}.get(kind, kind)
    values = [value.decode("latin-1") for one, value in asked.pairs if one == header]
    if kind == "authorization":
        return [found[1] for value in values if (found := re.fullmatch("bearer +(.*)", value, re.IGNORECASE))]
    if kind == "cookie":
        return [
            text for pair in ";".join(values).split(";") for key, _, text in [pair.strip(" \t").partition("=")] if key == name
        ]
    if kind == "protocol":
        offered = [one.strip() for one in ",".join(values).split(",")]
        is_socket = action == "websocket" and asked.websocket
        return [offered[at + 1] for at, one in enumerate(offered[:-1]) if one == name] if is_socket else []
    return values


def verified(token: str, auth: Data, asked: "Facts") -> Data | None:
    """Returns the claims of a token that one of the keys has signed, or None."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        return None
    unchecked = {f"verify_{name}": False for name in ("aud", "exp", "nbf", "iat", "iss", "sub", "jti")}
    for key, algorithms, kid in _verifying(auth["keys"], asked):
        if kid in (None, header.get("kid")) and header["alg"] in algorithms:
            try:
                claims: Data = jwt.decode(token, key, [header["alg"]], options=unchecked)  # type: ignore[arg-type]
            except (jwt.InvalidTokenError, jwt.InvalidKeyError, TypeError):
                continue
            return claims
    return None


def _verifying(keys: list[Data], asked: "Facts") -> list[tuple[Any, list[str], str | None]]:
    """Returns keys with their algorithms and key ids, those of documents one by one."""
    found: list[tuple[Any, list[str], str | None]] = []
    for key in keys:
        stored = asked.stores[key.get("config_store") or key["secret_store"]][key["name"]]
        algorithms = _list(key["algorithm"])
        if "jwks" not in key:
            found.append((stored, algorithms, key.get("kid")))
            continue
        for one in json.loads(stored)["keys"]:
            own = {"RSA": "RS256", "EC": "ES256"}[one["kty"]]
            found.append((jwt.PyJWK(one, own).key, [own] if own in algorithms else [], one["kid"]))
    return found


def _is_current(claims: Data, leeway: int) -> bool:
    """Returns True if a token is valid now. All generated tokens have an `exp`."""
    return claims["exp"] + leeway > TIME and claims.get("nbf", 0) - leeway <= TIME


def path_of(name: str) -> tuple[str, ...]:
    """Returns the names that lead to a claim."""
    if name.startswith("/"):
        return tuple(name[1:].split("/"))
    return (name,) if re.search("[:/]", name) else tuple(name.split("."))


def claim(claims: Any, name: str) -> Any:
    """Returns the value of a claim, or None."""
    for step in path_of(name):
        claims = claims.get(step) if isinstance(claims, dict) else None
    return claims


def text_of(value: Any) -> str | None:
    """Returns a claim as text, or None."""
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, bool | int | float) else None


def _fits(condition: Any, value: Any, fill: Any) -> bool:
    given = condition if isinstance(condition, dict) else {"values": _list(condition)}
    if "present" in given:
        return (value is not None) == given["present"]
    if "pattern" in given:
        return any(re.fullmatch(given["pattern"], text, re.ASCII) for text in _texts(value))
    if "values" in given:
        return any(_equals(wanted, text, fill) for wanted in given["values"] for text in _texts(value))
    words = [word for word in value.split(" ") if word] if isinstance(value, str) else _texts(value)
    has = {
        wanted: any(_equals(wanted, word, fill) for word in words) for wanted in _list(given.get("word", given.get("every_word")))
    }
    return all(has.values()) if "every_word" in given else any(has.values())


def _texts(value: Any) -> list[str]:
    return [text for text in map(text_of, _list(value)) if text is not None]


def _equals(wanted: str, text: str, fill: Any) -> bool:
    return bool(text == fill(wanted)) if "{" in wanted else text == wanted


def _compared(auth: Data) -> set[str]:
    """Returns the references with which claims are compared."""
    return {found for condition in auth["claims"].values() for found in re.findall(r"\{[^{}]*\}", str(condition))}


def _is_twice(compared: str, asked: "Facts") -> bool:
    """Returns True if a request has a query parameter or header twice, in any spelling that a server may take for the same."""
    source, _, name = compared[1:-1].partition(".")
    if source == "query":
        names = [unquote_plus(pair.partition("=")[0]) for pair in re.split("[&;]", asked.raw_query)]
        return [each.lower() for each in names].count(name.lower()) > 1
    if source == "header":
        names = [each.replace("_", "-") for each, _ in asked.pairs]
        return names.count(name.lower().replace("_", "-")) > 1
    return False
