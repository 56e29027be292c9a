"""Reads a request from a block of bytes, and writes a decision as one, for the native `handle` (docs/native.md).

All integers are little-endian, as in WebAssembly's memory. This module calls no host function, and the compiler imports it, too.
"""

from collections.abc import Collection, Iterable
from ipaddress import ip_address
from struct import Struct

from fanroute_runtime.messages import Answer, Headers, ToFanout

# The longest method, URI and value of a header that are read, in bytes.
MAX_METHOD = 64
MAX_URI = 16_384
MAX_HEADER = 65_536

# The head of a request: the time in seconds, and that of the sandbox's first request, the handle of the body, how many requests
# the sandbox has served before, the lengths of the method and of the URI, the version of IP, whether the client uses TLS, and the
# client's address.
REQUEST = Struct("<QQIIIIB?16s")
# What is after the head: the method, the URI, and for each header BEGIN, its name, END, and each value with END. Then BEGIN.
BEGIN, END = b"\n", b"\0"
# The version of IP, or that the host knows no address.
NO_ADDRESS, IPV4, IPV6 = 0, 4, 6

# The head of a decision: how long the host may wait for the next request in milliseconds, the number of changes, the length of
# what is after them, the status of an answer, the kind, and whether to ask for the next request.
DECISION = Struct("<QIIHB?")
# The kinds: Python carries the decision out, or the native `handle` sends an answer or hands the request off.
BY_PYTHON, ANSWER, HANDOFF = range(3)
# The head of a change: what it does, and the lengths of the name and of the value after it.
CHANGE = Struct("<III")
REMOVE, INSERT, APPEND, SET_URI = range(4)
# Changes of decisions that are known when building. They insert a header with a value of the connection.
INSERT_ADDRESS, INSERT_AUTHORITY, INSERT_SCHEME = range(4, 7)

# How far the native `handle` came with a request that Python has to serve: it did not ask Python, it changed nothing, it could
# not change the request as decided, or it could not hand it off.
NOT_DECIDED, DECIDED, NOT_CHANGED, NOT_HANDED_OFF = range(4)


class Gathered:
    """Reads the facts of a request from a block. It has the methods of `messages.Request` that need no call of the host.

    Args:
        block: the block, in the form that the native `handle` gives it.
    """

    def __init__(self, block: bytes) -> None:
        self._block = block
        self._now, self.began, self.body_handle, self.served, method, uri, *connection = REQUEST.unpack_from(block)
        self._version, self._tls, self._address = connection
        self._uri = REQUEST.size + method
        self._headers = self._uri + uri
        self._names: list[str] | None = None

    def method(self) -> str:
        return self._block[REQUEST.size : self._uri].decode()

    def uri(self) -> str:
        return self._block[self._uri : self._headers].decode()

    def header(self, name: str) -> bytes | None:
        values = self.values(name)
        return values[0] if values else None

    def values(self, name: str) -> list[bytes]:
        block, key = self._block, f"\n{name}\0".encode()
        at = block.find(key, self._headers)
        if at < 0:
            return []
        at += len(key)
        return block[at : block.index(BEGIN, at)].split(END)[:-1]

    def names(self) -> list[str]:
        if self._names is None:
            headers = self._block[self._headers :].decode("latin-1").split("\n")[1:-1]
            self._names = [header.partition("\0")[0] for header in headers]
        return self._names

    def client_address(self) -> str | None:
        if self._version == NO_ADDRESS:
            return None
        if self._version == IPV4:
            return ".".join(map(str, self._address[:4]))
        # The groups of an address are integers.
        groups = [self._address[at : at + 2][::-1] for at in range(0, 16, 2)]
        return str(ip_address(b"".join(groups)))

    def client_scheme(self) -> str:
        return "https" if self._tls else "http"

    def now(self) -> int:
        now: int = self._now
        return now


def gather(method: str, uri: str, headers: Headers, now: int, address: bytes, tls: bool) -> bytes:
    """Returns the block of a request, as the native `handle` makes it.

    Args:
        method: the method.
        uri: the absolute URI.
        headers: the headers. Those of a name need not follow each other.
        now: the time, in seconds since 1970-01-01T00:00:00Z.
        address: the four bytes of the client's IPv4 address, or b"".
        tls: whether the client uses TLS.
    """
    values: dict[bytes, bytes] = {}
    for name, value in headers:
        values[name.encode()] = values.get(name.encode(), b"") + value + END
    line, target = method.encode(), uri.encode()
    head = REQUEST.pack(now, now, 0, 0, len(line), len(target), IPV4 if address else NO_ADDRESS, tls, address)
    lines = (BEGIN + name + END + text for name, text in values.items())
    return b"".join([head, line, target, *lines, BEGIN])


def encode_answer(answer: Answer, wait: int | None) -> bytes:
    """Returns the block of an answer. `wait` is how long to wait for the next request in milliseconds, or None to end."""
    return _decision(ANSWER, wait, [change(APPEND, name, value) for name, value in answer.headers], answer.body, answer.status)


def encode_handoff(to: ToFanout, names: Collection[str], wait: int | None) -> bytes:
    """Returns the block of a handoff of a request that has no other headers than `names`. For `wait`, see `encode_answer`."""
    rules = to.headers
    changes = [change(REMOVE, name, b"") for name in rules.remove if name in names]
    changes += [change(INSERT, name, value) for name, value in rules.set]
    changes += [change(APPEND, name, value) for name, value in rules.add]
    if to.uri is not None:
        changes.append(change(SET_URI, "", to.uri.encode()))
    return encode_changes(to.backend, changes, wait)


def encode_changes(backend: str, changes: Iterable[bytes], wait: int | None) -> bytes:
    """Returns the block of a handoff to a backend. For `wait`, see `encode_answer`."""
    return _decision(HANDOFF, wait, list(changes), backend.encode())


def change(operation: int, name: str, value: bytes) -> bytes:
    """Returns a change of a message's headers or URI, as a part of a block."""
    encoded = name.encode()
    return CHANGE.pack(operation, len(encoded), len(value)) + encoded + value


def _decision(kind: int, wait: int | None, changes: list[bytes], rest: bytes, status: int = 0) -> bytes:
    head = DECISION.pack(wait or 0, len(changes), len(rest), status, kind, wait is not None)
    return b"".join([head, *changes, rest])


# The block of a decision that Python carries out.
BY_PYTHON_BLOCK = _decision(BY_PYTHON, None, [], b"")
