"""Project Wycheproof's vectors, as values."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Vector:
    """A signature or tag of a message, whether it is good ("valid", "invalid", "acceptable"), and what it is about."""

    message: bytes
    signature: bytes
    result: str
    about: str


def groups(name: str) -> Iterator[tuple[str, list[Vector]]]:
    """A file's keys, each with its vectors."""
    for group in json.loads((Path(__file__).parent / f"{name}.json").read_text()):
        vectors = [
            Vector(bytes.fromhex(message), bytes.fromhex(signature), *rest) for message, signature, *rest in group["tests"]
        ]
        yield group["key"], vectors
