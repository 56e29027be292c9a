"""Makes the tests of one environment from those of a file, which names the hosts of production. Pure."""

import re
from dataclasses import replace

from fanroute.pipeline import Compiled
from fanroute.routetests.document import Expect, RouteTest
from fanroute.routetests.read import ParsedTests
from fanroute.spec.environments import hosts_of, renamed_hosts
from fanroute.spec.match import Condition
from fanroute.spec.template import label_name

# A host alone, or the scheme, host and rest of an origin or URL.
_WITH_HOST = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)?([A-Za-z0-9._-]+)((?![A-Za-z0-9._-]).*)?", re.DOTALL)


def tests_in_environment(tests: ParsedTests, compiled: Compiled) -> ParsedTests:
    """Returns the tests with the hosts of the environment in which the routes were compiled.

    They are in the URLs and headers of requests, and in headers that are expected. The messages about a test keep its label.
    """
    hosts = _Hosts(compiled)
    return replace(tests, tests=tuple(_renamed(test, hosts) for test in tests.tests)) if hosts else tests


class _Hosts:
    """Renames hosts of production to those of an environment. It is false if they are the same."""

    def __init__(self, compiled: Compiled) -> None:
        whole = compiled.whole
        names = renamed_hosts(whole, compiled.environment) if whole else {}
        self._names = {host.lower(): name for host, name in names.items()}
        # The hosts after a label that is bound, such as `{tenant}`.
        bound = [(host, name) for host, name in self._names.items() if label_name(host)]
        self._after_label = {host.partition(".")[2]: name.partition(".")[2] for host, name in bound}
        # These have the same name everywhere, even if they are below one that has another.
        self._kept = hosts_of(whole) - self._names.keys() if whole else set()

    def __bool__(self) -> bool:
        return bool(self._names)

    def rename(self, text: str) -> str:
        """Returns a host, origin or URL with the host of the environment. Returns any other text as it is."""
        found = _WITH_HOST.fullmatch(text)
        if not found or found[2].lower() in self._kept:
            return text
        return f"{found[1] or ''}{self._renamed_host(found[2])}{found[3] or ''}"

    def _renamed_host(self, host: str) -> str:
        labels = host.split(".")
        if host.lower() in self._names:
            return self._names[host.lower()]
        for count in range(1, len(labels)):
            parent = ".".join(labels[count:]).lower()
            below = (count == 1 and self._after_label.get(parent)) or self._names.get(f"*.{parent}", "").removeprefix("*.")
            if below:
                return ".".join([*labels[:count], below])
        return host

    def rename_conditions(self, conditions: dict[str, Condition]) -> dict[str, Condition]:
        return {
            name: one.model_copy(update={"values": [self.rename(value) for value in one.values]}) if one.values else one
            for name, one in conditions.items()
        }


def _renamed(test: RouteTest, hosts: _Hosts) -> RouteTest:
    request = test.request.model_copy(
        update={
            "url": hosts.rename(test.request.url),
            "headers": {name: hosts.rename(value) for name, value in test.request.headers.items()},
        }
    )
    expect: Expect = test.expect.model_copy(
        update={
            "headers": hosts.rename_conditions(test.expect.headers),
            "request_headers": hosts.rename_conditions(test.expect.request_headers),
        }
    )
    return test.model_copy(update={"name": test.label(), "request": request, "expect": expect})
