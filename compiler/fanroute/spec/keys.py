"""Defines the keys that verify the signatures of tokens."""

import re
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from fanroute.diagnostics.printable import quoted
from fanroute.spec.types import KeyPath, Line, Model, Text, TextFormat, value_error, with_example

# The issuers of Fanout's own tokens: Fastly's begins so and ends with the service's id, and the local edges have the other.
_FASTLYS, _LOCAL = "fastly:", "viceroy"
# Names of secret stores and their entries, as Fastly allows them. Those of config stores are checked in the same way.
_ENTRY = re.compile(r"[A-Za-z0-9_.-]{1,255}")


def _check_entry(value: str) -> str:
    if not _ENTRY.fullmatch(value):
        suggestion = "use letters, digits, '-', '_' and '.'; 255 characters at most"
        raise value_error(f"{quoted(value)} is not a name in Fastly's stores", suggestion)
    return value


def not_empty(what: str, claim: str) -> Callable[[str], str]:
    """Returns a validator that refuses an empty text. `claim` is the token's claim or parameter that has the value."""

    def check(value: str) -> str:
        if not value:
            raise value_error(f"{what} cannot be empty", f"write the value that the tokens have in '{claim}'")
        return value

    return check


def _check_proxy_issuer(value: str) -> str:
    if value == _LOCAL or value.startswith(_FASTLYS):
        where = " on local edges" if value == _LOCAL else ""
        raise value_error(f"{quoted(value)} is the issuer of Fanout itself{where}", "give your proxy another sig_iss")
    return value


EntryName = Annotated[Text, AfterValidator(_check_entry), TextFormat("a name in Fastly's stores", _ENTRY.pattern, ("keys",))]
Issuer = Annotated[
    Line, AfterValidator(not_empty("an issuer", "iss")), TextFormat("an issuer", "[^\\r\\n]+", ("https://login.example.com/",))
]
ProxyIssuer = Annotated[
    Issuer, AfterValidator(_check_proxy_issuer), TextFormat("an issuer", f"(?!{_LOCAL}$|{_FASTLYS})[^\\r\\n]+", ("my-proxy",))
]

# The algorithms of a GRIP proxy's keys, and of clients' tokens.
AlgorithmName = Literal["ES256", "RS256", "HS256"]
ClientAlgorithmName = Literal["ES256", "RS256", "HS256", "ES384", "EdDSA", "Ed25519", "PS256", "HS384", "HS512"]

# The keys that say where a verification key is: in a store of the running service, or in a file when building.
KEY_STORES = ("secret_store", "config_store")
KEY_SOURCES = ("file", *KEY_STORES)
_ONE_SOURCE = {
    "oneOf": [{"required": ["file"]}, *({"required": [store, "name"]} for store in KEY_STORES)],
    "dependentRequired": {store: ["name"] for store in KEY_STORES},
    "dependentSchemas": {"name": {"anyOf": [{"required": [store]} for store in KEY_STORES]}},
}


class VerificationKey(Model):
    """A key for signatures by one algorithm: in a file that is read when building, or in one of Fastly's stores."""

    model_config = with_example(
        {"algorithm": "ES256", "file": "keys/tokens.pem"},
        **_ONE_SOURCE,
    )

    algorithm: AlgorithmName
    """The only algorithm that the key is used with."""
    file: KeyPath | None = Field(None, examples=["keys/tokens.pem"])
    """A file with a public key in PEM, by its path from the folder of routes.yaml. The key becomes part of the component."""
    secret_store: EntryName | None = None
    """The secret store that holds the key, by the name under which it is linked to the service. Its entry is a public key in PEM
    or, for HS256, HS384 and HS512, the secret: at least 32, 48 and 64 bytes, used as they are."""
    config_store: EntryName | None = None
    """The config store that holds the key, which must be a public key in PEM."""
    name: EntryName | None = None
    """The name of the key's entry in its store."""


class ProxyKey(VerificationKey):
    """A key of a GRIP proxy of your own."""

    model_config = with_example(
        {"algorithm": "ES256", "file": "keys/proxy.pem", "issuer": "my-proxy"},
        **_ONE_SOURCE,
    )

    issuer: ProxyIssuer
    """The `iss` of the Grip-Sig that the proxy sends."""
