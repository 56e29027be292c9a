"""The rules about keys, one function a code."""

from collections.abc import Iterator, Mapping

from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.rules.texts.trust import FR250, FR251, FR252
from fanroute.spec import raw
from fanroute.spec.keys import SOURCES, STORES
from fanroute.syntax.source import Source

# The algorithms whose keys may be seen.
PUBLIC = ("ES256", "RS256")


def keys_are_in_one_place(source: Source) -> Iterator[Diagnostic]:
    """FR250"""
    for path, key in raw.keys(source):
        places = [place for place in key if place in SOURCES]
        if not places:
            yield Diagnostic(FR250, "a key that is nowhere", source.key_span(path), f"add one of {', '.join(SOURCES)}")
        for further in places[1:]:
            note = Note("the first place", source.key_span((*path, places[0])))
            message = f"a second place of the key, '{further}', beside '{places[0]}'"
            yield Diagnostic(FR250, message, source.key_span((*path, further)), "keep one", (note,))
        in_store = any(place in STORES for place in places)
        if in_store and "name" not in key:
            message, mend = "a key without a name in its store", "add 'name:'"
            yield Diagnostic(FR250, message, source.key_span((*path, places[0])), mend)
        if places and not in_store and "name" in key:
            yield Diagnostic(FR250, "'name' is for a key in a store", source.key_span((*path, "name")), "leave it out")


def secrets_are_in_secret_stores(source: Source) -> Iterator[Diagnostic]:
    """FR251"""
    for path, key in raw.keys(source):
        for place in ("file", "config_store"):
            if key.get("algorithm") == "HS256" and place in key:
                message = f"the secret of HS256 in a {place.replace('_', ' ')}, where others can read it"
                mend = "put it in a secret store, and write 'secret_store:' and 'name:'"
                yield Diagnostic(FR251, message, source.key_span((*path, place)), mend)


def unusable_keys(source: Source, files: Mapping[str, bytes]) -> Iterator[Diagnostic]:
    """FR252; `files` has the content of each file that could be read."""
    for path, key in raw.keys(source) if files else ():
        content, algorithm = files.get(str(key.get("file"))), str(key.get("algorithm"))
        if content is not None and (wrong := _unusable(content, algorithm)):
            message = f"the file '{key['file']}' has no key for {algorithm}"
            yield Diagnostic(FR252, message, source.value_span((*path, "file")), wrong)


def _unusable(content: bytes, algorithm: str) -> str:
    """Why a file's content is no key for an algorithm, "" if it is one or the algorithm has none in files."""
    from fanroute_runtime.keys import LOADERS  # late: it makes tables

    try:
        if algorithm in PUBLIC:
            LOADERS[algorithm](content)  # type: ignore[index]
    except ValueError as error:
        return str(error)
    return ""


RULES = {keys_are_in_one_place: ("keys",), secrets_are_in_secret_stores: ("keys",)}
