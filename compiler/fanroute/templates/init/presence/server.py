"""The server of the presence: knows who is in each room and who is typing, and publishes it when it changes."""

from collections import defaultdict
from dataclasses import dataclass
from threading import Lock, Thread
from time import monotonic, sleep
from typing import Any

from grip import publish
from web import Answer, Refused, Request, route, serve

# How long somebody is there after the last sign of life, and how often the server looks for those who have left, in seconds.
# The page gives a sign of life every 5 seconds.
PRESENT, INTERVAL = 15, 1


@dataclass
class Person:
    name: str
    typing: bool
    seen: float


# The people in each room, by the id of their window. Several servers would keep them in a common store, such as Redis.
rooms: defaultdict[str, dict[str, Person]] = defaultdict(dict)
# What has been published last for each room.
published: dict[str, Any] = {}
# Changes follow each other, so that the last one is published last.
changing = Lock()


@route("POST", "/rooms/{room}/people")
def tell(request: Request, room: str) -> Answer:
    """Notes a sign of life, or that somebody leaves. Answers with the people in the room."""
    told = request.json()
    window, name = str(told.get("window", ""))[:40], str(told.get("name", ""))[:40].strip()
    if not window or not name:
        raise Refused(400, "Send 'window' and 'name'.")
    with changing:
        rooms[room][window] = Person(name, bool(told.get("typing")), monotonic())
        if told.get("leaves"):
            del rooms[room][window]
        return Answer(publish_change(room))


@route("GET", "/rooms/{room}/people/now")
def now(request: Request, room: str) -> Answer:
    """Answers with the people in the room, for a page that has just opened."""
    with changing:
        return Answer(present(room))


def publish_change(room: str) -> list[dict[str, Any]]:
    """Publishes who is in a room, if that has changed. Returns it."""
    people = present(room)
    if people != published.get(room, []) and publish(f"people-{room}", people):
        published[room] = people
    if not people and not published.get(room):
        rooms.pop(room, None)
        published.pop(room, None)
    return people


def present(room: str) -> list[dict[str, Any]]:
    """Returns who is in a room, by name. Forgets who has not been heard of for too long."""
    last = monotonic() - PRESENT
    there = {window: person for window, person in rooms.get(room, {}).items() if person.seen > last}
    if room in rooms:
        rooms[room] = there
    return sorted(({"name": one.name, "typing": one.typing} for one in there.values()), key=lambda one: str(one["name"]))


def watch() -> None:
    """Notices those who have left without a word."""
    while True:
        sleep(INTERVAL)
        with changing:
            for room in list(rooms):
                publish_change(room)


if __name__ == "__main__":
    Thread(target=watch, daemon=True).start()
    serve()
