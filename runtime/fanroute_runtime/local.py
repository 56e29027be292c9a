"""Recognizes local edges, and finds the host that their own names stand for."""

from fanroute_runtime.messages import Request

# The id that Viceroy gives to every service; no service of Fastly's has it.
LOCAL_SERVICE = "0000000000000000000000"
# A config store that exists on local edges only.
LOCAL_STORE = "fanroute-local"
# The hosts by which a developer reaches a local edge.
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def host_entry(name: str) -> str:
    """Returns the name of the entry in LOCAL_STORE that says what a name in LOCAL_NAMES stands for.

    Its value is a host, or a scheme and a host: `chat.example.com`, `https://chat.example.com`.
    """
    return f"host {name}"


def resolve_local_name(name: str, request: Request) -> tuple[str, str]:
    """Returns the scheme and host that routes match for a name in LOCAL_NAMES; the scheme is "" for the connection's.

    The name stands for itself in production, and where the store has no entry for it. Raises Refused (500) if a local
    edge's store cannot be read.
    """
    entry = request.config(LOCAL_STORE, host_entry(name)) if request.service_id() == LOCAL_SERVICE else None
    scheme, _, host = (entry or name).rpartition("://")
    return scheme, host
