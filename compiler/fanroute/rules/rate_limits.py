"""Checks limits of how often a client may use a route: FR495 and FR496."""

from collections.abc import Iterator

from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.plan.routes import declared_routes
from fanroute.rules.check import ValidFile, plan_check

FR495 = Rule(
    "FR495",
    "warning",
    "a limit counts by a header that clients choose freely",
    "A client that sends another value with each request is counted anew each time, so the limit never stops it. Its many values "
    "also push those of other clients out of Fastly's counter, which has 200,000 places. A header is safe if the match names "
    "its values, or if `client_ip` in the match lets in only your own servers.",
    START + "routes:\n  - match: {path: /api/*}\n    limit: {rate: 100/s, by: header.x-key}\n    forward: origin\n",
    "Count by `client_ip`, or by a claim of a token that the route requires.",
)


@plan_check
def check_chosen_headers(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR495: a limit counts by a header, and the route takes any value of it from any client."""
    for index, route in enumerate(declared_routes(file.plan)):
        by = route.limit.by if route.limit else None
        if by is None or by.source != "header" or route.match.client_ips:
            continue
        if any(condition.name == by.name and condition.values for condition in route.match.headers):
            continue
        message = f"a client that sends another '{by.name}' with each request is never limited"
        suggestion = "write 'by: client_ip', or 'by: claim.sub' on a route with 'auth'"
        yield Diagnostic(FR495, message, file.source.value_span(("routes", index, "limit", "by")), suggestion)


# Below this rate, Fastly promises little. Source: the notes of
# https://www.fastly.com/documentation/reference/vcl/functions/rate-limiting/ratelimit-check-rate/
EXACT_RATE = 10

FR496 = Rule(
    "FR496",
    "note",
    "a limit is below 10 requests a second",
    "Fastly's Edge Rate Limiting is made against floods of requests. Its servers tell each other from time to time what they "
    "have counted. Below 10 requests a second, Fastly says that accuracy and time until detection may be unpredictable. Over a "
    "window of 60 s there is more to count, so the average is less by chance.",
    START + "routes:\n  - match: {path: /login}\n    limit: {rate: 1/s, window: 10s}\n    forward: origin\n",
    "Write `window: 60s`, or a higher rate. Do not rely on the limit to bill requests, or to keep a password from being guessed.",
)


@plan_check
def check_low_rates(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR496: a limit is so low that Fastly does not keep it exactly."""
    for index, route in enumerate(declared_routes(file.plan)):
        if route.limit is not None and route.limit.rate < EXACT_RATE:
            message = f"Fastly does not count {route.limit.rate} a second exactly"
            suggestion = "allow more" if route.limit.window == 60 else "write 'window: 60s', or allow more"
            yield Diagnostic(FR496, message, file.source.value_span(("routes", index, "limit", "rate")), suggestion)
