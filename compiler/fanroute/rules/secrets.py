"""Checks headers that have a secret: FR460, FR461 and FR462."""

from collections.abc import Iterator

from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.plan.routes import declared_routes
from fanroute.rules.check import ValidFile, plan_check
from fanroute.spec import raw
from fanroute.syntax.source import Path
from fanroute_runtime.plan import Forward, Handoff, Route, StoreEntry, Tunnel

# How many secrets Fastly lets a request read
# (https://www.fastly.com/documentation/guides/compute/edge-data-storage/working-with-secret-stores).
MAX_SECRETS = 5
# The ends of the names of headers that always have a credential.
_CREDENTIALS = ("authorization", "api-key", "apikey", "auth-token")

FR460 = Rule(
    "FR460",
    "warning",
    "a credential for a backend is written in routes.yaml",
    "The value becomes part of the component, and everybody who may read routes.yaml, the build or its logs can use it.",
    START + "routes:\n  - forward: origin\n    request_headers: {set: {Authorization: Bearer 0123}}\n",
    "Put the credential into a secret store that is linked to the service, and name it: "
    "`set: {Authorization: {secret: STORE/NAME, prefix: 'Bearer '}}`.",
)


@plan_check
def check_written_credentials(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR460: a header with a credential has its value in the file."""
    owners: list[tuple[Path, object]] = [(("defaults",), raw.defaults(file.source))]
    owners += [(("routes", index), route) for index, route in raw.routes(file.source)]
    for path, owner in owners:
        rules = owner.get("request_headers") if isinstance(owner, dict) else None
        for key in ("set", "add"):
            for name, value in (rules or {}).get(key, {}).items():
                if isinstance(value, str) and value and name.lower().endswith(_CREDENTIALS):
                    span = file.source.value_span((*path, "request_headers", key, name))
                    suggestion = "put it into a secret store, and write 'secret: STORE/NAME' here"
                    yield Diagnostic(FR460, f"the component and this file contain the value of '{name}'", span, suggestion)


FR461 = Rule(
    "FR461",
    "warning",
    "a secret is sent to a backend without encryption",
    "The `url` of the backend begins with `http://`, so everybody on the way can read the secret.",
    "version: 1\nservice: {name: chat-edge}\nbackends:\n  origin: {url: 'http://app.example.com'}\nroutes:\n"
    "  - forward: origin\n    request_headers: {set: {Authorization: {secret: llm/api-key}}}\n",
    "Use `https://` in the backend's `url`.",
)


@plan_check
def check_unencrypted_secrets(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR461: a secret goes to a backend over http."""
    backends = raw.backends(file.source)
    for index, route in enumerate(declared_routes(file.plan)):
        if route.secret_headers and isinstance(route.action, Forward | Handoff | Tunnel):
            name = route.action.backend
            if str(backends[name].get("url")).startswith("http://"):
                place = _place(file, index, route)
                header = place[-1] if len(place) > 2 else route.secret_headers[0][0]
                note = Note("the backend", file.source.value_span(("backends", name, "url")))
                message = f"the secret in '{header}' goes to '{name}' unencrypted"
                suggestion = "let the backend's url begin with https://"
                yield Diagnostic(FR461, message, file.source.key_span(place), suggestion, (note,))


FR462 = Rule(
    "FR462",
    "warning",
    "a request needs more secrets than Fastly lets it read",
    f"Fastly lets a request read {MAX_SECRETS} secrets. Each key of `auth` in a secret store counts, and so does each secret of "
    "a header. Beyond that limit, which Fastly can raise, the edge answers 500.",
    START
    + "routes:\n  - forward: origin\n    request_headers:\n      set: {A: {secret: s/a}, B: {secret: s/b}, C: {secret: s/c}, "
    "D: {secret: s/d}, E: {secret: s/e}, F: {secret: s/f}}\n",
    "Ask Fastly for a higher limit, or send fewer secrets.",
)


@plan_check
def check_number_of_secrets(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR462: a route may need more secrets than a request may read."""
    for index, route in enumerate(declared_routes(file.plan)):
        keys = [key.material for key in route.auth.keys] if route.auth else []
        of_keys = [key for key in keys if isinstance(key, StoreEntry) and key.kind == "secret"]
        secrets = {entry for _, _, entry in route.secret_headers} | set(of_keys)
        if route.secret_headers and len(secrets) > MAX_SECRETS:
            message = f"a request of this route may need {len(secrets)} secrets; Fastly lets it read {MAX_SECRETS}"
            suggestion = "ask Fastly for a higher limit, or send fewer secrets"
            yield Diagnostic(FR462, message, file.source.key_span(_place(file, index, route)), suggestion)


def _place(file: ValidFile, index: int, route: Route) -> Path:
    """Returns the path of the first secret header that a route has itself, or of the route if all are defaults."""
    path: Path = ("routes", index, "request_headers", "set")
    names = [name for name, _, _ in route.secret_headers]
    rules = file.source.data["routes"][index].get("request_headers", {}).get("set", {})
    return next(((*path, name) for name in rules if name.lower() in names), ("routes", index))
