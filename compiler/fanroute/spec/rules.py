"""FR2xx: what the file says makes sense."""

from fanroute.diagnostics.rule import START, Rule

FR201 = Rule(
    "FR201",
    "error",
    "every key is known",
    "A misspelt key that is ignored is a condition or option that silently does not hold.",
    START + "routes:\n  - match: {pth: /chat}\n    handoff: origin\n",
    "Correct the spelling, or move the key to where it belongs; docs/reference.md has all of them.",
)

FR202 = Rule(
    "FR202",
    "error",
    "every required key is there",
    "A default is taken only where one is obvious; this key has none.",
    START + "routes:\n  - respond: {body: hello}\n",
    "Add the key to the mapping that is pointed at.",
)

FR203 = Rule(
    "FR203",
    "error",
    "every backend that is named is defined",
    "A route that hands off to a backend that does not exist can only fail, and would do so at the edge.",
    START + "routes:\n  - handoff: orgin\n",
    "Name one of the file's backends, or define this one under `backends`.",
)

FR204 = Rule(
    "FR204",
    "error",
    "every value is of its kind",
    "Values are read narrowly: `on` is text and not `true`, `1` is a number and not text, and a path, host, channel or "
    "duration must be one that can occur.",
    START + "routes:\n  - respond: {status: 99}\n",
    "Write a value of the kind that is asked for.",
)

FR205 = Rule(
    "FR205",
    "error",
    "a route has exactly one action",
    "A request gets one answer. Of two actions one would be lost, and a route without any has nothing to do.",
    START + "routes:\n  - handoff: origin\n    respond: {status: 404}\n",
    "Split the route in two, each with its own match, or add the action that is missing.",
)

FR206 = Rule(
    "FR206",
    "error",
    "a backend has either a url or loopback: true",
    "A backend is either a server, found at its url, or this service itself. "
    "`local` belongs to the first kind only, and `host` to the second.",
    START + '  self: {loopback: true, local: "http://127.0.0.1:3000"}\nroutes:\n  - handoff: origin\n',
    "Keep the keys of one kind.",
)

FR207 = Rule(
    "FR207",
    "error",
    "routes that the edge answers itself have one loopback backend to come back through",
    "Fanout takes its instructions from a backend's answer. For `stream`, `sse`, `long_poll` and `websocket` that "
    "backend is this service itself, and with two of them it is not clear which one Fanout asks.",
    START + "routes:\n  - sse: {channel: news}\n",
    "Have exactly one backend with `loopback: true`.",
)

FR208 = Rule(
    "FR208",
    "error",
    "a route's name stands once",
    "A name says which route is meant, for instance in what the tools print; two routes cannot share it.",
    START + "routes:\n  - name: chat\n    match: {path: /chat}\n    handoff: origin\n  - name: chat\n    handoff: origin\n",
    "Give one of the routes another name, or none.",
)

FR209 = Rule(
    "FR209",
    "error",
    "a channel, location or condition on a claim uses only values that its route's match binds",
    "A value that the match does not bind is missing when the request comes. The channel or location would have a gap, "
    "and no claim could equal it. For a default `auth`, this is checked with the match of each route that uses it.",
    START + '  self: {loopback: true}\nroutes:\n  - match: {path: "/rooms/{room}"}\n    stream: {channel: "room-{rom}"}\n',
    "Use a name that is bound, or bind this one: a path parameter, or a query parameter or header of the match.",
)

FR210 = Rule(
    "FR210",
    "error",
    "every variable of the environment is set, or has a default",
    "In a backend or a matched host, `${NAME}` stands for what the build's environment has. Without a value the build would "
    "make a service for another host than is meant, so it makes none.",
    START.replace("app.example.com", "${ORIGIN_HOST}") + "routes:\n  - handoff: origin\n",
    "Set the variable where the build runs, or write `${NAME:-default}` with what holds otherwise.",
)

FR211 = Rule(
    "FR211",
    "error",
    "a file that is named can be read, and is small",
    "The content of a `file` is read when building, and is part of the component that every request loads: it is for pages, "
    "not for downloads. Its path begins at the folder of routes.yaml and stays within it, links included, so that a copy of "
    "the folder builds the same.",
    START + "routes:\n  - respond: {status: 200, file: hello.html}\n",
    "Name a file of the folder, of 1 MiB at most; leave what is larger to a backend.",
)

FR212 = Rule(
    "FR212",
    "error",
    "an answer has one content",
    "With both `body` and `file`, one of them would be lost.",
    START + "routes:\n  - respond: {status: 200, body: hello, file: hello.html}\n",
    "Keep one of them.",
)

FR213 = Rule(
    "FR213",
    "error",
    "the file uses only variables of the environment that it lists",
    "The values of variables become part of the component and of fastly.toml, and requests go to the hosts that they "
    "name. With `environment`, a change of the file cannot use further variables, such as a token for another program, "
    "without changing that list.",
    START.replace("backends", "environment: [APP_*]\nbackends").replace("app.example", "${HOST:-app.example}")
    + "routes:\n  - handoff: origin\n",
    "Use a variable that `environment` lists, or add the name there.",
)

