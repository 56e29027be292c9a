"""Follows the HTTP/1.1 requests and answers of a connection without changing them, to know when it is between two requests."""

from collections.abc import Callable

import h11

# Longest head of a message that is followed, in bytes.
MAX_HEAD = 262_144


class Exchanges:
    """Follows what client and server send.

    Each side is followed as the other one reads it (RFC 9112). As soon as the bytes are not HTTP/1.1, or the protocol is switched
    as for a WebSocket, nothing is followed any more.

    `observe` gets each message and each part of one, before it counts as passed on.
    """

    def __init__(self, observe: Callable[[h11.Event], None]) -> None:
        self._observe = observe
        self._client = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self._server = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        self._is_followed = True

    @property
    def is_between(self) -> bool:
        """Returns True if all requests are answered to the end, and nothing of a further one has come."""
        is_idle = self._server.their_state is self._client.their_state is h11.IDLE
        return self._is_followed and is_idle and not self._server.trailing_data[0]

    def from_client(self, data: bytes) -> None:
        """Follows what the client has sent."""
        self._follow(self._server, data)

    def from_server(self, data: bytes) -> None:
        """Follows what the server has sent."""
        self._follow(self._client, data)

    def _follow(self, receiver: h11.Connection, data: bytes) -> None:
        if not self._is_followed:
            return
        try:
            receiver.receive_data(data)
            self._pass_on()
            while self._server.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
                self._server.start_next_cycle()
                self._client.start_next_cycle()
                self._pass_on()
        except h11.ProtocolError:
            self._is_followed = False
        if self._server.our_state is h11.SWITCHED_PROTOCOL:
            self._is_followed = False

    def _pass_on(self) -> None:
        """Lets each side know what the other one has received."""
        for receiver, sender in ((self._server, self._client), (self._client, self._server)):
            while isinstance(event := receiver.next_event(), h11.Event):
                self._observe(event)
                sender.send(event)
