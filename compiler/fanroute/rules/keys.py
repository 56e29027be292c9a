"""The rules about keys, one function a code."""

from collections.abc import Iterator, Mapping

from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import KEYS
from fanroute.diagnostics.rule import Rule
from fanroute.spec import raw
from fanroute.spec.keys import KEY_SOURCES, KEY_STORES
from fanroute.syntax.source import Source

FR250 = Rule(
    "FR250",
    "error",
    "a key is in one place",
    "A key is read from a file when building, or from a store by the running service, where it has a name.",
    KEYS % "ES256, secret_store: keys",
    "Give it a `file`, or a store and its `name` there.",
)

FR251 = Rule(
    "FR251",
    "error",
    "the secret of HS256 is in a secret store",
    "Who knows that secret can make tokens himself. A file's content becomes part of the component, and "
    "a config store is read by whoever may see the service; a secret store gives it to the running service alone.",
    KEYS % "HS256, config_store: keys, name: pushpin",
    "Put it in a secret store that is linked to the service; or use ES256, whose public key may be seen.",
)

FR252 = Rule(
    "FR252",
    "error",
    "the file of a key holds a public key for its algorithm",
    "Of ES256 it is one of the curve P-256, of RS256 one of RSA with 2048 to 4096 bits, in PEM that begins with "
    "`-----BEGIN PUBLIC KEY-----`. A private key has no place at the edge, nor a certificate.",
    None,
    "Write the public key as PEM, as `openssl` does with `-pubout`.",
)


# The algorithms whose keys may be seen.
PUBLIC = ("ES256", "RS256")


def keys_are_in_one_place(source: Source) -> Iterator[Diagnostic]:
    """FR250"""
    for path, key in raw.verification_keys(source):
        places = [place for place in key if place in KEY_SOURCES]
        if not places:
            yield Diagnostic(FR250, "a key that is nowhere", source.key_span(path), f"add one of {', '.join(KEY_SOURCES)}")
        for further in places[1:]:
            note = Note("the first place", source.key_span((*path, places[0])))
            message = f"a second place of the key, '{further}', beside '{places[0]}'"
            yield Diagnostic(FR250, message, source.key_span((*path, further)), "keep one", (note,))
        in_store = any(place in KEY_STORES for place in places)
        if in_store and "name" not in key:
            message, mend = "a key without a name in its store", "add 'name:'"
            yield Diagnostic(FR250, message, source.key_span((*path, places[0])), mend)
        if places and not in_store and "name" in key:
            yield Diagnostic(FR250, "'name' is for a key in a store", source.key_span((*path, "name")), "leave it out")


def secrets_are_in_secret_stores(source: Source) -> Iterator[Diagnostic]:
    """FR251"""
    for path, key in raw.verification_keys(source):
        for place in ("file", "config_store"):
            if key.get("algorithm") == "HS256" and place in key:
                message = f"the secret of HS256 in a {place.replace('_', ' ')}, where others can read it"
                mend = "put it in a secret store, and write 'secret_store:' and 'name:'"
                yield Diagnostic(FR251, message, source.key_span((*path, place)), mend)


def unusable_keys(source: Source, files: Mapping[str, bytes]) -> Iterator[Diagnostic]:
    """FR252; `files` has the content of each file that could be read."""
    for path, key in raw.verification_keys(source) if files else ():
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
