"""Checks environments against the file that they change, as it is without them: FR271 and FR470 to FR472."""

from collections.abc import Iterator
from typing import Any

from fanroute.analysis.sets import Hosts
from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.spec import raw
from fanroute.spec.document import PRODUCTION, default_domain
from fanroute.spec.environments import environments, hosts_of, renamed_hosts
from fanroute.spec.validate import did_you_mean, is_much_alike
from fanroute.syntax.source import Path, Source

FR271 = Rule(
    "FR271",
    "error",
    "an environment changes something that the file does not have",
    "An environment only says what differs from the file. A host or backend with another name has probably been misspelt or "
    "renamed, and the environment would go on using that of production.",
    START
    + "environments:\n  staging:\n    backends: {orgin: {url: 'https://staging.example.com'}}\nroutes:\n  - handoff: origin\n",
    "Write the name as it is in the file, or remove it.",
)


def check_changes(source: Source) -> Iterator[Diagnostic]:
    """Reports FR271: an environment names a host, a backend, a profile or an `auth` that the file does not have."""
    found = environments(source)
    hosts = hosts_of(source) if found else set()
    for name, environment in found.items():
        if not isinstance(environment, dict):
            continue
        yield from _same_services(source, name)
        path: Path = ("environments", name)
        known_profiles = set(raw.auth_profiles(source))
        named = (("hosts", hosts, "host"), ("backends", set(raw.backends(source)), "backend"))
        for key, known, what in (*named, ("auth_profiles", known_profiles, "profile")):
            for one in environment[key] if isinstance(environment.get(key), dict) else ():
                if (one.lower() if key == "hosts" else one) not in known:
                    message = f"the file has no {what} '{one}', so nothing differs in '{name}'"
                    suggest = _suggest_host if key == "hosts" else did_you_mean
                    suggestion = suggest(one, sorted(known), f"{what}s")
                    yield Diagnostic(FR271, message, source.key_span((*path, key, one)), suggestion)
        defaults = environment.get("defaults")
        if isinstance(defaults, dict) and "auth" in defaults and "auth" not in raw.defaults(source):
            span = source.key_span((*path, "defaults", "auth"))
            yield Diagnostic(FR271, "the file has no 'auth' in its 'defaults'", span, "write it there, with production's values")
        elif isinstance(defaults, dict) and "auth" in defaults and isinstance(raw.defaults(source)["auth"], str):
            profile = raw.defaults(source)["auth"]
            message = f"the default 'auth' is the profile '{profile}'"
            span = source.key_span((*path, "defaults", "auth"))
            yield Diagnostic(FR271, message, span, f"write 'auth_profiles: {{{profile}: …}}' in this environment")


def _suggest_host(host: str, known: list[str], what: str) -> str:
    """Suggests a known host whose labels are all like those of another one: two hosts of one domain can have little in common."""
    meant = next((one for one in known if _is_like(host.lower().split("."), one.split("."))), "")
    return did_you_mean(meant, known, what)


def _is_like(labels: list[str], others: list[str]) -> bool:
    pairs = zip(labels, others, strict=False)
    return len(labels) == len(others) and all(is_much_alike(one, other) for one, other in pairs)


FR472 = Rule(
    "FR472",
    "error",
    "two environments publish one service",
    "Each environment is a service of its own. If two of them have one name, they have one domain, and the component of one of "
    "them is published in place of the other's.",
    START
    + "environments:\n  staging: {service: {name: chat-edge-test}}\n  test: {service: {name: chat-edge-test}}\nroutes:\n"
    + "  - handoff: origin\n",
    "Give each environment the name of its own service.",
)


def _same_services(source: Source, name: str) -> Iterator[Diagnostic]:
    """Reports FR472: an environment names the service of production, or of an environment before it."""
    own = _service_of(environments(source)[name])
    for other, path in ((PRODUCTION, ()), *((other, ("environments", other)) for other in environments(source))):
        if other == name:
            return
        if own is not None and _service_of(source.data if not path else environments(source)[other]) == own:
            note = Note(f"the one of '{other}'", source.value_span((*path, "service", "name")))
            span = source.value_span(("environments", name, "service", "name"))
            message = f"'{name}' publishes the service of '{other}', '{own}'"
            yield Diagnostic(FR472, message, span, "write the name of its own service", (note,))
            return


