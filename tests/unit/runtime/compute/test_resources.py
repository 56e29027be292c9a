"""Tests that a resource of the host is dropped as `weakref.finalize` would do it, because the bindings expect that."""

import weakref
from collections.abc import Callable
from typing import Any

import pytest

from fanroute_runtime.compute.resources import Finalizer


class Resource:
    """A resource as the bindings make it."""

    finalizer: Any


@pytest.fixture
def dropped() -> list[tuple[int, int]]:
    """Collects the arguments with which resources were dropped."""
    return []


@pytest.fixture(params=[Finalizer, weakref.finalize])
def make(request: pytest.FixtureRequest, dropped: list[tuple[int, int]]) -> Callable[[], Resource]:
    def made() -> Resource:
        resource = Resource()
        resource.finalizer = request.param(resource, lambda function, handle: dropped.append((function, handle)), 7, 3)
        return resource

    return made


def test_it_is_dropped_once(make: Callable[[], Resource], dropped: list[tuple[int, int]]) -> None:
    resource = make()
    assert dropped == []
    del resource
    assert dropped == [(7, 3)]


def test_what_is_given_away_is_not_dropped(make: Callable[[], Resource], dropped: list[tuple[int, int]]) -> None:
    resource = make()
    _, drop, arguments, named = resource.finalizer.detach()
    assert (arguments, named) == ((7, 3), {})
    assert resource.finalizer.detach() is None
    del resource
    assert dropped == []
    drop(*arguments)
    assert dropped == [(7, 3)]
