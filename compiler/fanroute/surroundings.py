"""What a routes.yaml is compiled with, besides its own text."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

# The content of a file that has at most so many bytes, by its path from routes.yaml's folder. Raises OSError.
Read = Callable[[str, int], bytes]


def no_files(path: str, limit: int) -> bytes:
    """A `Read` where there are none."""
    raise FileNotFoundError("no such file or directory")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is around a routes.yaml: the source of each runtime module, by its dotted name, the build's environment, and files."""

    runtime: Mapping[str, str]
    # Secrets stand there too: it is never printed.
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    read: Read = no_files
