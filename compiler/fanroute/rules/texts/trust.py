"""FR25x, FR26x and FR44x: whom the edge believes, and who may subscribe."""

from fanroute.diagnostics.rule import START, Rule

_ROUTE = START + "  self: {loopback: true}\nroutes:\n"
_AUTH = "auth: {keys: {algorithm: HS256, secret_store: keys, name: login}, %s}\n"
_KEYS = START + "fanout:\n  keys:\n    - {issuer: pushpin, algorithm: %s}\nroutes:\n  - handoff: origin\n"

FR250 = Rule(
    "FR250",
    "error",
    "a key is in one place",
    "A key is read from a file when building, or from a store by the running service, where it has a name.",
    _KEYS % "ES256, secret_store: keys",
    "Give it a `file`, or a store and its `name` there.",
)

FR251 = Rule(
    "FR251",
    "error",
    "the secret of HS256 is in a secret store",
    "Who knows that secret can make tokens himself. A file's content becomes part of the component, and "
    "a config store is read by whoever may see the service; a secret store gives it to the running service alone.",
    _KEYS % "HS256, config_store: keys, name: pushpin",
    "Put it in a secret store that is linked to the service; or use ES256, whose public key may be seen.",
)

FR252 = Rule(
    "FR252",
    "error",
    "the file of a key holds a public key for its algorithm",
    "Of ES256 it is one of the curve P-256, of RS256 one of RSA with 2048 to 4096 bits, in PEM that begins with "
    "`-----BEGIN PUBLIC KEY-----`. A private key has no place at the edge, nor a certificate.",
    None,
    "Write the public key as PEM, as `openssl` does with `-pubout`.",
)

FR260 = Rule(
    "FR260",
    "error",
    "a route is public, or asks for a token",
    "With `public: true` a route is meant for anybody, also where `defaults` ask for a token.",
    START + "routes:\n  - handoff: origin\n    public: true\n    " + _AUTH % "audience: chat",
    "Leave one of them out.",
)

FR261 = Rule(
    "FR261",
    "error",
    "a client's token is told to nobody",
    "Who has a token can ask in its owner's place. In a channel's name it is seen by whoever publishes, in a redirect by "
    "another server. In a `link` it may be: Fanout asks this service for it.",
    _ROUTE + "  - match: {query: {token: {present: true}}}\n    " + _AUTH % "token: {query: token}" + "    sse: {channel: "
    '"user-{query.token}"}\n',
    "Take what the token says of the client, as in `user-{claim.sub}`.",
)

FR262 = Rule(
    "FR262",
    "error",
    "what is closed when a token expires is a WebSocket",
    "With `on_expiry: close` the edge closes a WebSocket that it answers itself, when Fanout asks next after the token has "
    "expired. A stream is held by Fanout and a handoff by your backend; a long-poll ends by itself.",
    _ROUTE + "  - match: {path: /news}\n    " + _AUTH % "on_expiry: close" + "    sse: {channel: news}\n",
    "Leave it out there. Among `defaults` it may stand, for the routes with a `websocket`.",
)

FR440 = Rule(
    "FR440",
    "warning",
    "who asks as Fanout is verified",
    "What comes from Fanout is trusted: its X-Forwarded-Host decides which route is taken, and the edge answers with its "
    "instructions. Without a signature that is checked, any client can say that it is Fanout. `present` is what starter kits "
    "do, `none` is for a proxy that signs nothing; both are for a service that clients cannot reach but through the proxy.",
    START + "fanout: {grip_sig: present}\nroutes:\n  - match: {path: /live}\n    handoff: origin\n",
    "Leave `grip_sig` out, or give the proxy a key, and name it under `fanout.keys`.",
)

FR445 = Rule(
    "FR445",
    "warning",
    "an endpoint with many channels says who may subscribe",
    "Requests for an endpoint of the edge reach no server of yours. So anybody who guesses the name of a room, or of "
    "another user, hears its messages. The warning is for endpoints whose channels depend on the path, the query or a "
    "header. It is also given if the route asks for a token, but neither `channels` nor a claim says which channels are "
    "its holder's: a token for one tenant then opens the channels of all others. A claim does not say so if it can be "
    "read in two ways: `a-b-c` equals `{tenant}-{room}` for two requests if both values may have a `-`.",
    _ROUTE + '  - match: {path: "/rooms/{room}", where: {room: "[a-z]+"}}\n    sse: {channel: "room-{room}"}\n',
    "Say with `auth` which token a client needs, and which channels are its holder's. For that, use `claims: {tenant: "
    '"{tenant}"}`, which compares a claim with a value of the match, or `channels`, or `{claim.sub}` in the channel\'s '
    "name. If every holder of a token may hear every channel, write `any_channel: true` in `auth`; if anybody may, "
    "`public: true`.",
)

FR446 = Rule(
    "FR446",
    "warning",
    "a page of another origin can send the token that a route asks for",
    "A browser sends a preflight request first. It lets a page send `Authorization` only if `cors` names that header "
    "(`*` does not count), and cookies only with `credentials: true`. Otherwise every request of such a page gets a 401.",
    _ROUTE
    + "  - match: {path: /news}\n    "
    + _AUTH % "audience: chat"
    + '    sse: {channel: news, cors: {origins: "https://chat.example.com"}}\n',
    "Add `headers: Authorization` to `cors`, or for a cookie `credentials: true`, or let the token also be in the query.",
)

FR447 = Rule(
    "FR447",
    "warning",
    "a page of another origin can send the headers that a match asks for",
    "A browser lets a page of another origin send only those headers of its own that `cors` names. If a match asks for "
    "another one, no request of such a page ever gets the route. Headers that browsers send themselves are not reported, "
    "such as `Cookie`, `Origin` and `Sec-*`.",
    _ROUTE
    + "  - match: {path: /news, header: {x-client: web}}\n"
    + '    sse: {channel: news, cors: {origins: "https://chat.example.com"}}\n',
    "Add the header to the `headers` of `cors`, or leave it out of the match.",
)
