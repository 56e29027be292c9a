"""The sandbox of the embedded edge that takes a request: a waiting one, or a new one."""

import threading
from collections.abc import Iterator
from concurrent.futures import wait
from time import sleep

import pytest

from fanroute.devserver.sandboxes import MAX_PENDING, Sandboxes
from fanroute.host.exchange import Exchange, Response

TIMEOUT = 30


def exchange(uri: str) -> Exchange:
    return Exchange(f"http://localhost/{uri}", [], frozenset())


class Component:
    """Stands in for a component. Answers with the number of the sandbox and of the request in it."""

    def __init__(self) -> None:
        self.made = 0
        self.ended: list[int] = []
        self._lock = threading.Lock()

    def handle(self, first: Exchange, seconds: float = TIMEOUT) -> bool:
        with self._lock:
            self.made += 1
            number = self.made
        current: Exchange | None = first
        requests = 0
        while current:
            requests += 1
            path = current.uri.rpartition("/")[2]
            if path == "trap":
                raise ValueError("trapped")
            waiting = current.request_next(seconds)
            if path == "trap-late":
                self.late.wait(TIMEOUT)
                raise ValueError("trapped late")
            if path == "none":
                return False
            current.answer = Response(body=f"{number}.{requests}".encode())
            current.settle()
            current = waiting()
        self.ended.append(number)
        return True

    late = threading.Event()


@pytest.fixture
def component() -> Component:
    return Component()


@pytest.fixture
def sandboxes(component: Component) -> Iterator[Sandboxes]:
    sandboxes = Sandboxes(component.handle)
    yield sandboxes
    sandboxes.close()


def asked(sandboxes: Sandboxes, path: str = "") -> bytes | None:
    one = exchange(path)
    sandboxes.serve(one).result(TIMEOUT)
    return one.answer.body if one.answer else None


def test_one_after_another_in_one_sandbox(sandboxes: Sandboxes, component: Component) -> None:
    assert [asked(sandboxes) for _ in range(4)] == [b"1.1", b"1.2", b"1.3", b"1.4"]
    assert component.made == 1


def test_a_sandbox_that_fails_is_followed_by_a_new_one(sandboxes: Sandboxes) -> None:
    assert asked(sandboxes) == b"1.1"
    with pytest.raises(ValueError, match="trapped"):
        asked(sandboxes, "trap")
    assert asked(sandboxes) == b"2.1"
    assert asked(sandboxes, "none") is None
    assert asked(sandboxes) == b"3.1"


def test_a_request_is_not_lost_with_the_sandbox_that_it_was_given_to(sandboxes: Sandboxes, component: Component) -> None:
    component.late.clear()
    trapping, following = exchange("trap-late"), exchange("")
    first = sandboxes.serve(trapping)
    while not sandboxes._waiting:
        sleep(0.001)
    second = sandboxes.serve(following)
    component.late.set()
    with pytest.raises(ValueError, match="trapped late"):
        first.result(TIMEOUT)
    second.result(TIMEOUT)
    assert following.answer is not None and following.answer.body == b"2.1"


def test_a_wait_ends(component: Component) -> None:
    sandboxes = Sandboxes(lambda first: component.handle(first, 0.01))
    for number in range(1, 4):
        assert (asked(sandboxes) or b"")[:1] <= str(number).encode()
        while not component.ended:
            sleep(0.001)
        component.ended.clear()
    sandboxes.close()
    assert component.made == 3


def test_many_at_once(sandboxes: Sandboxes, component: Component) -> None:
    """Each is answered exactly once, and no more than MAX_PENDING sandboxes wait."""
    many = [exchange("") for _ in range(500)]
    done, _ = wait([sandboxes.serve(one) for one in many], TIMEOUT)
    answers = {one.answer.body for one in many if one.answer}
    assert len(done) == len(answers) == 500
    assert len(sandboxes._waiting) <= MAX_PENDING


def test_what_waits_ends_with_the_edge(component: Component) -> None:
    sandboxes = Sandboxes(component.handle)
    asked(sandboxes)
    sandboxes.close()
    sandboxes._pool.shutdown(wait=True)
    assert component.ended == [1]


def test_a_retired_pool_keeps_no_sandbox_and_still_serves(sandboxes: Sandboxes, component: Component) -> None:
    assert asked(sandboxes) == b"1.1"
    sandboxes.retire()
    assert [asked(sandboxes) for _ in range(2)] == [b"2.1", b"3.1"]
    while len(component.ended) < 3:
        sleep(0.01)
    assert sorted(component.ended) == [1, 2, 3]
