"""FR40x: which channels, locations and links a route's clients choose."""

from fanroute.rules.rule import START, Rule

_ROUTE = START + "  self: {loopback: true}\nroutes:\n"

RULES = (
    Rule(
        "FR401",
        "warning",
        "what a client chooses of a channel is narrowed",
        "Whoever reaches the route is subscribed to any channel of this form, another tenant's too: the edge asks for no "
        "permission. With a pattern or a list of values it is said which channels these are, and no value makes another one.",
        _ROUTE + '  - match: {path: "/rooms/{room}"}\n    public: true\n    sse: {channel: "room-{room}"}\n',
        "Narrow it by a pattern or a list of values. Where who may hear what depends on who asks, let a token say it (`auth`, "
        "with `channels`), or hand the request off: your backend checks the permission, and names the channel in its answer.",
    ),
    Rule(
        "FR402",
        "warning",
        "no two requests get one channel",
        "Of a channel in which one value may go over into the next, nobody can say whose it is: with `{tenant}-{user}` and "
        "hyphens in the values, one tenant's user hears what is meant for another tenant's.",
        _ROUTE
        + '  - match:\n      path: "/{tenant}/{user}"\n      where: {tenant: "[a-z-]+", user: "[a-z-]+"}\n    public: true\n'
        + '    sse: {channel: "{tenant}-{user}"}\n',
        "Put a character between the values that no value has, or narrow the values so that they lack the one that is there.",
    ),
    Rule(
        "FR403",
        "note",
        "every value that a match takes gives a channel, location or link",
        'A channel is printable ASCII without `,` `;` `"`, without spaces around it, and with nothing in it that was '
        "percent-encoded twice. In the path of a location or link, no segment with a value in it is empty, `.` or `..`, "
        "also between slashes of the value's own: that would be another path, and `//evil.example` another host. A request "
        "with such a value is not left to the next route, because it fits the match. It gets a 400.",
        _ROUTE + '  - match: {path: "/rooms/{room}", where: {room: ".+"}}\n    public: true\n    sse: {channel: "room-{room}"}\n',
        "Narrow the pattern to what is meant, as in `[a-z0-9-]{1,64}`; or leave it, if a 400 is what such a request should get.",
    ),
    Rule(
        "FR404",
        "warning",
        "some value that a match takes gives a channel, location or link",
        'A channel is printable ASCII without `,` `;` `"` and without spaces around it. In the path of a location or link, no '
        "segment with a value in it is empty, `.` or `..`. No value that fits this condition is allowed there, so every request "
        "of the route gets a 400.",
        _ROUTE
        + '  - match: {path: "/rooms/{room}", where: {room: "[à-ÿ]+"}}\n    public: true\n    sse: {channel: "room-{room}"}\n',
        "Take another value, or write a pattern or list of values that are allowed there.",
    ),
)
