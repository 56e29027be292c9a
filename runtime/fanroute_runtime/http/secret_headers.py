"""Adds headers whose values are in secret stores to a request for a backend."""

from fanroute_runtime.http.secret import header_secret
from fanroute_runtime.messages import Headers, Refused, Request
from fanroute_runtime.plan import HeaderRules, Route, StoreEntry


class SecretHeaders:
    """Adds the secret headers of routes.

    A secret is kept as long as the sandbox lives, because Fastly limits how often a request may read one. The next sandbox reads
    a changed secret.
    """

    def __init__(self) -> None:
        self._known: dict[StoreEntry, bytes] = {}

    def rules(self, route: Route, request: Request) -> HeaderRules:
        """Returns the rules for a request of a route, with its secrets. Raises Refused (500) if one is missing or unusable."""
        secrets: Headers = tuple((name, prefix + self._value(entry, request)) for name, prefix, entry in route.secret_headers)
        return HeaderRules(route.request_headers.set + secrets, route.request_headers.add, route.request_headers.remove)

    def forget(self) -> None:
        """Forgets the secrets, so that the state is that of a new sandbox."""
        self._known.clear()

    def _value(self, entry: StoreEntry, request: Request) -> bytes:
        value = self._known.get(entry)
        if value is None:
            try:
                value = self._known[entry] = header_secret(entry, request)
            except ValueError:
                # The reason names the store, so only the local edges tell it.
                raise Refused(500, "A secret that the edge adds to the request is missing or unusable.") from None
        return value
