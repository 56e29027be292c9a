"""Reads a stream of server-sent events. Source: https://html.spec.whatwg.org/#event-stream-interpretation"""

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass

# The longest event, in characters. Longer ones would fill the memory.
MAX_EVENT = 16 << 20


class EventTooLong(ValueError):
    """Reports that a stream has an event of more than MAX_EVENT characters."""


@dataclass(frozen=True, slots=True)
class Event:
    """Represents a server-sent event: its type, its data, and the id that EventSource knows with it."""

    type: str
    data: str
    last_id: str


class EventStream:
    """Reads the events of one connection after the other.

    Attributes:
        last_id: the id of the last event, which a client sends as Last-Event-ID when it connects again; "" without one.
        retry: how long the server wants clients to wait before they connect again, in seconds; None if it has not said so.
    """

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self.retry: float | None = None
        self.restart()

    def restart(self) -> None:
        """Begins with a new connection: what the last one left unfinished is dropped."""
        # Has line ends as \n, and drops a byte order mark. A final \r waits for what follows.
        self._decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8-sig")("replace"), translate=True)
        self._rest = ""
        self._id = self.last_id
        self._type = ""
        self._data: list[str] = []
        self._length = 0

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Reads bytes, and yields the events that end with them. Raises EventTooLong."""
        *lines, self._rest = (self._rest + self._decoder.decode(chunk)).split("\n")
        for line in lines:
            if line:
                self._read_field(line)
            else:
                yield from self._end_event()
        if self._length + len(self._rest) > MAX_EVENT:
            raise EventTooLong(f"the stream has an event of more than {MAX_EVENT:,} characters")

    def _read_field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "data":
                self._data.append(value)
                self._length += len(value) + 1
            case "event":
                self._type = value
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isascii() and value.isdigit():
                self.retry = float(value) / 1000

    def _end_event(self) -> Iterator[Event]:
        self.last_id = self._id
        if self._data:
            yield Event(self._type or "message", "\n".join(self._data), self.last_id)
        self._type, self._data, self._length = "", [], 0
