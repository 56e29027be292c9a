"""Keeps what admits clients for each Auth of a Plan. It ships only if a route needs a token."""

from collections.abc import Sequence

from fanroute_runtime.auth.guard import Guard
from fanroute_runtime.jose.keys import Keys
from fanroute_runtime.plan import Plan, Route
from fanroute_runtime.plan.auth import Auth
from fanroute_runtime.routes_file import LazyRoutes


class Guards:
    """Has a guard for each Auth of a Plan. `kind` is the class of the guards: Guard, or one that does more."""

    def __init__(self, plan: Plan, kind: type[Guard]) -> None:
        auths = distinct_auths(plan.routes)
        self._keys = Keys(key for auth in auths for key in auth.keys)
        self._guards = {auth: kind(auth, self._keys, plan.service) for auth in auths}

    def __getitem__(self, auth: Auth) -> Guard:
        return self._guards[auth]

    def forget(self) -> None:
        """Forgets the keys that were read from stores, so that the state is that of a new sandbox."""
        self._keys.forget()


def distinct_auths(routes: Sequence[Route]) -> list[Auth]:
    """Returns the distinct Auths of some routes."""
    if isinstance(routes, LazyRoutes):
        return [part for part in routes.shared if isinstance(part, Auth)]
    return list(dict.fromkeys(route.auth for route in routes if route.auth))
