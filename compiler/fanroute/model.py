"""What every part of routes.yaml is: a mapping of known keys, each with what it means.

The text under a key is its line in docs/reference.md and in the JSON schema.
"""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A mapping of known keys, of exactly the types given."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)
