"""FR4xx: what is valid and may not be meant."""

from fanroute.diagnostics.rule import START, Rule

FR405 = Rule(
    "FR405",
    "warning",
    "no other way of writing a path gets around `auth`",
    "Some servers read `//` as `/`, `%2F` as a slash, `a;b` as `a`, or `/A` as `/a`. The edge changes no path. So a "
    "request may match a route that needs no token, while the backend reads it as a request for a route that needs one. "
    "If `paths` keeps dot segments, backslashes or control characters, this includes `/public/../private`. The warning "
    "shows one such request for each backend.",
    START + "routes:\n  - match: {path: /private/*}\n    forward: origin\n    auth: {token: {query: token}, keys: {"
    "algorithm: HS256, secret_store: keys, name: login}}\n  - forward: origin\n",
    "Refuse such paths with `paths: {empty_segments: reject, encoded_slashes: reject, parameters: reject}`, and do not "
    "keep those that are refused by default. Make sure that the backend does not ignore the case of letters. If it does "
    "not change paths, give it `strict_paths: true` instead.",
)

FR406 = Rule(
    "FR406",
    "warning",
    "no path or method is written as for another router",
    "Other routers have the placeholders `:room`, `[room]`, `<int:room>`, `$room`, `*rest` and `(.*)`. Here only "
    "`{room}` and a final `/*` are placeholders. Anything else in a path is text, and `*`, `ALL` or `get` is a method of "
    "that very name. A path such as `/$metadata` may be meant. Only whole segments are reported, also of locations and "
    "links. In a channel such as `room-[room]`, a placeholder is reported if the path has it or the match binds its name. "
    "Because `{tenant}:room` is a usual channel, `:room` with a bound `room` is reported only if it is the whole channel or "
    "stands alone between slashes. `[room]` or `<room>` as a whole channel is always reported.",
    START + "routes:\n  - match: {path: '/rooms/:room'}\n    forward: origin\n",
    "Write `{room}`, with `where` if it has to fit something, or `/*` at the end. Leave `method` out for any method. If a "
    "segment is meant as text, percent-encode its first character: `/%24metadata`.",
)

FR407 = Rule(
    "FR407",
    "warning",
    "variables of the environment are used only where they are read",
    "In backends and in the hosts of a match, `${NAME}` is replaced by a variable. Anywhere else it is text: a header "
    "`Authorization: Bearer ${KEY}` is sent with exactly these characters. In channels, `meta`, locations, links and claims, "
    "`${room}` is a `$` and the value of `{room}`.",
    START + "routes:\n  - forward: origin\n    request_headers: {set: {X-Region: '${REGION}'}}\n",
    "Write the value itself, or `{room}` for a value of the request. Never write a secret, because everybody who has the "
    "component can read it; your origin can add it instead. If the text is meant in a body, use a `file`.",
)

FR410 = Rule(
    "FR410",
    "note",
    "requests that need no realtime are forwarded",
    "A request that is handed off goes through Fanout to the backend, and Fastly does not cache the answer. A last route "
    "that hands off everything else is a safe beginning, but no page or picture is cached then. The note is for routes "
    "that get GET or HEAD requests for paths that no route names.",
    START + "routes:\n  - handoff: origin\n",
    "Say what the backend may hold, as in `match: {path: /live/*}`, and let a last route `forward` the rest.",
)

FR411 = Rule(
    "FR411",
    "note",
    "some route uses each default",
    "A default is for routes whose action can have the key and that do not have it themselves: `cors` for `stream`, "
    "`sse`, `long_poll` and `respond` (not for `handoff` and `forward`), `keep_alive` for `stream`, `sse` and "
    "`websocket`, `origins` for `websocket`, `tunnel` and `handoff`, header rules where the edge can apply them, and "
    "`auth` for all routes that are not `public`. A default that no route uses does nothing.",
    START + "defaults: {keep_alive: 25s}\nroutes:\n  - match: {path: /live}\n    handoff: origin\n",
    "Leave the default out, or give a route the action that it is meant for.",
)

FR412 = Rule(
    "FR412",
    "warning",
    "a backend's address is one that Fastly can reach",
    "The `url` is the server's address in production. From Fastly's machines, `localhost`, a private address such as "
    "10.0.0.5, and a name without a domain lead somewhere else, or nowhere.",
    "version: 1\nservice: {name: chat-edge}\nbackends:\n  origin: {url: 'http://localhost:3000'}\nroutes:\n"
    "  - match: {path: /live}\n    handoff: origin\n",
    "Write the public address as `url`, and the private one as `local`, which only `fanroute serve` uses.",
)

FR420 = Rule(
    "FR420",
    "warning",
    "a stream's link answers Fanout",
    "Fanout asks a link at this service, under the loopback backend's host, by a GET with nothing of the client's. If "
    "that request gets a handoff, an error or no route, the stream ends at the first message that is missing. The "
    "warning shows one such request.",
    START + "  self: {loopback: true}\nroutes:\n  - match: {path: /events, query: {after: {present: true}}}\n"
    '    sse: {channel: {name: news, prev_id: "{query.after}"}, link: /missed}\n'
    "  - match: {path: /missed}\n    handoff: origin\n",
    "Put a route for the link's path there, without a host or with the loopback backend's, that forwards it to your origin.",
)

FR430 = Rule(
    "FR430",
    "warning",
    "a WebSocket lets in no more pages than `cors` does",
    "Browsers hide an endpoint's answer from pages that `cors` does not name, but they hide nothing of a WebSocket. "
    "Without `origins`, a page that may not read a channel by `sse`, `stream` or `long_poll` may read it by the "
    "WebSocket, with its visitor's cookies. The warning compares channels as they are written.",
    START + "  self: {loopback: true}\nroutes:\n  - match: {path: /events}\n"
    "    sse: {channel: news, cors: {origins: 'https://chat.example.com'}}\n"
    "  - match: {path: /socket}\n    websocket: {channel: news}\n",
    "Say whose pages may open it: `origins: https://chat.example.com`, or `origins: '*'` if all may.",
)

FR431 = Rule(
    "FR431",
    "warning",
    "a preflight request for a backend's answer needs no token",
    "Before a page of another origin sends a token in `Authorization`, its browser sends a preflight request, which has "
    "no token. A `handoff` or `forward` with `auth` and without `cors` answers it with 401, and the browser sends "
    "nothing more. The warning is for routes whose token can be in no other place, if no other route answers the "
    "preflight requests.",
    START + "routes:\n  - forward: origin\n    auth: {keys: {algorithm: HS256, secret_store: keys, name: login}}\n",
    "Say whose pages may ask: `forward: {backend: origin, cors: {origins: https://chat.example.com, headers: "
    "Authorization}}`. If no page of another origin should ask, or if your backend answers preflight requests itself, "
    "add a route before it, without `auth`, that takes them: `match: {method: OPTIONS}`.",
)

FR432 = Rule(
    "FR432",
    "note",
    "a page that reads events by fetch can send `Last-Event-ID`",
    "An EventSource sends `Last-Event-ID` to another origin without a preflight request. A client that uses `fetch` "
    "sends one first, and may send only headers that `cors` names. The note is for a match that asks for that header on "
    "a route that an EventSource may use.",
    START + "  self: {loopback: true}\nroutes:\n  - match: {path: /news, header: {last-event-id: {present: true}}}\n"
    '    sse: {channel: news, cors: {origins: "https://chat.example.com"}}\n',
    "Add `headers: Last-Event-ID` to `cors` if your pages read events by `fetch`.",
)
