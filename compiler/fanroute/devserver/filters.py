"""Applies a subscription's filters to published messages. Source: Pushpin's documentation and behaviour."""

import re
from collections.abc import Callable, Collection, Mapping

# `%` and a letter, perhaps with an argument in parentheses between them, in which a backslash escapes the next character; or `%`
# and any other character.
_DIRECTIVE = re.compile(rb"%(?:\(((?:\\.|[^)\\])*)\))?(.?)", re.DOTALL)


class BadContent(ValueError):
    """Reports a directive without a value, in a published message or in the format of an id."""


def passes_filters(
    filters: Collection[str], meta: Mapping[str, str], message_meta: Mapping[str, str], channels: Collection[str]
) -> bool:
    """Returns True if the filters let a message through to a connection.

    Args:
        filters: those of the subscription.
        meta: the meta variables of the connection.
        message_meta: the meta variables that were published with the message.
        channels: the names of all channels that the connection is subscribed to.
    """
    user = meta.get("user")
    if user and "skip-self" in filters and message_meta.get("sender") == user:
        return False
    if user and "skip-users" in filters and user in map(str.strip, message_meta.get("skip_users", "").split(",")):
        return False
    required = message_meta.get("require_sub")
    return not ("require-sub" in filters and required and required not in channels)


def filter_content(
    content: bytes, filters: Collection[str], meta: Mapping[str, str], prev_ids: Mapping[str, str | None]
) -> bytes:
    """Applies the content filters, in order. Raises BadContent.

    Args:
        content: that of a message.
        filters: those of the subscription; the ones that do not change content have no effect here.
        meta: the meta variables of the connection.
        prev_ids: for each channel of the connection, the id of the last item on it.
    """
    for name in filters:
        if name == "build-id":
            content = _build_ids(content, meta, prev_ids)
        elif name == "var-subst":
            content = _substitute(content, lambda type_, name: _variable(type_, name, meta))
    return content


def _build_ids(content: bytes, meta: Mapping[str, str], prev_ids: Mapping[str, str | None]) -> bytes:
    if "id_format" not in meta or meta.get("id_encoding", "hex") != "hex":
        raise BadContent("build-id needs an id_format, and knows the id_encoding hex")
    encode = bytes.hex if "id_encoding" in meta else bytes.decode
    id_ = _substitute(meta["id_format"].encode(), lambda type_, name: _variable(type_, name, prev_ids)) if prev_ids else None

    def built_id(type_: str, argument: str | None) -> str:
        value = id_ if argument is None else argument.encode()
        if type_ != "I" or value is None:
            raise BadContent(f"no id for %{type_}")
        return encode(value)

    return _substitute(content, built_id)


def _variable(type_: str, name: str | None, variables: Mapping[str, str | None]) -> str:
    value = variables.get(name or "")
    if type_ != "s" or value is None:
        raise BadContent(f"no variable {name!r}")
    return value


def _substitute(content: bytes, value_of: Callable[[str, str | None], str]) -> bytes:
    """Replaces each directive by its value; `value_of` gets its letter and its argument."""

    def substitute(directive: re.Match[bytes]) -> bytes:
        argument, type_ = directive.group(1), directive.group(2).decode("latin-1")
        if directive.group(0) == b"%%":
            return b"%"
        if not type_.isalpha():
            raise BadContent(f"no directive: {directive.group(0)!r}")
        name = None if argument is None else re.sub(rb"\\(.)", rb"\1", argument, flags=re.DOTALL).decode(errors="replace")
        return value_of(type_, name).encode()

    return _DIRECTIVE.sub(substitute, content)
