"""The chat's server: keeps the last messages of each room, and publishes new ones to everybody in the room."""

from collections import defaultdict, deque
from secrets import token_hex

from grip import publish
from web import Answer, Refused, Request, route, serve

# The last messages of each room. A real server keeps them in a database.
messages: defaultdict[str, deque[dict[str, str]]] = defaultdict(lambda: deque(maxlen=50))


@route("GET", "/rooms/{room}/messages")
def earlier_messages(request: Request, room: str) -> Answer:
    return Answer([*messages.get(room, [])])


@route("POST", "/rooms/{room}/messages")
def send_message(request: Request, room: str) -> Answer:
    sent = request.json()
    message = {name: str(sent.get(name, ""))[:limit].strip() for name, limit in (("from", 40), ("text", 1000))}
    if not all(message.values()):
        raise Refused(400, "A message needs 'from' and 'text'.")
    message["id"] = token_hex(8)
    messages[room].append(message)
    publish(f"room-{room}", message)
    return Answer(message, status=201)


if __name__ == "__main__":
    serve()