def _service_of(part: Any) -> str | None:
    service = part.get("service") if isinstance(part, dict) else None
    return service.get("name") if isinstance(service, dict) else None


FR471 = Rule(
    "FR471",
    "warning",
    "two hosts become one in an environment",
    "Routes for different hosts get different requests. If both hosts have the same name in an environment, or one is below the "
    "other's `*.`, the first of these routes gets the requests of both there.",
    START
    + "environments:\n  staging:\n    service: {name: staging}\n"
    + "    hosts: {a.example.com: staging.example.com, b.example.com: staging.example.com}\n"
    + "routes:\n  - match: {host: a.example.com, path: /a}\n    handoff: origin\n"
    + "  - match: {host: b.example.com, path: /b}\n    forward: origin\n",
    "Give each host another one in the environment.",
)


def check_merged_hosts(source: Source, name: str) -> Iterator[Diagnostic]:
    """Reports FR471: hosts of matches that have no request in common have some in an environment. `source` is a valid file."""
    renamed = {host.lower(): to.lower() for host, to in renamed_hosts(source, name).items()}
    routes_of: dict[str, set[int]] = {}
    for index, route in raw.routes(source):
        for _, host in raw.items((), route.get("match", {}).get("host", [])):
            routes_of.setdefault(host.lower(), set()).add(index)
    known = [*routes_of]
    for host in renamed_hosts(source, name):
        if host.lower() not in known:
            continue
        for other in known[: known.index(host.lower())] + [each for each in known if each not in renamed]:
            one, becomes = renamed[host.lower()], renamed.get(other, other)
            is_same = routes_of[host.lower()] == routes_of[other]
            if is_same or _share(host.lower(), other) or not _share(one, becomes):
                continue
            also = f"'{other}' becomes '{becomes}'" if other in renamed else f"'{other}' stays"
            message = f"'{host}' becomes '{one}' and {also} in '{name}', so their routes share requests there"
            span = source.value_span(("environments", name, "hosts", host))
            yield Diagnostic(FR471, message, span, "give each of them another host")
            break


def _share(one: str, other: str) -> bool:
    return not Hosts.of((one,)).intersect(Hosts.of((other,))).is_empty


FR470 = Rule(
    "FR470",
    "warning",
    "an environment has the loopback backend of production",
    "Fanout asks the loopback backend for `stream`, `sse`, `long_poll` and `websocket`. Its domain belongs to one Fastly "
    "service. If that is the one of production, clients in the other environment get no stream, because production refuses "
    "requests that Fanout has signed for another service.",
    START
    + "  self: {loopback: true}\nenvironments:\n  staging:\n    backends: {origin: {url: 'https://staging.example.com'}}\n"
    + "routes:\n  - sse: {channel: news}\n",
    "Write the service's name of this environment, which also gives its domain, or the `host` of its loopback backend.",
)


def check_loopback_domain(source: Source, name: str, domain: str) -> Iterator[Diagnostic]:
    """Reports FR470: the domain of the loopback backend in an environment is that of production.

    `source` is valid with what the environment has. Without that, it may lack what production needs.
    """
    service = source.data.get("service")
    own = service.get("name") if isinstance(service, dict) else None
    for backend in raw.backends(source).values():
        if not isinstance(backend, dict) or "loopback" not in backend:
            continue
        of_production = backend.get("host") or (default_domain(own) if isinstance(own, str) else None)
        if isinstance(of_production, str) and of_production.lower() == domain:
            message = f"the loopback backend has the domain of {PRODUCTION}, '{domain}'"
            suggestion = "add 'service: {name: …}' with the name of its own service, or the 'host' of its loopback backend"
            yield Diagnostic(FR470, message, source.key_span(("environments", name)), suggestion)
