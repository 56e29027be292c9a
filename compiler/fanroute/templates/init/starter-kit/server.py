"""The server behind the starter kit's routes: publishes to the channel `test`, and holds a stream on it itself."""

from grip import publish
from web import Answer, Refused, Request, route, serve


@route("GET", "/held")
def held(request: Request) -> Answer:
    """Has Fanout hold the connection. Everything that the edge hands off can be answered so."""
    hold = {"Grip-Hold": "stream", "Grip-Channel": "test", "Grip-Keep-Alive": ":\\n\\n; format=cstring; timeout=25"}
    return Answer("", headers={"Content-Type": "text/event-stream", **hold})


@route("POST", "/publish")
def publish_text(request: Request) -> Answer:
    text = str(request.json().get("text", ""))[:1000]
    if not text:
        raise Refused(400, "A message needs a 'text'.")
    publish("test", text)
    return Answer({"text": text}, status=202)


if __name__ == "__main__":
    serve()
