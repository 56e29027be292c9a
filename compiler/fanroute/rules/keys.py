"""Checks keys: FR250, FR251, FR252 and FR253."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import KEYS, START
from fanroute.diagnostics.rule import Rule
from fanroute.rules.check import source_check
from fanroute.spec import raw
from fanroute.spec.keys import KEY_SOURCES, KEY_STORES
from fanroute.syntax.source import Source
from fanroute_runtime.plan import Algorithm

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


# Algorithms with a secret, which whoever verifies could also sign with.
SECRET_ALGORITHMS = ("HS256", "HS384", "HS512")

FR251 = Rule(
    "FR251",
    "error",
    "the secret of HS256, HS384 or HS512 is not in a secret store",
    "Anybody who knows that secret can make tokens. The content of a file becomes part of the component, and everybody who may "
    "see the service can read a config store. A secret store gives it to the running service alone.",
    KEYS % "HS256, config_store: keys, name: pushpin",
    "Put it in a secret store that is linked to the service. Or use ES256, whose public key need not be secret.",
)


@source_check("keys")
def check_secrets(source: Source) -> Iterator[Diagnostic]:
    """Reports FR251: the secret of an algorithm is not in a secret store."""
    for path, key in raw.verification_keys(source):
        for place in ("file", "config_store"):
            of = next((each for each in _algorithms(key) if each in SECRET_ALGORITHMS), None)
            if of and place in key:
                message = f"the secret of {of} is in a {place.replace('_', ' ')}, where others can read it"
                suggestion = "put it in a secret store, and write 'secret_store:' and 'name:'"
                yield Diagnostic(FR251, message, source.key_span((*path, place)), suggestion)


FR252 = Rule(
    "FR252",
    "error",
    "the file of a key has no public key for its algorithm",
    "The file must have a public key: for ES256 one on the curve P-256, for ES384 on P-384, for EdDSA on Ed25519, "
    "and for RS256 and PS256 an RSA key of 2048 to 4096 bits. It is PEM "
    "that begins with `-----BEGIN PUBLIC KEY-----`. A certificate is not accepted, and a private key does not belong at the "
    "edge. With `jwks: true`, the file must be a JWKS document (RFC 7517) with at least one such key, and without private keys "
    "and secrets.",
    None,
    "Write the public key as PEM, for instance with `openssl` and its option `-pubout`, or download the issuer's JWKS document.",
)

# Algorithms with a public key, which may be in a file.
PUBLIC_KEY_ALGORITHMS = ("ES256", "RS256", "ES384", "EdDSA", "Ed25519", "PS256")


def check_key_files(source: Source, files: Mapping[str, bytes]) -> Iterator[Diagnostic]:
    """Reports FR252: the file of a key has no public key for its algorithm. `files` has the content of each readable file."""
    for path, key in raw.verification_keys(source) if files else ():
        content, algorithms = files.get(str(key.get("file"))), _algorithms(key)
        public = [each for each in algorithms if each in PUBLIC_KEY_ALGORITHMS]
        if content is None or not algorithms or public != algorithms:
            continue
        if problem := _problem_of_document(content, algorithms) if "jwks" in key else _problem_of_key(content, algorithms[0]):
            message = f"the file '{key['file']}' has no key for {' or '.join(algorithms)}"
            yield Diagnostic(FR252, message, source.value_span((*path, "file")), problem)


def _problem_of_key(content: bytes, algorithm: str) -> str:
    """Returns why a file's content is not a key for an algorithm; "" if it is one."""
    from fanroute_runtime.jose.keys import make_verifier  # late: importing it computes tables

    if content.lstrip().startswith(b"{"):
        return "a single key is PEM, but this file looks like a JWKS document, for which a key of 'auth' needs 'jwks: true'"
    try:
        make_verifier(cast(Algorithm, algorithm), content)
    except ValueError as error:
        return str(error)
    return ""


def _problem_of_document(content: bytes, algorithms: list[str]) -> str:
    """Returns why a file's content is not a JWKS document with a key for one of some algorithms; "" if it is one."""
    from fanroute_runtime.jose.jwks import SecretKey, keys_of, read_members  # late: importing it computes tables
    from fanroute_runtime.jose.keys import make_verifier

    try:
        members = read_members(content)
    except ValueError as error:
        return f"a JWKS document is JSON such as '{{\"keys\": […]}}', but {error}"
    reasons = []
    for number, jwk in enumerate(members, 1):
        try:
            for key in keys_of(jwk, cast(tuple[Algorithm, ...], tuple(algorithms)), secret=False):
                make_verifier(key.algorithm, cast(bytes, key.material))
        except ValueError as error:
            reasons.append(f"key {number}: {error}")
            if isinstance(error, SecretKey):
                return f"{reasons[-1]}; keep only public keys in the file, and replace this one at the issuer"
    return "; ".join(reasons) or "the list of its keys is empty" if len(reasons) == len(members) else ""


def _algorithms(key: dict[str, Any]) -> list[str]:
    """Returns the algorithms of a key, of which a JWKS document may have several."""
    return [each for _, each in raw.items((), key.get("algorithm")) if isinstance(each, str)]


FR253 = Rule(
    "FR253",
    "error",
    "a single key is written like a JWKS document, or the other way round",
    "A PEM file or entry is one key, for one algorithm (RFC 8725, 3.1), and a secret is, too. With `jwks: true` the file or "
    "entry is a JWKS document, whose keys have their own `kid`.",
    START + "routes:\n  - handoff: origin\n    auth: {keys: {algorithm: [ES256, RS256], config_store: keys, name: login}}\n",
    "Add `jwks: true` if it is a JWKS document. Otherwise, write a key for each algorithm.",
)


@source_check("keys")
def check_documents(source: Source) -> Iterator[Diagnostic]:
    """Reports FR253: a key has several algorithms, or a JWKS document has a `kid`."""
    for auth_path, auth in raw.auths(source):
        for path, key in raw.items((*auth_path, "keys"), auth.get("keys")):
            if not isinstance(key, dict):
                continue
            if "jwks" in key and "kid" in key:
                message = "'kid' is not for a JWKS document, in which each key has its own"
                yield Diagnostic(FR253, message, source.key_span((*path, "kid")), "remove it")
            if "jwks" not in key and len(_algorithms(key)) > 1:
                message, span = "a single key is for one algorithm", source.value_span((*path, "algorithm"))
                yield Diagnostic(FR253, message, span, "add 'jwks: true' if it is a JWKS document, or keep one of them")
