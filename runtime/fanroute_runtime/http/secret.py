"""Reads a secret that a header of a request gets."""

from fanroute_runtime.messages import Refused, Request
from fanroute_runtime.plan import StoreEntry


def header_secret(entry: StoreEntry, request: Request) -> bytes:
    """Returns a secret as a header's value. Raises ValueError, with the reason, if it is missing or unusable."""
    where = f"the secret {entry.name!r} of the store {entry.store!r}"
    try:
        stored = request.secret(entry.store, entry.name)
    except Refused:
        stored = None
    if stored is None:
        raise ValueError(f"{where} is missing")
    # Whoever stores a secret often adds a line end, which no header can have.
    value = stored.strip(b" \t\r\n")
    if not value:
        raise ValueError(f"{where} is empty")
    if not all(0x20 <= byte < 0x7F for byte in value):
        raise ValueError(f"{where} has a character that is not printable ASCII")
    return value
