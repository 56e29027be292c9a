"""Defines the part of a Plan that says what is logged. A component has this module only if its Plan has Logs."""

from fanroute_runtime.plan import record

# What a line can say about a request, in the order of the line. Names without `fanroute.` are those of OpenTelemetry's semantic
# conventions for HTTP. Source: https://opentelemetry.io/docs/specs/semconv/http/http-spans/
FIELDS = (
    "timestamp",
    "fanroute.request.id",
    "fanroute.pass",
    "http.request.method",
    "url.path",
    "http.route",
    "fanroute.route",
    "fanroute.action",
    "fanroute.channels",
    "fanroute.backend",
    "http.response.status_code",
    "http.response.body.size",
    "fanroute.reason",
    "fanroute.milliseconds",
    "fanroute.sandbox.requests",
)
# Of so many requests, a number is logged.
ALL_REQUESTS = 1 << 32


@record
class Logs:
    """Says that requests are logged: to which endpoint, which of FIELDS, and how many of ALL_REQUESTS."""

    endpoint: str
    fields: tuple[str, ...] = FIELDS
    sampled: int = ALL_REQUESTS
