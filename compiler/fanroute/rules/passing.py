"""FR23x: what passes through the edge, and the headers of it."""

from fanroute.rules.rule import START, Rule

RULES = (
    Rule(
        "FR230",
        "error",
        "what goes to a backend goes to another service",
        "A request that is sent to this service itself comes in again, and gets the same route. One that Fanout brings back is "
        "never handed off a second time, but gets a 403; one that is forwarded would go round until Fastly stops it. "
        "What the edge answers itself needs no such route: it comes back through the loopback backend by itself.",
        START + "  self: {loopback: true}\nroutes:\n  - handoff: self\n",
        "Name a server of yours, or write what the edge is to answer: `stream`, `sse`, `long_poll`, `websocket` or `respond`.",
    ),
    Rule(
        "FR231",
        "error",
        "a route's action can serve what its match takes",
        "A WebSocket begins with a GET that asks for one, and goes through the edge by `websocket`, `tunnel` or `handoff` only. "
        "With a match that says otherwise, the action could answer nothing but errors.",
        START + "routes:\n  - match: {path: /ws, websocket: true}\n    forward: origin\n",
        "Change the match, or the action.",
    ),
    Rule(
        "FR232",
        "error",
        "header rules stand where the edge can apply them",
        "Rules for a request change what a backend of yours gets; where the edge answers itself, none does. "
        "Rules for a response change an answer that goes through the edge; what has been handed off is answered to the client by "
        "Fanout, and the edge does not see it. So `cors: {backend_answers: true}` is for a `forward` alone.",
        START + "routes:\n  - handoff: origin\n    response_headers: {remove: [Server]}\n",
        "Leave the rules out there, or have the backend set the headers of its answers.",
    ),
    Rule(
        "FR233",
        "error",
        "a header stands once in a set of rules",
        "Names of headers are of any case, and the rules have no order: of two for one header one would be lost.",
        START + "routes:\n  - handoff: origin\n    request_headers: {set: {X-Edge: a}, remove: [x-edge]}\n",
        "Keep the rule that is meant; `set` alone replaces whatever values there are.",
    ),
    Rule(
        "FR234",
        "error",
        "header rules leave alone what the answer itself says",
        "Of an answer that the edge gives itself, the content type and a redirect's location are said by keys of the action; "
        "a rule for them would say it twice.",
        START + "routes:\n  - respond: {status: 200}\n    response_headers: {set: {Content-Type: text/html}}\n",
        "Write the action's own key.",
    ),
)
