"""Checks the caching of backends' answers: FR464."""

from collections.abc import Iterator

from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.plan.routes import declared_routes, references, rewrite_of
from fanroute.rules.check import ValidFile, plan_check
from fanroute_runtime.plan import Bound, Forward, Parameter, Route
from fanroute_runtime.plan.auth import Auth
from fanroute_runtime.plan.rewriting import Rewrite

FR464 = Rule(
    "FR464",
    "warning",
    "the answers for one token are cached for all",
    "Fastly keeps one answer for a URL, whatever token the request has. With a `ttl`, it also keeps answers that a backend marks "
    "as `private`. So a client gets the answer that was meant for another one, unless a claim has to equal a value of the URL "
    "with which the backend is asked.",
    START + "routes:\n  - auth: {keys: {algorithm: HS256, secret_store: keys, name: login}, token: {query: token}}\n"
    "    forward: {backend: origin, cache: {ttl: 5m}}\n",
    "Write `cache: pass`, or let the backend's `Cache-Control` say what may be cached.",
)


@plan_check
def check_cached_answers_for_tokens(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR464: a route with `auth` caches answers for all clients, and no claim restricts who gets which URL."""
    for index, route in enumerate(declared_routes(file.plan)):
        policy = route.action.cache if isinstance(route.action, Forward) else None
        if policy is None or not policy.ttl or route.auth is None or _restricts_url(route.auth, route):
            continue
        place = ("routes", index, "forward", "cache")
        auth = ("routes", index, "auth")
        notes = (Note("the token", file.source.key_span(auth)),) if file.source.has(auth) else ()
        message = "answers for the holder of a token are cached for everybody who may use the same URL"
        yield Diagnostic(FR464, message, file.source.key_span(place), "write 'cache: pass'", notes)


def _restricts_url(auth: Auth, route: Route) -> bool:
    """Returns True if a claim has to equal a value of the URL with which the backend is asked."""
    return any(
        claim.templates and all(any(_is_in_url(bound, route) for bound in references(template)) for template in claim.templates)
        for claim in auth.claims
    )


def _is_in_url(bound: Bound, route: Route) -> bool:
    """Returns True if a value of the request is in the URL with which the backend is asked. A header is not."""
    rewrite, label = rewrite_of(route.action) or Rewrite(), route.match.host_parameter
    if bound in references(rewrite.path) or any(bound in references(value) for _, value in rewrite.set_query):
        return True
    if bound.source == "query":
        return bound.name not in (*rewrite.remove_query, *(name for name, _ in rewrite.set_query))
    if label and bound.name == label.name:  # the backend is asked under a host of its own
        return False
    return bound.source == "path" and rewrite.strip is not None and bound.name in _names_after(rewrite.strip, route)


def _names_after(stripped: int, route: Route) -> set[str]:
    """Returns the names that a path binds after its first segments."""
    path = route.match.path
    parts = (*path.segments[stripped:], path.bound_rest) if path else ()
    return {part.name for part in parts if isinstance(part, Parameter)}
