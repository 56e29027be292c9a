"""Runs the checks side by side. Each has a time limit, and none can make the command fail."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Thread
from typing import ParamSpec, TypeVar

from fanroute.doctor.account import check_account
from fanroute.doctor.backends import check_backends
from fanroute.doctor.clock import check_clock
from fanroute.doctor.finding import Check, Examined, Finding
from fanroute.doctor.machine import check_cache, check_ports, check_python
from fanroute.doctor.manifest import check_manifest
from fanroute.doctor.routes import check_routes
from fanroute.doctor.stores import check_stores
from fanroute.doctor.tools import check_fastly_cli, check_pushpin, check_viceroy
from fanroute.doctor.whoami import check_whoami

# How long a check may take, in seconds. A check of several steps gives each of them less.
LIMIT = 8.0

# Every check by its subject, in the order of the report.
CHECKS: dict[str, Check] = {
    "Python": check_python,
    "cache": check_cache,
    "ports": check_ports,
    "Fastly CLI": check_fastly_cli,
    "Viceroy": check_viceroy,
    "Pushpin": check_pushpin,
    "routes.yaml": check_routes,
    "fastly.toml": check_manifest,
    "local stores": check_stores,
    "backends": check_backends,
    "service": check_account,
    "whoami": check_whoami,
}
# The checks that need a routes.yaml without errors, and those that ask servers.
NEED_ROUTES = {"fastly.toml", "local stores", "backends", "service", "whoami"}
NEED_NETWORK = {"backends", "service", "whoami", "clock"}

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


async def examine(examined: Examined) -> list[Finding]:
    """Runs all checks, and returns their findings in the order of CHECKS."""
    asyncio.get_running_loop().set_default_executor(_DaemonThreads())
    wanted = {subject: check for subject, check in CHECKS.items() if subject != "whoami" or examined.whoami}
    found = await asyncio.gather(*(_findings(subject, check, examined) for subject, check in wanted.items()))
    # The clock comes last, because it is compared with the dates of the answers that the others got.
    return [finding for each in [*found, await _findings("clock", check_clock, examined)] for finding in each]


async def _findings(subject: str, check: Check, examined: Examined) -> list[Finding]:
    """Runs a check, or says why it cannot run."""
    if examined.network is None and subject in NEED_NETWORK:
        return [Finding(subject, "skipped", "no server is asked, because of --offline", "Leave out --offline.")]
    if examined.compiled is None and subject in NEED_ROUTES:
        return [Finding(subject, "skipped", "it needs a routes.yaml without errors", "Correct routes.yaml first.")]
    found: list[Finding] = []
    try:
        async with asyncio.timeout(LIMIT):
            async for finding in check(examined):
                found.append(finding)
    except TimeoutError:
        text = f"not everything was looked at within {LIMIT:.0f} s"
        found.append(Finding(subject, "skipped", text, "Try again when machine and network are less busy."))
    except Exception as error:
        # The message could contain a secret, such as the token in a header; its type cannot.
        fix = "Please report it, with this line and the machine's system."
        found.append(Finding(subject, "error", f"the check itself failed ({type(error).__name__})", fix))
    return found


class _DaemonThreads(ThreadPoolExecutor):
    """Runs each call in a daemon thread, so that the process can end while a resolver still waits for its server."""

    def submit(self, fn: Callable[Parameters, Result], /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Future[Result]:
        future: Future[Result] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:
                future.set_exception(error)

        Thread(target=run, daemon=True).start()
        return future
