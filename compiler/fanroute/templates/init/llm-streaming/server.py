"""The relay: asks a language model once for each question, and publishes the answer, bit by bit, to everybody who reads it."""

import hmac
import json
import os
import time
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from queue import Empty, SimpleQueue
from secrets import token_hex
from threading import Thread
from typing import Any

import model  # noqa: F401  it adds the route of the model's stand-in
from grip import close, event, last_id, publish
from web import Answer, Refused, Request, route, serve

# `fanroute serve --with` sets EDGE_URL. RELAY_SECRET is what the edge has as the secret `relay` of its store `answers`.
EDGE = os.environ.get("EDGE_URL", "http://127.0.0.1:7676")
SECRET = os.environ.get("RELAY_SECRET", "only for development: a secret of 32 bytes or more").encode()
MODEL = os.environ.get("MODEL", "gpt-4o-mini")
# How long the model may be silent, in seconds.
SILENCE = 120
# How long tokens are collected for one message, in seconds: a message with several tokens costs less than one for each.
PAUSE = 0.05
MAX_ANSWERS = 1000

# The messages of each answer so far, by its name. The last one of a finished answer has `end`. The id of a message is its number:
# "1" for the first. A real server keeps them in a database.
answers: dict[str, list[dict[str, str]]] = {}


@route("POST", "/answers")
def ask(request: Request) -> Answer:
    """Begins an answer, and returns its name."""
    question = str(request.json().get("question", "")).strip()[:2000]
    if not question:
        raise Refused(400, "Send a 'question'.")
    name, messages = token_hex(16), list[dict[str, str]]()
    answers[name] = messages
    if len(answers) > MAX_ANSWERS:
        del answers[next(iter(answers))]
    Thread(target=relay, args=(f"answer-{name}", messages, question), daemon=True).start()
    return Answer({"name": name}, status=201)


@route("GET", "/answers/{name}/tokens")
def read(request: Request, name: str) -> Answer:
    """Answers a reader who connects, however late, and Fanout if it notices that a message is missing."""
    if name not in answers:
        raise Refused(404, "There is no such answer.")
    known = [*answers[name]]
    last = last_id(request.headers)
    missed = "".join(event(message, str(number)) for number, message in enumerate(known, 1) if number > last)
    headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    if not known or "end" not in known[-1]:
        headers |= {
            "Grip-Hold": "stream",
            "Grip-Channel": f"answer-{name}; prev-id={len(known)}",
            "Grip-Link": f"</answers/{name}/tokens>; rel=next",
            "Grip-Keep-Alive": ":\\n\\n; format=cstring; timeout=20",
        }
    return Answer(f"retry: 1000\n\n{missed}", headers=headers)


def relay(channel: str, messages: list[dict[str, str]], question: str) -> None:
    """Asks the model, and publishes what it answers, until it has finished or failed."""

    def send(message: dict[str, str]) -> None:
        messages.append(message)
        publish(channel, message, id=str(len(messages)), previous_id=str(len(messages) - 1))

    tokens: SimpleQueue[str] = SimpleQueue()
    ends: list[str] = []
    reader = Thread(target=lambda: ends.append(_read_model(question, tokens)), daemon=True)
    reader.start()
    while reader.is_alive() or not tokens.empty():
        time.sleep(PAUSE)
        if text := _taken(tokens):
            send({"text": text})
    send({"end": ends[0] if ends else "The server has failed."})
    # Fanout compares ids. So a reader for whom it begins to hold the connection only now gets what came meanwhile, too.
    close(channel, id=str(len(messages) + 1), previous_id=str(len(messages)))


def _taken(tokens: "SimpleQueue[str]") -> str:
    """Takes all that is in a queue."""
    taken = []
    try:
        while True:
            taken.append(tokens.get_nowait())
    except Empty:
        return "".join(taken)


def _read_model(question: str, tokens: "SimpleQueue[str]") -> str:
    """Puts the tokens of the model's answer into a queue. Returns "done", or a sentence that says why the answer ends early."""
    asked = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": question}]}
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {edge_token()}"}
    request = urllib.request.Request(f"{EDGE}/v1/chat/completions", json.dumps(asked).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=SILENCE) as answer:
            for chunk in _chunks(answer):
                if chunk == "[DONE]":
                    return "done"
                tokens.put(_token(json.loads(chunk)))
        return "The model's answer was cut off."
    except (OSError, ValueError, LookupError, TypeError) as error:
        print(f"The model cannot answer: {error}", flush=True)
        return "The model cannot answer now."


def _chunks(lines: Iterable[bytes]) -> Iterator[str]:
    """Yields the data of each server-sent event."""
    for line in lines:
        if line.startswith(b"data:"):
            yield line.removeprefix(b"data:").decode().strip()


def _token(chunk: dict[str, Any]) -> str:
    """Returns the text in a chunk of a chat completion, or "". Raises ValueError if it is an error."""
    if "error" in chunk:
        raise ValueError(chunk["error"])
    choices = chunk["choices"]
    return (choices[0]["delta"].get("content") or "") if choices else ""


def edge_token() -> str:
    """Returns a JSON Web Token with which the edge lets this server ask the model. It is valid for a minute."""
    claims = {"sub": "relay", "exp": int(time.time()) + 60}
    signed = b".".join(map(_base64url, (b'{"alg":"HS256"}', json.dumps(claims).encode())))
    return (signed + b"." + _base64url(hmac.digest(SECRET, signed, "sha256"))).decode()


def _base64url(content: bytes) -> bytes:
    return urlsafe_b64encode(content).rstrip(b"=")


if __name__ == "__main__":
    serve()
