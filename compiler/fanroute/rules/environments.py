"""Checks environments against the file that they change, as it is without them: FR271 and FR470."""

from collections.abc import Iterator

from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.spec import raw
from fanroute.spec.document import PRODUCTION, default_domain
from fanroute.spec.environments import environments, hosts_of
from fanroute.spec.validate import did_you_mean
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
        path: Path = ("environments", name)
        known_profiles = set(raw.auth_profiles(source))
        named = (("hosts", hosts, "host"), ("backends", set(raw.backends(source)), "backend"))
        for key, known, what in (*named, ("auth_profiles", known_profiles, "profile")):
            for one in environment[key] if isinstance(environment.get(key), dict) else ():
                if (one.lower() if key == "hosts" else one) not in known:
                    message = f"the file has no {what} '{one}', so nothing differs in '{name}'"
                    yield Diagnostic(
                        FR271, message, source.key_span((*path, key, one)), did_you_mean(one, sorted(known), f"{what}s")
                    )
        defaults = environment.get("defaults")
        if isinstance(defaults, dict) and "auth" in defaults and "auth" not in raw.defaults(source):
            span = source.key_span((*path, "defaults", "auth"))
            yield Diagnostic(FR271, "the file has no 'auth' in its 'defaults'", span, "write it there, with production's values")
        elif isinstance(defaults, dict) and "auth" in defaults and isinstance(raw.defaults(source)["auth"], str):
            profile = raw.defaults(source)["auth"]
            message = f"the default 'auth' is the profile '{profile}'"
            span = source.key_span((*path, "defaults", "auth"))
            yield Diagnostic(FR271, message, span, f"write 'auth_profiles: {{{profile}: …}}' in this environment")


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
    """Reports FR470: the domain of the loopback backend in an environment is that of production. `source` is a valid file."""
    for backend in source.data["backends"].values():
        of_production = backend.get("host") or default_domain(source.data["service"]["name"])
        if "loopback" in backend and of_production is not None and of_production.lower() == domain:
            message = f"the loopback backend has the domain of {PRODUCTION}, '{domain}'"
            suggestion = "add 'service: {name: …}' with the name of its own service, or the 'host' of its loopback backend"
            yield Diagnostic(FR470, message, source.key_span(("environments", name)), suggestion)
