"""Recognizes local edges, and finds the host that a name such as localhost stands for."""

from fanroute_runtime.messages import Request

# The id that Viceroy gives to every service. No service at Fastly has it.
LOCAL_SERVICE = "0000000000000000000000"
# A config store that exists on local edges only.
LOCAL_STORE = "fanroute-local"
# The hosts by which a developer reaches a local edge.
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def host_entry(name: str) -> str:
    """Returns the name of the entry in LOCAL_STORE for one of the LOCAL_NAMES.

    The entry's value is the host that the name stands for, or a scheme and a host: `chat.example.com`, `https://chat.example.com`.
    """
    return f"host {name}"


def resolve_local_name(name: str, request: Request) -> tuple[str, str]:
    """Returns the scheme and host that routes match for one of the LOCAL_NAMES. The scheme is "" if it is the connection's.

    In production, and if the store has no entry for it, the name stands for itself. Raises Refused (500) if the store of a local
    edge cannot be read.
    """
    entry = request.config(LOCAL_STORE, host_entry(name)) if request.service_id() == LOCAL_SERVICE else None
    scheme, _, host = (entry or name).rpartition("://")
    return scheme, host
