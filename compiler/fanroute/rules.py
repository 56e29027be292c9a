"""The rules that a routes.yaml keeps, one a code: all that is known of a code, and the only place that knows it."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: what it says, why it is there, a routes.yaml that breaks it and no other, and how to mend that.

    `example` is None where no content of a file breaks the rule; it is bytes where it is not UTF-8 text.
    """

    code: str
    severity: Severity
    title: str
    why: str
    example: str | bytes | None
    mend: str


_START = """\
version: 1
service: {name: chat-edge}
backends:
  origin: {url: "https://app.example.com"}
"""

_RULES = (
    Rule(
        "FR101",
        "error",
        "the file can be read",
        "There is no such file, or it is a folder, or its permissions forbid reading it.",
        None,
        "Name a file that is there, as in `fanroute check path/to/routes.yaml`, or run the command in its folder.",
    ),
    Rule(
        "FR102",
        "error",
        "the file is UTF-8 text",
        "The same bytes are different text in other encodings, so only one encoding is taken. "
        "Control characters and halves of surrogate pairs are not text: editors hide them, and no header can carry them.",
        b'version: 1\nservice: {name: "caf\xe9"}\n',
        "Save the file as UTF-8.",
    ),
    Rule(
        "FR103",
        "error",
        "the file is well-formed YAML",
        "After a mistake in the syntax, the rest of the file has no certain meaning, so this is told alone. "
        "Frequent reasons are a tab in the indentation, an unclosed bracket, and a value with `: ` or `#` without quotes.",
        _START + "routes:\n\t- handoff: origin\n",
        "Indent with spaces, close what is open, and put text with special characters in quotes.",
    ),
    Rule(
        "FR104",
        "error",
        "the file says something",
        "A file that is empty, or has only comments, describes no service.",
        "# nothing yet\n",
        "Begin with the example at the top of docs/routes.md.",
    ),
    Rule(
        "FR105",
        "error",
        "a key stands once in its mapping",
        "Many YAML readers keep the last of two values and say nothing; here one of them would be lost.",
        _START + "routes:\n  - match: {path: /a, path: /b}\n    handoff: origin\n",
        "Keep one of them; where a key takes alternatives, write them as a list, and otherwise as two routes.",
    ),
    Rule(
        "FR106",
        "error",
        "no anchors, aliases, tags or further documents",
        "A few lines with aliases can stand for gigabytes, and tags can name types of a programming language. "
        "Without them, what a route does is read in one place.",
        _START + "routes:\n  - match: &chat {path: /chat}\n    handoff: origin\n  - match: *chat\n    handoff: origin\n",
        "Write the value out where it is used, leave tags away, and keep one document a file.",
    ),
    Rule(
        "FR107",
        "error",
        "every key has a value",
        "An empty value is often one that was forgotten, or one whose lines are not indented far enough. "
        "No key of the language means anything without a value.",
        _START + "routes:\n  - match:\n    handoff: origin\n",
        "Give the key a value, or leave the key out; for empty text, write `''`.",
    ),
    Rule(
        "FR201",
        "error",
        "every key is known",
        "A misspelt key that is ignored is a condition or option that silently does not hold.",
        _START + "routes:\n  - match: {pth: /chat}\n    handoff: origin\n",
        "Correct the spelling, or move the key to where it belongs; docs/routes.md has all of them.",
    ),
    Rule(
        "FR202",
        "error",
        "every required key is there",
        "A default is taken only where one is obvious; this key has none.",
        _START + "routes:\n  - respond: {body: hello}\n",
        "Add the key to the mapping that is pointed at.",
    ),
    Rule(
        "FR203",
        "error",
        "every backend that is named is defined",
        "A route that hands off to a backend that does not exist can only fail, and would do so at the edge.",
        _START + "routes:\n  - handoff: orgin\n",
        "Name one of the file's backends, or define this one under `backends`.",
    ),
    Rule(
        "FR204",
        "error",
        "every value is of its kind",
        "Values are read narrowly: `on` is text and not `true`, `1` is a number and not text, and a path, host, channel or "
        "duration must be one that can occur.",
        _START + "routes:\n  - respond: {status: 99}\n",
        "Write a value of the kind that is asked for.",
    ),
    Rule(
        "FR205",
        "error",
        "a route has exactly one action",
        "A request gets one answer. Of two actions one would be lost, and a route without any has nothing to do.",
        _START + "routes:\n  - handoff: origin\n    respond: {status: 404}\n",
        "Split the route in two, each with its own match, or add the action that is missing.",
    ),
    Rule(
        "FR206",
        "error",
        "a backend has either a url or loopback: true",
        "A backend is either a server, found at its url, or this service itself. "
        "`local` belongs to the first kind only, and `host` to the second.",
        _START + '  self: {loopback: true, local: "http://127.0.0.1:3000"}\nroutes:\n  - handoff: origin\n',
        "Keep the keys of one kind.",
    ),
    Rule(
        "FR207",
        "error",
        "routes that the edge answers itself have one loopback backend to come back through",
        "Fanout takes its instructions from a backend's answer. For `stream`, `sse`, `long_poll` and `websocket` that "
        "backend is this service itself, and with two of them it is not clear which one Fanout asks.",
        _START + "routes:\n  - sse: {channel: news}\n",
        "Have exactly one backend with `loopback: true`.",
    ),
    Rule(
        "FR208",
        "error",
        "a route's name stands once",
        "A name says which route is meant, for instance in what the tools print; two routes cannot share it.",
        _START + "routes:\n  - name: chat\n    match: {path: /chat}\n    handoff: origin\n  - name: chat\n    handoff: origin\n",
        "Give one of the routes another name, or none.",
    ),
    Rule(
        "FR209",
        "error",
        "a channel or location takes only what its route's match binds",
        "A value that the match does not bind is not there when the request comes, so the channel or location would have a hole.",
        _START + '  self: {loopback: true}\nroutes:\n  - match: {path: "/rooms/{room}"}\n    stream: {channel: "room-{rom}"}\n',
        "Use a name that is bound, or bind this one: a path parameter, or a query parameter or header of the match.",
    ),
)

# Every code, with its rule.
CODES = {rule.code: rule for rule in _RULES}
