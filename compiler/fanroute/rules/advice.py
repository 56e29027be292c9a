"""FR4xx: what is valid and may not be meant."""

from fanroute.rules.rule import START, Rule

RULES = (
    Rule(
        "FR410",
        "note",
        "what needs no realtime is forwarded",
        "A request that is handed off goes through Fanout to the backend, and Fastly caches no answer to it. "
        "A last route that hands off whatever is left is the safe beginning; it costs the cache for every page and picture. "
        "This is told of routes that get GET or HEAD requests for paths that no route names.",
        START + "routes:\n  - handoff: origin\n",
        "Say what the backend may hold, as in `match: {path: /live/*}`, and let a last route `forward` the rest.",
    ),
    Rule(
        "FR411",
        "note",
        "some route takes each default",
        "A default is for the routes whose action knows the key and that have none of their own: `cors` for `stream`, `sse`, "
        "`long_poll` and `respond`, `keep_alive` for `stream`, `sse` and `websocket`, header rules where the edge can apply "
        "them. One that no route takes does nothing.",
        START + "defaults: {keep_alive: 25s}\nroutes:\n  - match: {path: /live}\n    handoff: origin\n",
        "Leave the default out, or give a route the action that it is meant for.",
    ),
    Rule(
        "FR420",
        "warning",
        "a stream's link is answered, to Fanout and as part of a stream",
        "Fanout asks a link in the client's place: this service, under the loopback backend's host, by a GET with nothing of the "
        "client's. If that request ends at a handoff, at an error, or at no route, the stream ends at the first message that is "
        "missing. It is told for one request of the route.",
        START + "  self: {loopback: true}\nroutes:\n  - match: {path: /events, query: {after: {present: true}}}\n"
        '    sse: {channel: {name: news, prev_id: "{query.after}"}, link: /missed}\n'
        "  - match: {path: /missed}\n    handoff: origin\n",
        "Put a route for the link's path there, without a host or with the loopback backend's, that forwards it to your origin.",
    ),
)
