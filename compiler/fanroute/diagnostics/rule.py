"""Defines a rule: the kind of a diagnostic, with the texts that explain it."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Rule:
    """Represents a kind of diagnostic. Each rule is a constant of a module, named by its code.

    `fanroute explain` and docs/diagnostics.md show its texts.

    Args:
        code: "FR" and three digits.
        severity: of every diagnostic of this kind.
        title: the fault in one line, in lower case and without a full stop.
        explanation: why it is a fault, in sentences.
        example: a routes.yaml with this fault and no other. It is bytes if it is not UTF-8 text, and None if the content of a
            routes.yaml cannot show the fault.
        fix: how to correct it, in sentences.
        tests: a routes.test.yaml next to the example, if the fault is in that file.
    """

    code: str
    severity: Severity
    title: str
    explanation: str
    example: str | bytes | None
    fix: str
    tests: str = ""

    def __repr__(self) -> str:
        return self.code
