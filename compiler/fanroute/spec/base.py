"""What every part of routes.yaml is: a mapping of known keys, each with what it means.

The text under a key is its line in docs/reference.md and in the JSON schema.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A mapping of known keys, of exactly the types given."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a text in the file is: in words for the reference, and as a pattern of the whole text for editors."""

    words: str
    pattern: str = ""

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "title": self.words} | ({"pattern": f"^(?:{self.pattern})$"} if self.pattern else {})
