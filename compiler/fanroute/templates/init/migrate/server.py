"""Stands for the server that you have: it holds connections with GRIP instructions, as behind a starter kit, and publishes."""

from grip import publish
from web import Answer, Refused, Request, route, serve


@route("GET", "/old/news")
def old_news(request: Request) -> Answer:
    """Has Fanout hold the connection. The edge answers `/news` so by itself, without asking this server."""
    hold = {"Grip-Hold": "stream", "Grip-Channel": "news", "Grip-Keep-Alive": ":\\n\\n; format=cstring; timeout=25"}
    return Answer("", headers={"Content-Type": "text/event-stream", **hold})


@route("POST", "/news")
def add_news(request: Request) -> Answer:
    text = str(request.json().get("text", ""))[:1000]
    if not text:
        raise Refused(400, "News needs a 'text'.")
    publish("news", text)
    return Answer({"text": text}, status=201)


if __name__ == "__main__":
    serve()
