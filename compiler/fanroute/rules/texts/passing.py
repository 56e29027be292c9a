"""FR23x: what passes through the edge, and the headers of it."""

from fanroute.diagnostics.rule import START, Rule

FR230 = Rule(
    "FR230",
    "error",
    "a backend is another service",
    "A request that is sent to this service itself would get the same route again. After a handoff, Fanout's request "
    "gets a 403 (or 508) instead of a second handoff. After a `forward`, the requests would go round until Fastly stops "
    "them. Endpoints of the edge need no such route, because they use the loopback backend anyway.",
    START + "  self: {loopback: true}\nroutes:\n  - handoff: self\n",
    "Name a server of yours, or write how the edge should answer: `stream`, `sse`, `long_poll`, `websocket` or `respond`.",
)

FR231 = Rule(
    "FR231",
    "error",
    "a route's action can serve what its match takes",
    "A WebSocket begins with a GET that asks for one, and goes through the edge by `websocket`, `tunnel` or `handoff` only. "
    "With a match that says otherwise, the action could answer nothing but errors.",
    START + "routes:\n  - match: {path: /ws, websocket: true}\n    forward: origin\n",
    "Change the match, or the action.",
)

FR232 = Rule(
    "FR232",
    "error",
    "header rules are only where the edge can apply them",
    "Rules for a request change the request that your backend gets, so they do nothing if the edge answers itself. Rules "
    "for a response change an answer that goes through the edge. The answer to a handoff goes from Fanout to the client, "
    "and the edge does not see it. So `cors: {backend_answers: true}` is for a `forward` alone.",
    START + "routes:\n  - handoff: origin\n    response_headers: {remove: [Server]}\n",
    "Leave the rules out, or let the backend set the headers of its answers.",
)

FR233 = Rule(
    "FR233",
    "error",
    "a header is only once in a set of rules",
    "Header names are case-insensitive, and the rules have no order, so one of two rules for a header would be lost.",
    START + "routes:\n  - handoff: origin\n    request_headers: {set: {X-Edge: a}, remove: [x-edge]}\n",
    "Keep one rule; `set` alone replaces all values that are there.",
)

FR234 = Rule(
    "FR234",
    "error",
    "header rules leave alone what the answer itself says",
    "Of an answer that the edge gives itself, the content type and a redirect's location are said by keys of the action; "
    "a rule for them would say it twice.",
    START + "routes:\n  - respond: {status: 200}\n    response_headers: {set: {Content-Type: text/html}}\n",
    "Write the action's own key.",
)
