"""What a rule is."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: what it says, why it is there, a routes.yaml that breaks it and no other, and how to mend that.

    Each is a constant that is named by its code. `example` is None where no content of a file breaks the rule; it is bytes
    where it is not UTF-8 text. With `tests`, it is the routes.test.yaml beside the example that breaks the rule.
    """

    code: str
    severity: Severity
    title: str
    why: str
    example: str | bytes | None
    mend: str
    tests: str = ""

    def __repr__(self) -> str:
        return self.code
