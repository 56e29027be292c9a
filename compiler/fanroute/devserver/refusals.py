"""Says what in routes.yaml would allow what the edge refuses. Pure.

The local log tells why the edge refuses a request. This table adds what the developer of the routes can do about it.
"""

import re

_ACCEPTED_KEYS = "`auth.keys` lists the keys that may have signed it"
_ONLY_WEBSOCKETS = "open it with ws://; `websocket: true` in the match leaves other requests to later routes"
_STORES = "define the store and its entry under [local_server] in fastly.toml, and start again"
_UNREACHABLE = "`local` says where the backend is on this machine, and `fallback` what clients get without it"

# For each reason: a pattern of its text, and the hint. The hint is "" if no option of routes.yaml allows the request. The edge's
# own reasons are first, in the order of fanroute_runtime's modules, then the reasons with which it closes a WebSocket, then those
# of the local edge.
HINTS: tuple[tuple[str, str], ...] = (
    # auth
    (
        r"This request needs a token\.",
        "`fanroute token` prints one; `auth.token` says where it may be; `public: true` lets anybody use the route",
    ),
    (r"The token is refused: the edge does not accept its issuer\.", "`auth.issuer` lists the issuers that are accepted"),
    (r"The token is refused: it is for another audience\.", "`auth.audience` lists the audiences that are accepted"),
    (r"The token is refused: it has expired\.", "`auth.leeway` lets clocks differ"),
    (r"The token is refused: it is not valid yet\.", "`auth.leeway` lets clocks differ"),
    (r"The token is refused: it is not signed with a key that the edge knows\.", _ACCEPTED_KEYS),
    (r"The token is refused: the request has more than one\.", "`auth.token` says where it may be"),
    (r"The token is refused: it is too long\.", ""),
    (r"The token is refused: it does not have three parts\.", ""),
    (r"The token is refused: its header is not understood\.", ""),
    (r"The token is refused: it does not have the claim .+\.", ""),
    (r"The token is refused: its claim .+ is not a time\.", ""),
    (r"The token is refused: it is not base64url\.", ""),
    (r"The token is refused: its JSON nests deeper than \d+ levels\.", ""),
    (r"The token is refused: it is not valid JSON\.", ""),
    (
        r"The token does not allow this, because of the claim .+\.",
        "`auth.claims` says what the claim must be; as part of a channel, its value must fit into one",
    ),
    (r"The token does not allow this, because of the channel\.", "`auth.channels` names the claim that lists the channels"),
    (r"The (query parameter|header) .+ must not occur more than once\.", ""),
    (r"A key that the edge needs to verify tokens is missing or unusable\.", _STORES),
    # choose
    (r"No route matches this request\.", "a last route without `match` takes all other requests"),
    (r"The request target must not have a '#'\.", ""),
    (r"Only Fanout may send WebSocket events\.", ""),
    (
        r"Fanout sent a request without a pin, and no link leads to the route .+\.",
        "`link` of an endpoint names the path that Fanout may request by itself",
    ),
    (r"Fanout sent a request without a pin, but it is not a request for a link\.", ""),
    # decide
    (r"Pages of this origin must not open a WebSocket here\.", "`origins` lists the pages that may"),
    (r"This route accepts only WebSockets\.", _ONLY_WEBSOCKETS),
    (r"Loop: a request from Fanout would be handed off again, to .+\.", "use `forward` for this route"),
    (r"Loop: a request from Fanout would publish again\.", "a handoff to the service itself must not lead to a `publish`"),
    (r"The backend .+ cannot be reached\.", _UNREACHABLE),
    (r"The backend .+ does not answer in time\.", _UNREACHABLE),
    # limiter
    (
        r"The client uses the route .+ more than \d+ times a second\.",
        "`limit.rate` allows more; `limit.penalty` says how long the client is refused",
    ),
    # grip
    (r"The Grip-Sig is refused: .+\.", "`fanout.keys` lists the keys of your own GRIP proxies"),
    (r"The request gives no valid .+\.", "`where` and `pattern` in the match keep such values from the route"),
    (
        r"The request would make a segment of the address empty, '\.' or '\.\.'\.",
        "`where` and `pattern` in the match keep such values from the route",
    ),
    (r"A value in the request is not UTF-8\.", ""),
    (
        r"The path for the backend would begin with '//'\.",
        "the rewrite leaves an empty segment at the beginning, which a URI would have as a host",
    ),
    (r"Pages of this origin must not publish here\.", "`publish.cors` lists the pages of other origins that may"),
    (
        r"The Content-Type must be .+, in UTF-8 and not compressed\.",
        "`publish.content_types` lists the media types that a message may have",
    ),
    (r"The message is too long to be published\.", "`max_message` is the longest message; Fastly takes 64 KiB at once"),
    (r"The message (is not (JSON|UTF-8)|nests deeper than \d+ levels)\.", "a message must fit its type"),
    (
        r"Only text can be published here\.",
        "binary messages can only be published to WebSockets and long-polls, without `envelope`",
    ),
    (r"The Connection-Id is missing or malformed\.", ""),
    (r"The edge has no token with which it can publish\.", "`publishing` names the secret; define it, and start again"),
    (r"Too many messages\.", "`limit` says how many a client may send"),
    (r"The message may not have been published: .+\.", "see the line of the publish endpoint before this one"),
    (r"Malformed websocket-over-HTTP body: .+\.", ""),
    (r"The client offers none of the endpoint's protocols\.", "`websocket.protocols` lists those that it may offer"),
    # http
    (r"A secret that the edge adds to the request is missing or unusable\.", _STORES),
    (r"A client must not send the header Pushpin-Route\.", ""),
    (r"The header Connection must not name a header that the edge sets\.", ""),
    # matching
    (r"The path( for the backend)? has a segment '\.' or '\.\.'\.", "`paths: {dot_segments: keep}` accepts such paths"),
    (r"The path( for the backend)? has a backslash\.", "`paths: {backslashes: keep}` accepts such paths"),
    (r"The path( for the backend)? has a control character\.", "`paths: {controls: keep}` accepts such paths"),
    (r"The path( for the backend)? has an empty segment\.", "`paths: {empty_segments: keep}` accepts such paths"),
    (r"The path( for the backend)? has an encoded slash\.", "`paths: {encoded_slashes: keep}` accepts such paths"),
    (r"The path( for the backend)? has a ';'\.", "`paths: {parameters: keep}` accepts such paths"),
    (r"The values that the route uses of the request are too long\.", ""),
    (r"The pin is refused: .+\.", ""),
    # compute
    (r"The edge could not read the backend's answer\.", ""),
    (
        r"The backend's answer is for Fanout, but Fanout did not send this request\.",
        "use `handoff` in place of `forward` if the backend holds connections",
    ),
    (r"The body is too long\.", ""),
    (r"The body could not be read to its end\.", ""),
    (r"The edge could not read its configuration\.", _STORES),
    (r"The edge could not read the request\.", ""),
    (r"The method is too long\.", ""),
    (r"The URI is too long\.", ""),
    (r"The header .+ is too long\.", ""),
    (r"A header's name is too long\.", ""),
    # the reasons in a CLOSE
    (r"The token has expired\.", "`auth.on_expiry: keep` leaves the connection open"),
    (r"Idle\.", "`websocket.idle_close` says after how long"),
    (r"More than \d+ bytes\.", "`websocket.max_message` is the longest message"),
    # the local edge
    (r"The backend .+ gave no answer: .+", _UNREACHABLE),
)
_PATTERNS = tuple((re.compile(pattern, re.DOTALL), hint) for pattern, hint in HINTS)


def hint_for(reason: str) -> str:
    """Returns what in routes.yaml would change a refusal, or "" if nothing there would, or if the reason is not known."""
    return next((hint for pattern, hint in _PATTERNS if pattern.fullmatch(reason)), "")
