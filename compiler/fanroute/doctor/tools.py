"""Checks the programs that publish a service, and those that run it locally."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from fanroute.devserver import install, pushpin
from fanroute.devserver.pushpin import CURRENT, CURRENT_TEXT, SYSTEM_PROGRAM, Pushpin
from fanroute.devserver.viceroy import LOSES_MESSAGES, UPDATES_ARE_OPTIONAL
from fanroute.doctor.finding import Examined, Finding, Findings
from fanroute.plan.backend import Backend
from fanroute.project import processes
from fanroute.project.processes import ProgramFailed
from fanroute_runtime.plan import Hold, Plan, WebSocket

# The first Fastly CLI that surely reads `[setup.products]`, with which fastly.toml enables Fanout: the change is of January 2026,
# and 14.0.0 of March. Source: https://github.com/fastly/cli/pull/1617
CLI_VERSION = "14.0.0"

_NUMBER = re.compile(r"\bv?(\d+(?:\.\d+)+)")
_INSTALL = "For `fanroute serve --edge viceroy`, run `fanroute install`."
_UPDATE = "Run `fanroute install`, which installs a later one."


async def check_fastly_cli(examined: Examined) -> Findings:
    """Reports the version of the Fastly CLI, with which a service is published."""
    program = processes.find("fastly")
    if program:
        too_old = f"may be too old to enable Fanout at the first publish, which {CLI_VERSION} does"
        yield await _tool("Fastly CLI", program, "version", CLI_VERSION, too_old)
    else:
        fix = "Install it, as https://www.fastly.com/documentation/reference/cli/ says."
        yield Finding("Fastly CLI", "warning", "it is not on PATH, and it is needed to publish the service", fix)


async def check_viceroy(examined: Examined) -> Findings:
    """Reports the version of Viceroy."""
    program = install.find_viceroy(examined.cache)
    if program:
        too_old = f"is older than {install.VICEROY_VERSION}, with which Fanroute is tested"
        yield await _tool("Viceroy", program, "--version", install.VICEROY_VERSION, too_old)
    else:
        yield Finding("Viceroy", "skipped", "it is not installed", _INSTALL)


async def _tool(subject: str, program: Path, argument: str, oldest: str, too_old: str) -> Finding:
    """Compares the version that a program prints with the oldest one that is wanted."""
    version = await _version(program, argument)
    if version is None:
        return Finding(subject, "error", f"{program} does not print its version", "Install it again.")
    if _number(version) < _number(oldest):
        return Finding(subject, "warning", f"{version} ({program}) {too_old}", f"Update it to {oldest} or later.")
    return Finding(subject, "ok", f"{version} ({program})")


async def _version(program: Path, argument: str) -> str | None:
    """Returns the version that a program prints, or None."""
    try:
        output = await asyncio.to_thread(processes.run, [program, argument], limit=processes.VERSION_LIMIT)
    except ProgramFailed:
        return None
    found = _NUMBER.search(output)
    return found[1] if found else None


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


class Fault(NamedTuple):
    """Describes a fault of some versions of Pushpin (docs/differences.md). `concerns` says if a service can meet it."""

    has_it: Callable[[Pushpin], bool]
    concerns: Callable[[Plan, tuple[Backend, ...]], bool]
    text: str
    fix: str


FAULTS = (
    Fault(
        lambda found: found.number < UPDATES_ARE_OPTIONAL,
        lambda plan, backends: any(isinstance(route.action, Hold) and route.action.mode == "response" for route in plan.routes),
        LOSES_MESSAGES,
        _UPDATE,
    ),
    Fault(
        lambda found: not found.is_current,
        lambda plan, backends: any("[" in (backend.local or "") for backend in backends),
        f"does not accept the IPv6 address of a backend; {CURRENT_TEXT} does",
        _UPDATE,
    ),
    Fault(
        lambda found: found.number[:2] == (1, 41),
        lambda plan, backends: "build-id" in filters(plan, Hold, WebSocket),
        "inserts the id of the previous message for the filter build-id, so a client can get its last message twice",
        "Put the id into the content of each message yourself.",
    ),
    Fault(
        lambda found: found.number[:2] <= (1, 41),
        lambda plan, backends: "require-sub" in filters(plan, WebSocket),
        "drops every message with require_sub for a WebSocket that has the filter require-sub",
        "Leave out the filter, and subscribe each connection only to the channels that it may have.",
    ),
)


def filters(plan: Plan, *actions: type[Hold | WebSocket]) -> set[str]:
    """Returns the filters of the channels of routes with one of these actions."""
    holding = (route.action for route in plan.routes if isinstance(route.action, Hold | WebSocket))
    return {name for action in holding if isinstance(action, actions) for channel in action.channels for name in channel.filters}


async def check_pushpin(examined: Examined) -> Findings:
    """Reports the newest Pushpin, its faults that the service can meet, and a Pushpin that `fastly compute serve` cannot use."""
    newest = await asyncio.to_thread(pushpin.find_newest, examined.cache)
    if newest is None:
        yield Finding("Pushpin", "skipped", "it is not installed", _INSTALL)
        return
    yield Finding("Pushpin", "ok", f"{newest.version} ({newest.program})")
    compiled = examined.compiled
    for fault in FAULTS:
        if compiled and fault.has_it(newest) and fault.concerns(compiled.plan, compiled.backends):
            yield Finding("Pushpin", "warning", f"{newest.version} {fault.text}", fault.fix)
    system = processes.find("pushpin", SYSTEM_PROGRAM)
    version = await _version(system, "--version") if system else None
    if version and _number(version) < CURRENT:
        fix = f"Call that with --pushpin-path {newest.program}." if newest.is_current else _UPDATE
        text = f"`fastly compute serve` hangs with {system}, which is {version}; it needs {CURRENT_TEXT}"
        yield Finding("Pushpin", "warning", text, fix)
