"""The server of the notifications: knows who a user is, and notifies everybody or one user."""

import re

from grip import publish
from web import Answer, Refused, Request, route, serve

NAME = re.compile("[a-z0-9-]{1,32}")


@route("POST", "/login")
def login(request: Request) -> Answer:
    """Believes any name. Your login checks a password, and its cookie has the id of a session instead of a name."""
    name = request.json().get("name", "")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise Refused(400, "A name has small letters, digits and '-'.")
    return Answer({"name": name}, headers={"Set-Cookie": f"user={name}; Path=/; HttpOnly; SameSite=Lax"})


@route("GET", "/notifications/mine")
def mine(request: Request) -> Answer:
    """Has the edge hold the connection on the user's channel. No client can choose it, because this answer does."""
    user = request.cookie("user")
    if not NAME.fullmatch(user):
        raise Refused(401, "Log in first.")
    hold = {"Grip-Hold": "stream", "Grip-Channel": f"user-{user}", "Grip-Keep-Alive": ":\\n\\n; format=cstring; timeout=25"}
    return Answer("retry: 5000\n\n", headers={"Content-Type": "text/event-stream", **hold})


@route("POST", "/notify")
def notify(request: Request) -> Answer:
    """Notifies everybody, or the user with this name. In your application, the code that has news does this."""
    sent = request.json()
    to, text = str(sent.get("to", "")), str(sent.get("text", ""))[:1000]
    if not text or (to and not NAME.fullmatch(to)):
        raise Refused(400, "A notification needs a 'text', and can have 'to', the name of a user.")
    publish(f"user-{to}" if to else "everybody", {"to": to or "everybody", "text": text})
    return Answer({"to": to or "everybody"}, status=202)


if __name__ == "__main__":
    serve()
