"""Takes the place of a language model while you develop. It speaks as the API of OpenAI does, and says nothing of its own."""

import json
import time
from collections.abc import Iterator

from web import Answer, Refused, Request, route


@route("POST", "/v1/chat/completions")
def complete(request: Request) -> Answer:
    """Streams an answer, a word each 50 ms."""
    messages = request.json().get("messages")
    if not isinstance(messages, list) or not messages or not isinstance(messages[-1], dict):
        raise Refused(400, "Send 'messages'.")
    return Answer(_events(str(messages[-1].get("content", ""))), headers={"Content-Type": "text/event-stream"})


def _events(question: str) -> Iterator[bytes]:
    words = f"You asked: {question}\nNo model is connected yet, so this is all I know. README.md says how to connect one."
    for word in words.split(" "):
        time.sleep(0.05)
        yield _event({"choices": [{"index": 0, "delta": {"content": f"{word} "}}]})
    yield b"data: [DONE]\n\n"


def _event(chunk: dict[str, object]) -> bytes:
    return f"data: {json.dumps(chunk)}\n\n".encode()
