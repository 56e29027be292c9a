"""Compares what a local edge does with what the routes say, and decides which tests it cannot run. Pure."""

from collections.abc import Iterator
from dataclasses import replace

from fanroute.plan.request import LOCAL_CLIENT, RequestData
from fanroute.plan.trace import Tracer
from fanroute.routetests.judge import Result
from fanroute.routetests.outcome import Outcome, predict
from fanroute_runtime.http.headers import PIN
from fanroute_runtime.messages import Answer, Headers

# The request headers that say who the client is. On a local edge it is another client than in a trace.
CONNECTION_HEADERS = frozenset({"x-forwarded-for", "x-forwarded-proto"})
# The headers of a request to a backend that are not compared. A different pin shows in the answer of the second pass.
NOT_COMPARED = CONNECTION_HEADERS | {PIN}
# Statuses of answers without content (RFC 9110, 15.3.5 and 15.4.5).
WITHOUT_CONTENT = (204, 304)


def over_http(request: RequestData) -> RequestData:
    """Returns the same request with the scheme http."""
    return replace(request, url=f"http://{request.url.partition('://')[2]}")


def from_this_machine(request: RequestData) -> RequestData:
    """Returns the same request of a client on this machine."""
    return replace(request, address=LOCAL_CLIENT)


def skip_reason(result: Result, request: RequestData, tracer: Tracer) -> str:
    """Returns the reason why a test cannot run on a local edge, or "" if it can. `request` is its request at the present time."""
    if CONNECTION_HEADERS.intersection(map(str.lower, result.test.expect.request_headers)):
        return "the client of a local edge has another address and scheme"
    if not _has_outcome(request, result, tracer):
        return "the times in its token would give another outcome now"
    if request.values(PIN):
        return ""
    if not _has_outcome(from_this_machine(request), result, tracer):
        return "its client has another address than this machine, for which the outcome would be different"
    if _has_outcome(over_http(from_this_machine(request)), result, tracer):
        return ""
    return "a local edge has no TLS, and over http the outcome would be different"


def _has_outcome(request: RequestData, result: Result, tracer: Tracer) -> bool:
    """Returns True if a request has the outcome of a test's, apart from the headers that its backend gets."""
    return replace(predict(tracer, request), sent=()) == replace(result.outcome, sent=())


def differences(expected: Outcome, actual: Outcome, method: str) -> Iterator[str]:
    """Yields what the edge does differently from the routes, each as the end of a sentence about the edge.

    Args:
        expected: the outcome by the routes.
        actual: the outcome on the edge.
        method: that of the request.
    """
    if actual.backend != expected.backend:
        answers = f", and answers {actual.answer.status}" if actual.answer and not actual.backend else ""
        yield f"asks the backend {_quoted(actual.backend)}, not {_quoted(expected.backend)}{answers}"
        return
    expected_headers, actual_headers = _combined(expected.sent), _combined(actual.sent)
    for name in sorted(expected.changed - NOT_COMPARED):
        if expected_headers.get(name) != actual_headers.get(name):
            yield f"sends {name} {_text(actual_headers.get(name))} to the backend, not {_text(expected_headers.get(name))}"
    if expected.answer is None or actual.answer is None:
        if expected.answer is not actual.answer:
            yield "leaves the answer to a backend" if actual.answer is None else "answers itself"
        return
    yield from answer_differences(expected.answer, actual.answer, method)


def answer_differences(expected: Answer, actual: Answer, method: str) -> Iterator[str]:
    """Yields how an answer differs from what the routes say. Headers that the routes do not mention are not compared."""
    if actual.status != expected.status:
        yield f"answers {actual.status}, not {expected.status}"
    expected_headers, actual_headers = _combined(expected.headers), _combined(actual.headers)
    for name in sorted({*expected_headers, *(name for name in actual_headers if name.startswith("grip-"))}):
        if expected_headers.get(name) != actual_headers.get(name):
            yield f"answers with {name} {_text(actual_headers.get(name))}, not {_text(expected_headers.get(name))}"
    if method != "HEAD" and expected.status not in WITHOUT_CONTENT and actual.body != expected.body:
        yield f"answers {_text(actual.body)}, not {_text(expected.body)}"


def _combined(headers: Headers) -> dict[str, bytes]:
    """Returns headers by name. Several values of a name are joined by commas (RFC 9110, 5.3)."""
    found: dict[str, bytes] = {}
    for name, value in headers:
        found[name] = b", ".join([found[name], value]) if name in found else value
    return found


def _quoted(name: str) -> str:
    return f"'{name}'" if name else "none"


def _text(value: bytes | None) -> str:
    return "none" if value is None else repr(value.decode("utf-8", "backslashreplace"))
