"""Lets pytest-xdist send any report from the process that ran a test to the one that prints it: it sends UTF-8."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Iterator[Any]:
    """Escapes characters that UTF-8 cannot hold, such as a test's own broken bytes."""
    return encodable((yield))


def encodable(data: Any) -> Any:
    """Returns a list, tuple, dict or other value with each character that UTF-8 cannot hold as a backslash escape."""
    if isinstance(data, str):
        return data.encode("utf-8", "backslashreplace").decode()
    if isinstance(data, dict):
        return {encodable(name): encodable(value) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return type(data)(map(encodable, data))
    return data
