"""Which keys the signatures of tokens are checked with."""

import re
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict

from fanroute.spec.types import FilePath, Kind, Line, Model, Text, value_error

# The issuers of Fanout itself: Fastly's, with the service's id, and that of the local edges.
_FASTLYS, _LOCAL = "fastly:", "viceroy"
# Names of stores and of their entries, as Fastly has them for secrets.
_ENTRY = re.compile(r"[A-Za-z0-9_.-]{1,255}")


def _entry(value: str) -> str:
    if not _ENTRY.fullmatch(value):
        raise value_error(f"{value!r} is not a name in Fastly's stores", "use letters, digits, '-', '_' and '.'; 255 at most")
    return value


def party(what: str, claim: str) -> Callable[[str], str]:
    """A check of a name that tokens have in a claim or parameter of theirs."""

    def check(value: str) -> str:
        if not value:
            raise value_error(f"{what} is not an empty text", f"write what its tokens say in '{claim}'")
        return value

    return check


def _proxys(value: str) -> str:
    if value == _LOCAL or value.startswith(_FASTLYS):
        where = " on local edges" if value == _LOCAL else ""
        raise value_error(f"{value!r} is Fanout's own name{where}", "give your proxy another sig_iss")
    return value


EntryName = Annotated[Text, AfterValidator(_entry), Kind("a name in Fastly's stores", _ENTRY.pattern)]
Issuer = Annotated[Line, AfterValidator(party("an issuer", "iss")), Kind("an issuer", "[^\\r\\n]+")]
ProxyIssuer = Annotated[Issuer, AfterValidator(_proxys), Kind("an issuer", f"(?!{_LOCAL}$|{_FASTLYS})[^\\r\\n]+")]

# Where a key may be: in a file when building, or in a store of the running service.
KEY_STORES = ("secret_store", "config_store")
KEY_SOURCES = ("file", *KEY_STORES)


class VerificationKey(Model):
    """A key, for signatures by one algorithm: in a file that is read when building, or in a store of Fastly's."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["file"]}, {"required": ["secret_store", "name"]}, {"required": ["config_store", "name"]}],
        }
    )

    algorithm: Literal["ES256", "RS256", "HS256"]
    """The only one it is for."""
    file: FilePath | None = None
    """A public key in PEM, by the file's path from the folder of routes.yaml; part of what is built."""
    secret_store: EntryName | None = None
    """The secret store that holds the key, by the name it is linked to the service with: a public key in PEM or, of HS256, the
    secret's bytes as they are, 32 at least."""
    config_store: EntryName | None = None
    """The config store that holds the key, a public one in PEM."""
    name: EntryName | None = None
    """What the key is called in its store."""


class ProxyKey(VerificationKey):
    """A key of a GRIP proxy of your own."""

    issuer: ProxyIssuer
    """What its Grip-Sig says in `iss`."""
