"""What a routes.yaml is compiled with, besides its own text."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is around a routes.yaml: the source of each runtime module, by its dotted name, and the build's environment."""

    runtime: Mapping[str, str]
    # Secrets stand there too: it is never printed.
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
