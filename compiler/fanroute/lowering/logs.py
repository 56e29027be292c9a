"""Lowers `logs`."""

from fanroute.spec import logs
from fanroute_runtime.plan.logs import ALL_REQUESTS, FIELDS, Logs


def lower_logs(spec: logs.Logs | None) -> Logs | None:
    """Returns what is logged, or None. At least one request of all that are possible is, if anything is."""
    if spec is None:
        return None
    fields = FIELDS if spec.fields is None else tuple(name for name in FIELDS if name in spec.fields)
    return Logs(spec.endpoint, fields, max(1, round(spec.sample * ALL_REQUESTS)))
