"""Compares this machine's clock with those of the servers that have answered."""

from fanroute.doctor.finding import Examined, Finding, Findings

# How much clocks may differ if no route has a token, in seconds. The Date of an answer has no parts of a second.
MAX_SKEW, RESOLUTION = 60, 2


async def check_clock(examined: Examined) -> Findings:
    """Reports a clock that is so wrong that tokens are refused, or accepted for too long (RFC 7519, 4.1.4 and 4.1.5)."""
    assert examined.network is not None
    if not examined.network.skews:
        yield Finding("clock", "skipped", "no server has answered with its time", "Correct the findings above.")
        return
    # A server's clock can be wrong too. If one agrees with this machine's, that is right.
    skew = min(examined.network.skews, key=abs)
    routes = examined.compiled.plan.routes if examined.compiled else ()
    limit = min((route.auth.leeway for route in routes if route.auth), default=MAX_SKEW) + RESOLUTION
    if abs(skew) > limit:
        side = "behind" if skew > 0 else "ahead of"
        text = f"{abs(skew):,.0f} s {side} the servers' clocks; tokens allow {limit - RESOLUTION} s"
        yield Finding("clock", "warning", text, "Set it, for example with `timedatectl set-ntp true`.")
    else:
        yield Finding("clock", "ok", "it agrees with a server's")
