"""Checks keys: FR250, FR251 and FR252."""

from collections.abc import Iterator, Mapping

from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import KEYS
from fanroute.diagnostics.rule import Rule
from fanroute.rules.check import source_check
from fanroute.spec import raw
from fanroute.spec.keys import KEY_SOURCES, KEY_STORES
from fanroute.syntax.source import Source

FR250 = Rule(
    "FR250",
    "error",
    "a key is not in exactly one place, or has no name in its store",
    "The build reads a key from a file, or the running service reads it from a store, by its name there.",
    KEYS % "ES256, secret_store: keys",
    "Give it a `file`, or a store and its `name` there.",
)


@source_check("keys")
def check_key_places(source: Source) -> Iterator[Diagnostic]:
    """Reports FR250: a key is in no place or in several, or does not have the name that its place needs."""
    for path, key in raw.verification_keys(source):
        places = [place for place in key if place in KEY_SOURCES]
        if not places:
            yield Diagnostic(FR250, "this key is in no place", source.key_span(path), f"add one of {', '.join(KEY_SOURCES)}")
        for extra in places[1:]:
            note = Note("the first place", source.key_span((*path, places[0])))
            message = f"'{extra}' is a second place for this key, in addition to '{places[0]}'"
            yield Diagnostic(FR250, message, source.key_span((*path, extra)), "keep one of them", (note,))
        in_store = any(place in KEY_STORES for place in places)
        if in_store and "name" not in key:
            message = "a key in a store needs the name that it has there"
            yield Diagnostic(FR250, message, source.key_span((*path, places[0])), "add 'name:'")
        if places and not in_store and "name" in key:
            yield Diagnostic(FR250, "'name' is only for a key in a store", source.key_span((*path, "name")), "remove it")


FR251 = Rule(
    "FR251",
    "error",
    "the secret of HS256 is not in a secret store",
    "Anybody who knows that secret can make tokens. The content of a file becomes part of the component, and everybody who may "
    "see the service can read a config store. A secret store gives it to the running service alone.",
    KEYS % "HS256, config_store: keys, name: pushpin",
    "Put it in a secret store that is linked to the service. Or use ES256, whose public key need not be secret.",
)


@source_check("keys")
def check_secrets(source: Source) -> Iterator[Diagnostic]:
    """Reports FR251: the secret of HS256 is not in a secret store."""
    for path, key in raw.verification_keys(source):
        for place in ("file", "config_store"):
            if key.get("algorithm") == "HS256" and place in key:
                message = f"the secret of HS256 is in a {place.replace('_', ' ')}, where others can read it"
                suggestion = "put it in a secret store, and write 'secret_store:' and 'name:'"
                yield Diagnostic(FR251, message, source.key_span((*path, place)), suggestion)


FR252 = Rule(
    "FR252",
    "error",
    "the file of a key has no public key for its algorithm",
    "The file must have a public key: for ES256 one on the curve P-256, for RS256 an RSA key of 2048 to 4096 bits. It is PEM "
    "that begins with `-----BEGIN PUBLIC KEY-----`. A certificate is not accepted, and a private key does not belong at the "
    "edge.",
    None,
    "Write the public key as PEM, for instance with `openssl` and its option `-pubout`.",
)

# Algorithms with a public key, which may be in a file.
PUBLIC_KEY_ALGORITHMS = ("ES256", "RS256")


def check_key_files(source: Source, files: Mapping[str, bytes]) -> Iterator[Diagnostic]:
    """Reports FR252: the file of a key has no public key for its algorithm. `files` has the content of each readable file."""
    for path, key in raw.verification_keys(source) if files else ():
        content, algorithm = files.get(str(key.get("file"))), str(key.get("algorithm"))
        if content is not None and (problem := _problem_of_key(content, algorithm)):
            message = f"the file '{key['file']}' has no key for {algorithm}"
            yield Diagnostic(FR252, message, source.value_span((*path, "file")), problem)


def _problem_of_key(content: bytes, algorithm: str) -> str:
    """Returns why a file's content is not a key for an algorithm; "" if it is one, or if the algorithm has no keys in files."""
    from fanroute_runtime.jose.keys import VERIFIER_MAKERS  # late: importing it computes tables

    try:
        if algorithm in PUBLIC_KEY_ALGORITHMS:
            VERIFIER_MAKERS[algorithm](content)  # type: ignore[index]
    except ValueError as error:
        return str(error)
    return ""
