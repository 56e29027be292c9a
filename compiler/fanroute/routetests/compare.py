"""Whether a local edge does what the routes say, and what cannot be asked of one. Pure."""

from collections.abc import Iterator
from dataclasses import replace

from fanroute.plan.request import RequestData
from fanroute.plan.trace import Tracer
from fanroute.routetests.judge import Judged
from fanroute.routetests.outcome import Outcome, foreseen
from fanroute_runtime.exchange import Answer, Headers
from fanroute_runtime.headers import PIN

# What a backend is told of the client's connection: it is another one on a local edge.
OF_THE_CONNECTION = frozenset({"x-forwarded-for", "x-forwarded-proto"})
# What is not compared of a request to a backend. A difference of pins shows in the answer that the second pass gives.
NOT_COMPARED = OF_THE_CONNECTION | {PIN}
# Answers to which no content belongs (RFC 9110, 15.3.5 and 15.4.5).
WITHOUT_CONTENT = (204, 304)


def over_http(asked: RequestData) -> RequestData:
    """The same request, asked over plain HTTP."""
    return replace(asked, url=f"http://{asked.url.partition('://')[2]}")


def unasked(judged: Judged, tracer: Tracer) -> str:
    """Why a test cannot be asked of a local edge, "" if it can."""
    if OF_THE_CONNECTION.intersection(map(str.lower, judged.test.expect.request_headers)):
        return "the address and scheme of a local edge's client are its own"
    if judged.test.request.claims is not None:
        return "a local edge does not know the key that signs a test's token"
    if judged.asked.values(PIN):
        return ""
    plain = foreseen(tracer, over_http(judged.asked))
    same = replace(plain, sent=()) == replace(judged.outcome, sent=())
    return "" if same else "a local edge speaks plain HTTP, and here it matters that the client speaks https"


def differences(expected: Outcome, seen: Outcome, method: str) -> Iterator[str]:
    """What is otherwise on the edge than by the routes."""
    if seen.backend != expected.backend:
        answers = f", and answers {seen.answer.status}" if seen.answer and not seen.backend else ""
        yield f"asks the backend {_quoted(seen.backend)}, not {_quoted(expected.backend)}{answers}"
        return
    ours, theirs = _combined(expected.sent), _combined(seen.sent)
    for name in sorted(expected.changed - NOT_COMPARED):
        if ours.get(name) != theirs.get(name):
            yield f"sends {name} {_text(theirs.get(name))} to the backend, not {_text(ours.get(name))}"
    if expected.answer is None or seen.answer is None:
        if expected.answer is not seen.answer:
            yield "leaves the answer to a backend" if seen.answer is None else "answers itself"
        return
    yield from _different_answers(expected.answer, seen.answer, method)


def _different_answers(expected: Answer, seen: Answer, method: str) -> Iterator[str]:
    if seen.status != expected.status:
        yield f"answers {seen.status}, not {expected.status}"
    ours, theirs = _combined(expected.headers), _combined(seen.headers)
    for name in sorted({*ours, *(name for name in theirs if name.startswith("grip-"))}):
        if ours.get(name) != theirs.get(name):
            yield f"answers with {name} {_text(theirs.get(name))}, not {_text(ours.get(name))}"
    if method != "HEAD" and expected.status not in WITHOUT_CONTENT and seen.body != expected.body:
        yield f"answers {_text(seen.body)}, not {_text(expected.body)}"


def _combined(headers: Headers) -> dict[str, bytes]:
    """Headers by name, those that stand more than once on one line (RFC 9110, 5.3)."""
    found: dict[str, bytes] = {}
    for name, value in headers:
        found[name] = b", ".join([found[name], value]) if name in found else value
    return found


def _quoted(name: str) -> str:
    return f"'{name}'" if name else "none"


def _text(value: bytes | None) -> str:
    return "none" if value is None else repr(value.decode("utf-8", "backslashreplace"))
