"""Defines a header's value that the running service reads from a secret store."""

import re
from typing import Annotated

from pydantic import AfterValidator, Discriminator, Tag

from fanroute.diagnostics.printable import quoted
from fanroute.spec.types import Model, Text, TextFormat, value_error, with_example

# A store and the name of a secret in it, as Fastly allows them.
_NAME = "[A-Za-z0-9_.-]{1,255}"
_SECRET = re.compile(f"({_NAME})/({_NAME})")


def _check_secret(value: str) -> str:
    if not _SECRET.fullmatch(value):
        suggestion = "write 'STORE/NAME': the store as it is linked to the service, and the secret's name there"
        raise value_error("this does not name a secret", suggestion)
    return value


def _check_prefix(value: str) -> str:
    if not value.isascii() or not value.isprintable() or value.startswith(" "):
        raise value_error(
            f"{quoted(value)} cannot begin a header's value", "use printable ASCII that does not begin with a space"
        )
    return value


SecretName = Annotated[Text, AfterValidator(_check_secret), TextFormat("a store and a secret", _SECRET.pattern, ("llm/api-key",))]
Prefix = Annotated[Text, AfterValidator(_check_prefix), TextFormat("printable ASCII", "([!-~][ -~]*)?", ("Bearer ",))]


class SecretValue(Model):
    """A value that is in one of Fastly's secret stores. The running service reads it, and the component does not contain it."""

    model_config = with_example({"secret": "llm/api-key", "prefix": "Bearer "})

    secret: SecretName
    """The secret store, by the name under which it is linked to the service, and the secret's name in it. The secret must be
    printable ASCII. Spaces and line ends around it do not count."""
    prefix: Prefix = ""
    """Stands before the secret in the header's value."""

    @property
    def entry(self) -> tuple[str, str]:
        """The store and the name of the secret."""
        store, _, name = self.secret.partition("/")
        return store, name


# Chooses by the type in YAML, so that a wrong value is one error and not one of each kind. A tag is part of an error's path, so
# it must not be a key.
TEXT_OR_SECRET = Discriminator(lambda value: "a secret" if isinstance(value, dict | SecretValue) else "a text")
OF_SECRET, OF_TEXT = Tag("a secret"), Tag("a text")