FR216 = Rule(
    "FR216",
    "error",
    "a pattern is of the subset that is matched in linear time",
    "Patterns are a subset of regular expressions, always of the whole value, compiled to a table when building: no "
    "request can make one slow. There are characters, `.`, classes, `\\d \\w \\s`, groups, `|`, `* + ? {n} {n,} {n,m}`; "
    "there are no anchors, lookarounds, back-references, flags, and lazy or possessive repeats.",
    START + 'routes:\n  - match: {path: "/rooms/{room}", where: {room: "^[a-z]+$"}}\n    handoff: origin\n',
    "Write what the whole value looks like, as in `[a-z0-9-]{1,64}`, with punctuation that is meant as itself behind a `\\`.",
)

FR217 = Rule(
    "FR217",
    "error",
    "a pattern under where is of a parameter of the path",
    "A pattern of a parameter that the path does not have would narrow nothing.",
    START + 'routes:\n  - match: {path: "/rooms/{room}", where: {rom: "[a-z]+"}}\n    handoff: origin\n',
    "Correct the name, or make it a parameter of the path: `/{name}`.",
)

FR218 = Rule(
    "FR218",
    "error",
    "a pattern fits a value that can occur",
    "A parameter is one segment of a path, so it has no slash, is not empty, and is not `.` or `..`; a header's value has "
    "no control characters, no spaces around it, and nothing beyond U+00FF. A route with a pattern that fits only what "
    "cannot occur gets no request.",
    START + 'routes:\n  - match: {path: "/rooms/{room}", where: {room: "[a-z]+/[a-z]+"}}\n    handoff: origin\n',
    "Correct the pattern; for several segments use several parameters.",
)

FR220 = Rule(
    "FR220",
    "error",
    "what a client has missed can be asked for",
    "With a `prev_id`, Fanout notices when messages are missing between the client's last one and the next, and asks "
    "the `link` for them; without a link it ends the stream, and a link without a `prev_id` is never asked. "
    "A long-poll needs no link: it ends, and the client asks. A WebSocket cannot have either.",
    START + "  self: {loopback: true}\nroutes:\n  - match: {query: {after: {present: true}}}\n"
    '    sse: {channel: {name: news, prev_id: "{query.after}"}}\n',
    "Add `link: /missed?after={query.after}` and a route for it that forwards to your origin, or leave `prev_id` out.",
)

FR221 = Rule(
    "FR221",
    "error",
    "a filter has the meta variables that it works by",
    "The filters `skip-self` and `skip-users` know a connection's user by its meta variable `user`, `build-id` makes ids by "
    "`id_format`, and `var-subst` puts in whatever there is. Without them a filter does nothing, or ends "
    "the connection at the first message.",
    START + "  self: {loopback: true}\nroutes:\n  - stream: {channel: {name: news, filters: skip-self}}\n",
    'Give the endpoint the variable, as in `meta: {user: "{query.user}"}`, or leave the filter out.',
)

FR240 = Rule(
    "FR240",
    "error",
    "who shares with credentials says with whom",
    "With credentials, browsers take no `*` in the answer, and rightly: any page of the web could then act as its visitor, "
    "and read what only that one may.",
    START + "routes:\n  - respond: {status: 200, cors: {origins: '*', credentials: true}}\n",
    "Name the origins and headers, or leave out `credentials`.",
)

FR241 = Rule(
    "FR241",
    "error",
    "the headers of CORS are set by `cors` or by hand, not both",
    "For the origin that asks, `cors` sets the answer's `Access-Control-*` headers. Of two values for one header, one would "
    "be lost.",
    START
    + "routes:\n  - respond:\n      status: 200\n      cors: {origins: 'https://a.example.com'}\n"
    + "      headers: {Access-Control-Max-Age: '60'}\n",
    "Leave out the header, or `cors`; docs/reference.md has all that `cors` can say.",
)

FR242 = Rule(
    "FR242",
    "error",
    "whose pages may open a WebSocket is said where one is opened",
    "A WebSocket goes through the edge by `websocket`, `tunnel` or `handoff` only. No other request is asked what `origins` "
    "says: it would go on from everywhere.",
    START + "routes:\n  - match: {path: /hello}\n    respond: {status: 200}\n    origins: 'https://a.example.com'\n",
    "Leave it out. `cors` says which pages may read an answer, and is of no use to a route for WebSockets alone.",
)

FR243 = Rule(
    "FR243",
    "error",
    "a WebSocket that takes a cookie for a token is for pages that are named",
    "A browser sends its visitor's cookies with a WebSocket that any page of the web opens, and lets that page read and "
    "write there: cross-site hijacking. For a `tunnel`, `origins: '*'` leaves it to the backend to look at a page's origin.",
    START + "  self: {loopback: true}\nroutes:\n  - match: {path: /socket}\n    websocket: {channel: 'user-{claim.sub}'}\n"
    "    auth: {keys: {algorithm: HS256, secret_store: keys, name: login}, token: {cookie: session}}\n",
    "Say whose pages may open it: `origins: https://chat.example.com`. The service's own pages always may.",
)
