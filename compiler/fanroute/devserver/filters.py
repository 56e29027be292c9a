"""What filters do with a message on the way to a connection. Source: Pushpin's documentation and behaviour."""

import re
from collections.abc import Callable, Collection, Mapping

# `%` and a letter, with an argument in parentheses or not, where a backslash keeps the next character; or `%` and another.
_DIRECTIVE = re.compile(rb"%(?:\(((?:\\.|[^)\\])*)\))?(.?)", re.DOTALL)


# Those that change what is delivered.
CONTENT_FILTERS = ("build-id", "var-subst")


class BadContent(ValueError):
    """A directive in what was published, or in an id's format, that gives nothing."""


def passes(filters: Collection[str], meta: Mapping[str, str], published: Mapping[str, str], channels: Collection[str]) -> bool:
    """Whether a message with the meta variables `published` is for a connection with `meta` and subscriptions."""
    user = meta.get("user")
    if user and "skip-self" in filters and published.get("sender") == user:
        return False
    if user and "skip-users" in filters and user in map(str.strip, published.get("skip_users", "").split(",")):
        return False
    return not ("require-sub" in filters and published.get("require_sub") and published["require_sub"] not in channels)


def rendered(content: bytes, filters: Collection[str], meta: Mapping[str, str], prev_ids: Mapping[str, str | None]) -> bytes:
    """The content as the filters make it, in their order. Raises BadContent."""
    for name in filters:
        if name == "build-id":
            content = _with_ids(content, meta, prev_ids)
        elif name == "var-subst":
            content = _replaced(content, lambda type_, name: _variable(type_, name, meta))
    return content


def _with_ids(content: bytes, meta: Mapping[str, str], prev_ids: Mapping[str, str | None]) -> bytes:
    if "id_format" not in meta or meta.get("id_encoding", "hex") != "hex":
        raise BadContent("build-id needs an id_format, and knows the id_encoding hex")
    encoding = bytes.hex if "id_encoding" in meta else bytes.decode
    id_ = _replaced(meta["id_format"].encode(), lambda type_, name: _variable(type_, name, prev_ids)) if prev_ids else None

    def replacement(type_: str, given: str | None) -> str:
        value = id_ if given is None else given.encode()
        if type_ != "I" or value is None:
            raise BadContent(f"no id for %{type_}")
        return encoding(value)

    return _replaced(content, replacement)


def _variable(type_: str, name: str | None, variables: Mapping[str, str | None]) -> str:
    value = variables.get(name or "")
    if type_ != "s" or value is None:
        raise BadContent(f"no variable {name!r}")
    return value


def _replaced(content: bytes, replacement: Callable[[str, str | None], str]) -> bytes:
    def replace(directive: re.Match[bytes]) -> bytes:
        argument, type_ = directive.group(1), directive.group(2).decode("latin-1")
        if directive.group(0) == b"%%":
            return b"%"
        if not type_.isalpha():
            raise BadContent(f"no directive: {directive.group(0)!r}")
        name = None if argument is None else re.sub(rb"\\(.)", rb"\1", argument, flags=re.DOTALL).decode(errors="replace")
        return replacement(type_, name).encode()

    return _DIRECTIVE.sub(replace, content)
