"""FR4xx: what is valid and may not be meant."""

from fanroute.rules.rule import START, Rule

RULES = (
    Rule(
        "FR405",
        "warning",
        "no other way of writing a path gets around `auth`",
        "Some servers read `//` as `/`, `%2F` as a slash, `a;b` as `a`, or `/A` as `/a`. The edge takes each path as it is. "
        "So a request may get a route that needs no token, and the backend may read it as one of a route that needs one. "
        "If `paths` keeps dot segments, backslashes or control characters, `/public/../private` may be such a request, too. "
        "One is told, once for a backend.",
        START + "routes:\n  - match: {path: /private/*}\n    forward: origin\n    auth: {token: {query: token}, keys: {"
        "algorithm: HS256, secret_store: keys, name: login}}\n  - forward: origin\n",
        "Refuse such paths with `paths: {empty_segments: reject, encoded_slashes: reject, parameters: reject}`, and keep none "
        "that are refused by default. See that the backend does not ignore the case of letters. If it takes paths as they are, "
        "give it `strict_paths: true` instead.",
    ),
    Rule(
        "FR406",
        "warning",
        "what other routers have a sign for is meant as text",
        "Other routers have `:room`, `[room]`, `<int:room>`, `$room`, `*rest` and `(.*)`. Here only `{room}` and a final `/*` "
        "are placeholders. Anything else in a path is text, and so is `*`, `ALL` or `get` as a method. That text may be what is "
        "meant, as in `/$metadata`. This is told of whole segments only.",
        START + "routes:\n  - match: {path: '/rooms/:room'}\n    forward: origin\n",
        "Write `{room}`, with `where` if it has to fit something, or `/*` at the end. Leave `method` out for any method. If a "
        "segment is meant as text, percent-encode its first character: `/%24metadata`.",
    ),
    Rule(
        "FR407",
        "warning",
        "a variable of the environment stands where it is read",
        "In backends and in the hosts of a match, `${NAME}` is the value of a variable. Anywhere else it is text: a header "
        "`Authorization: Bearer ${KEY}` is sent with these very characters.",
        START + "routes:\n  - forward: origin\n    request_headers: {set: {X-Region: '${REGION}'}}\n",
        "Write the value. A secret does not belong here, because what is built can be read: let your origin know it. A body that "
        "is meant so can be a `file`.",
    ),
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
        "`long_poll` and `respond` (a `handoff` or `forward` has its own or none), `keep_alive` for `stream`, `sse` and "
        "`websocket`, `origins` for `websocket`, `tunnel` and "
        "`handoff`, header rules where the edge can apply them, `auth` for all but `public` ones. One that no route takes does "
        "nothing.",
        START + "defaults: {keep_alive: 25s}\nroutes:\n  - match: {path: /live}\n    handoff: origin\n",
        "Leave the default out, or give a route the action that it is meant for.",
    ),
    Rule(
        "FR412",
        "warning",
        "a backend's address is one that Fastly can reach",
        "The `url` is where the server is in production. `localhost`, a private address such as 10.0.0.5, and a name without a "
        "domain are something else, or nothing, on Fastly's machines.",
        "version: 1\nservice: {name: chat-edge}\nbackends:\n  origin: {url: 'http://localhost:3000'}\nroutes:\n"
        "  - match: {path: /live}\n    handoff: origin\n",
        "Write the public address as `url`, and the private one as `local`: it is for `fanroute serve` only.",
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
    Rule(
        "FR430",
        "warning",
        "a WebSocket lets no more pages in than `cors` does",
        "What an endpoint answers, browsers keep from pages that `cors` does not name; of a WebSocket they keep nothing. Without "
        "`origins`, a page that may not read a channel by `sse`, `stream` or `long_poll` may read it by the WebSocket, with its "
        "visitor's cookies. It is told of a WebSocket with a channel that is written the same under `cors`.",
        START + "  self: {loopback: true}\nroutes:\n  - match: {path: /events}\n"
        "    sse: {channel: news, cors: {origins: 'https://chat.example.com'}}\n"
        "  - match: {path: /socket}\n    websocket: {channel: news}\n",
        "Say whose pages may open it: `origins: https://chat.example.com`, or `origins: '*'` where all may.",
    ),
    Rule(
        "FR431",
        "warning",
        "a preflight request of what a backend answers needs no token",
        "Before a page of another origin sends a token in `Authorization`, its browser sends a preflight request, which has no "
        "token. A `handoff` or `forward` with `auth` and without `cors` answers it with 401, and the browser sends nothing more. "
        "This is told if a token can be in no other place, and if no other route answers the preflight requests.",
        START + "routes:\n  - forward: origin\n    auth: {keys: {algorithm: HS256, secret_store: keys, name: login}}\n",
        "Say whose pages may ask: `forward: {backend: origin, cors: {origins: https://chat.example.com, headers: "
        "Authorization}}`. If no page of another origin is to ask, or your backend answers preflight requests, let a route "
        "without `auth` before it take them: `match: {method: OPTIONS}`.",
    ),
    Rule(
        "FR432",
        "note",
        "a page that reads events by fetch can send `Last-Event-ID`",
        "An EventSource sends `Last-Event-ID` to another origin without asking first. A client that is made of `fetch` asks, and "
        "is allowed what `cors` names. This is told of a match that asks for that header, where an EventSource may be what asks.",
        START + "  self: {loopback: true}\nroutes:\n  - match: {path: /news, header: {last-event-id: {present: true}}}\n"
        '    sse: {channel: news, cors: {origins: "https://chat.example.com"}}\n',
        "Add `headers: Last-Event-ID` to `cors` if your pages read events by `fetch`.",
    ),
)
