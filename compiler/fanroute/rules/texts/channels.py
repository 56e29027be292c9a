"""FR40x: which channels, locations and links a route's clients choose."""

from fanroute.diagnostics.rule import START, Rule

_ROUTE = START + "  self: {loopback: true}\nroutes:\n"

FR401 = Rule(
    "FR401",
    "warning",
    "a value that a client chooses in a channel is restricted",
    "A client that reaches the route can subscribe to any channel of this form, even another tenant's: the edge checks "
    "no permission. A pattern or a list of values says which channels these are.",
    _ROUTE + '  - match: {path: "/rooms/{room}"}\n    public: true\n    sse: {channel: "room-{room}"}\n',
    "Restrict it by a pattern or a list of values. If it depends on the client who may hear what, use a token (`auth`, "
    "with `channels`), or hand the request off: your backend checks the permission, and names the channel in its answer.",
)

FR402 = Rule(
    "FR402",
    "warning",
    "no two requests get one channel",
    "If the boundary between two values of a channel is unclear, so is whose channel it is. With `{tenant}-{user}` and "
    "hyphens in the values, one tenant's user can hear the messages of another tenant.",
    _ROUTE
    + '  - match:\n      path: "/{tenant}/{user}"\n      where: {tenant: "[a-z-]+", user: "[a-z-]+"}\n    public: true\n'
    + '    sse: {channel: "{tenant}-{user}"}\n',
    "Put a character between the values that neither can have, or restrict the values so that they cannot have the one "
    "that is there.",
)

FR403 = Rule(
    "FR403",
    "note",
    "every value that a match takes gives a channel, location or link",
    'A channel is printable ASCII without `,` `;` `"`, without spaces around it, and without anything that was '
    "percent-encoded twice. In the path of a location or link, a value must not make its segment empty, `.` or `..`, "
    "also between slashes inside the value: that would be another path, and `//evil.example` another host. A request "
    "with such a value gets a 400. It does not go on to the next route, because it fits the match.",
    _ROUTE + '  - match: {path: "/rooms/{room}", where: {room: ".+"}}\n    public: true\n    sse: {channel: "room-{room}"}\n',
    "Restrict the pattern to the values that are meant, as in `[a-z0-9-]{1,64}`. Leave it if such requests should get a 400.",
)

FR404 = Rule(
    "FR404",
    "warning",
    "some value that a match takes gives a channel, location or link",
    'A channel is printable ASCII without `,` `;` `"` and without spaces around it. In the path of a location or link, a '
    "value must not make its segment empty, `.` or `..`. No value that fits this condition is valid there, so every "
    "request of the route gets a 400.",
    _ROUTE + '  - match: {path: "/rooms/{room}", where: {room: "[à-ÿ]+"}}\n    public: true\n    sse: {channel: "room-{room}"}\n',
    "Use another value, or a pattern or list of values that are valid there.",
)
