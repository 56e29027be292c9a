"""Provides strategies for a valid routes.yaml, as data and as text. They cover the language, with hostile texts."""

from typing import Any
from urllib.parse import quote

import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

Data = dict[str, Any]

# Texts that would become code, another scalar or another line if they were ever pasted.
HOSTILE = [
    *[
        "{{ 7*7 }}",
        "{% raw %}",
        "{# #}",
        "'''",
        '"""',
        '"',
        "\\",
        "\n",
        "\r\n",
        "\t",
        "${HOME}",
        "#{x}",
        "$(id)",
        "`id`",
        "%s",
        "%(a)s",
    ],
    *[
        "__import__('os')",
        "'); import os; ('",
        "<script>",
        "null",
        "~",
        "on",
        "true",
        "010",
        "1e3",
        ".inf",
        "2001-01-01",
        "a: b",
        "- a",
    ],
    *[
        "&a",
        "*a",
        "!a",
        "%YAML",
        "<<",
        "=",
        "é",
        "😀",
        "ﬀ",
        "\u0130",
        "\u00a0",
        "\u200b",
        "\u2028",
        "\x85",
        "\x00",
        "\x7f",
        "\ufeff",
    ],
]
TEXT = st.one_of(
    st.sampled_from(["", "1", "2", "a", "b", "pro", "team"]),
    st.lists(st.sampled_from([*HOSTILE, "a", " "]), min_size=1, max_size=3).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
)
ASCII = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=8)

LABELS = st.sampled_from(["a", "b", "chat", "X-1", "_c"])
HOSTS = st.lists(LABELS, min_size=1, max_size=3).map(".".join)
TENANTS = HOSTS.map("{{tenant}}.{}".format)
NAMES = st.sampled_from(["import", "None", "class", "R", "a_b", "x-", "e1"])

WORDS = ["a", "b", "rooms", "é", "😀", "a+b", "a;b", "a,b", "'", '"', "\\'", "$(id)", "__import__('os')", "a:b@c", "=&", "~", "ß"]
SEGMENTS = st.one_of(st.sampled_from([word for word in WORDS if "\\" not in word]), st.sampled_from(["a", "b"]))
PARAMETERS = ["room", "user_id", "x"]

SCHEMES = st.sampled_from(["http", "https"])
METHODS = st.sampled_from(["GET", "GET", "POST", "HEAD", "OPTIONS", "QUERY", "M-SEARCH"])
HEADERS = st.sampled_from(["x-plan", "X-Plan", "Authorization", "cookie", "x-a"])
QUERIES = st.one_of(st.sampled_from(["id", "after", "a b", "é", "a+b", "a=b", "a&b", "%41"]), TEXT)


def one_or_list(items: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Generates one item, or a list of up to three."""
    return st.one_of(items, st.lists(items, min_size=1, max_size=3))


@st.composite
def paths(draw: st.DrawFn) -> str:
    segments = draw(st.lists(st.one_of(SEGMENTS, st.just("{}")), max_size=4))
    parameters = iter(PARAMETERS)
    named = [f"{{{next(parameters, 'y')}}}" if segment == "{}" else segment for segment in segments]
    end = draw(st.sampled_from([[], [], ["*"], [""], ["{rest...}"]]))
    return "/" + "/".join(named[:3] + end)


# Patterns that Python's `re` reads as fanroute does, with its flags ASCII and DOTALL off.
PATTERNS = st.sampled_from(
    [
        "[a-z0-9-]{1,64}",
        "[0-9]+",
        "a|b|rooms",
        "[^x]*",
        ".+",
        "(ab)*a?",
        r"\d+",
        r"\w*",
        r"[^\s\d]+",
        "blue|é",
        r"a\.b",
        ".{0,3}",
        "[a-z/]*",
    ]
)
CONDITIONS = st.one_of(
    TEXT,
    st.lists(TEXT, min_size=1, max_size=3),
    st.fixed_dictionaries({"present": st.booleans()}),
    st.fixed_dictionaries({"values": st.lists(TEXT, min_size=1, max_size=2)}),
    st.fixed_dictionaries({"pattern": PATTERNS}),
)


# Networks, and addresses at their edges.
NETWORKS = """
    192.0.2.0/24 192.0.2.1 198.51.100.128/25 203.0.113.8/30 ::ffff:203.0.113.0/120 127.0.0.0/8 0.0.0.0/0 ::/0 2001:db8::/32
    2001:DB8::1
""".split()
ADDRESSES = """
    192.0.2.1 192.0.2.255 192.0.3.0 198.51.100.127 198.51.100.128 203.0.113.7 203.0.113.8 203.0.113.11 203.0.113.12
    ::ffff:203.0.113.9 127.0.0.1 2001:db8::1 2001:db8:ffff:ffff:: 2001:db9:: ::1
""".split()


def distinct(headers: Data) -> bool:
    """Returns True if no two header names differ in case only."""
    return len({name.lower() for name in headers}) == len(headers)


MATCHES = st.fixed_dictionaries(
    {},
    optional={
        "host": st.one_of(one_or_list(st.one_of(HOSTS, HOSTS.map("*.{}".format))), one_or_list(TENANTS)),
        "path": paths(),
        "method": one_or_list(METHODS),
        "scheme": SCHEMES,
        "websocket": st.booleans(),
        "client_ip": one_or_list(st.sampled_from(NETWORKS)),
        "header": st.dictionaries(HEADERS, CONDITIONS, max_size=2).filter(distinct),
        "query": st.dictionaries(QUERIES, CONDITIONS, max_size=2),
    },
)


def alternatives(path: str) -> st.SearchStrategy[str]:
    """Generates other paths with the same parameters."""
    *segments, last = path[1:].split("/")
    others = st.permutations(segments).map(lambda parts: "/" + "/".join([*parts, last]))
    return st.one_of(others, st.sampled_from(["/a", "/rooms"]).map(lambda before: f"{before}{path}"))


@st.composite
def matches(draw: st.DrawFn) -> Data:
    match = draw(MATCHES)
    parameters = [part[1:-1].removesuffix("...") for part in match.get("path", "").split("/") if part.startswith("{")]
    if "path" in match and draw(st.sampled_from([False, False, True])):
        match["path"] = [match["path"], *draw(st.sets(alternatives(match["path"]), max_size=2)) - {match["path"]}]
    if parameters and draw(st.booleans()):
        match["where"] = draw(st.dictionaries(st.sampled_from(parameters), PATTERNS, min_size=1))
    if label_of(match) and draw(st.booleans()):
        # No label of a host has a dot.
        match["where"] = match.get("where", {}) | {"tenant": draw(PATTERNS.filter(lambda pattern: pattern != r"a\.b"))}
    return match


def label_of(match: Data) -> list[str]:
    """Returns the reference to the label that the host of a match binds, if it binds one."""
    return ["{tenant}"] if str(listed(match.get("host", ""))[0]).startswith("{tenant}") else []


# Printable characters that a channel may contain, except braces and spaces.
CHANNEL_TEXT = st.text(st.sampled_from([chr(c) for c in range(0x21, 0x7F) if chr(c) not in ',;"{}']), max_size=6)
DURATIONS = st.sampled_from(["5s", "25s", "2m", "60m"])
STATUSES = st.sampled_from([200, 201, 404, 418, 503])
CONTENT_TYPES = st.one_of(st.sampled_from(["text/html", "application/json; charset=utf-8"]), ASCII.map(str.strip))
RESPONSE_HEADERS = st.dictionaries(st.sampled_from(["Cache-Control", "X-A", "x-b", "Server"]), ASCII.map(str.strip), max_size=2)
LINES = TEXT.filter(lambda text: not set(text) & set("\r\n\0"))
EVENTS = st.fixed_dictionaries({"data": TEXT}, optional={"event": LINES, "id": LINES})
LINK_TEXT = st.sampled_from(["", "a", "/", "?b=", "&c=", "%20", "'"])
SOCKETS = {
    "echo": st.booleans(),
    "keep_alive": DURATIONS,
    "idle_close": st.sampled_from(["20s", "5m"]),
    "max_message": st.sampled_from(["64KiB", "1B"]),
}
ANY_PORT = "http://127.0.0.1:*"
ORIGINS = ["https://chat.example.com", "https://*.example.org:8443", "http://localhost:3000", "capacitor://localhost"]
OF_SOCKETS = st.one_of(one_or_list(st.sampled_from([*ORIGINS, ANY_PORT])), st.just("*"))
CORS = st.one_of(
    st.fixed_dictionaries({"origins": one_or_list(st.sampled_from(ORIGINS))}, optional={"credentials": st.booleans()}),
    st.fixed_dictionaries({"origins": one_or_list(st.sampled_from([*ORIGINS, ANY_PORT]))}),
    st.fixed_dictionaries(
        {"origins": st.just("*")},
        optional={"headers": st.just(["X-A"]), "expose": st.just("X-B"), "max_age": st.sampled_from(["0s", "24h"])},
    ),
)
FORWARD_CORS = st.builds(lambda cors, answers: cors | {"backend_answers": answers}, CORS, st.booleans())
ANSWERS: dict[str, st.SearchStrategy[Any]] = {"headers": RESPONSE_HEADERS, "body": TEXT}


CACHES = st.one_of(
    st.just("pass"),
    st.fixed_dictionaries({"ttl": st.sampled_from(["0s", "5m"])}, optional={"stale_while_revalidate": st.just("1h")}),
    st.just({"stale_while_revalidate": "30s"}),
)


def passing(
    backends: st.SearchStrategy[str], cors: st.SearchStrategy[Data], **further: st.SearchStrategy[Any]
) -> st.SearchStrategy[Data]:
    """Generates the long form of an action that sends requests to a backend."""
    return st.fixed_dictionaries({"backend": backends}, optional={"cors": cors, **further})


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def references(match: Data) -> list[str]:
    """Returns the references that a template may make to a match."""
    segments = listed(match.get("path", ""))[0].split("/")
    found = [segment.replace("...", "") for segment in segments if segment.startswith("{")] + label_of(match)
    for source in ("query", "header"):
        for name, condition in match.get(source, {}).items():
            if condition != {"present": False} and name and not set(name) & set("{}"):
                found.append(f"{{{source}.{name}}}")
    return found


def templates(texts: st.SearchStrategy[str], bound: list[str]) -> st.SearchStrategy[str]:
    parts = st.one_of(texts, st.sampled_from(bound)) if bound else texts
    return st.lists(parts, max_size=3).map("".join)


def sent_paths(bound: list[str]) -> st.SearchStrategy[str]:
    """Generates a path that the edge sends, with references."""
    named = [name for name in bound if name.isascii() and name.isprintable() and " " not in name and not set(name) & set("?#\\%")]
    return templates(st.sampled_from(["a", "/b", "%20", "'"]), named).map("/x{}".format)


def rewrites(match: Data) -> st.SearchStrategy[Data]:
    """Generates a rewrite for the requests of a match."""
    bound = references(match)
    value = templates(st.one_of(ASCII, TEXT).filter(lambda text: not set(text) & set("{}")), bound)
    queries = st.fixed_dictionaries(
        {},
        optional={
            "set": st.dictionaries(st.sampled_from(["id", "a b", "é", "v"]), value, min_size=1),
            "remove": st.just(["after"]),
        },
    ).filter(bool)
    # Several paths have no prefix in common that is sure to be left.
    path = match["path"].removesuffix("/*") if isinstance(match.get("path"), str) else "/"
    segments = (path.rpartition("/")[0] if path.endswith("...}") else path).removesuffix("/").split("/")[1:]
    prefixes = ["".join(f"/{quote(one, safe='{}')}" for one in segments[:size]) for size in range(1, len(segments) + 1)]
    own = {"strip_prefix": st.sampled_from(prefixes)} if prefixes else {}
    prefixed = st.fixed_dictionaries(
        {}, optional=own | {"add_prefix": sent_paths(bound).map(lambda path: path.rstrip("/")), "query": queries}
    )
    return st.one_of(prefixed.filter(bool), st.fixed_dictionaries({"path": sent_paths(bound)}, optional={"query": queries}))


def target_hosts(match: Data) -> list[str]:
    """Returns hosts of redirects whose first label is the one that the host of a match binds."""
    parents = [host.partition(".")[2] for host in listed(match.get("host", [])) if label_of(match)]
    return [f"{{tenant}}.new.{parent}" for parent in parents if "." in parent]


def channels(value: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Generates one channel, or a list of channels in the short or the long form."""
    long = st.fixed_dictionaries({"name": value}, optional={"filters": st.sampled_from(["require-sub", ["require-sub"], []])})
    return st.one_of(value, st.lists(st.one_of(value, long), min_size=1, max_size=3))


def actions(match: Data) -> st.SearchStrategy[Data]:
    """Generates an action for a route with this match, as a mapping with its key."""
    bound = references(match)
    value = templates(CHANNEL_TEXT, bound).map(lambda text: text or "c")
    meta = st.fixed_dictionaries({"user": value}, optional={"x-1": value})
    subscribed = {"channel": channels(value)}
    links = templates(LINK_TEXT, bound).map("/x{}".format)
    linked = {"channel": st.fixed_dictionaries({"name": value, "prev_id": value}), "link": links}
    urls = templates(
        st.sampled_from(["a", "/", "?b=", "%20", "'"]), [name for name in bound if name.isascii() and name.isprintable()]
    )
    locations = st.builds(
        "{}{}".format, st.sampled_from(["/new/", "https://www.example.com/"]), urls.filter(lambda url: " " not in url)
    )
    poll = st.fixed_dictionaries({}, optional={"status": STATUSES, "body": TEXT})
    held = {"meta": meta, "headers": RESPONSE_HEADERS, "cors": CORS}
    stream = held | {"body": TEXT, "content_type": CONTENT_TYPES, "keep_alive": DURATIONS}
    sse = held | {"retry": DURATIONS, "initial": EVENTS, "keep_alive": DURATIONS}
    statuses = st.sampled_from([301, 302, 303, 307, 308])
    backends = st.sampled_from(["origin", "other"])
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "tunnel": st.one_of(backends, st.fixed_dictionaries({"backend": backends}, optional={"rewrite": rewrites(match)})),
        "handoff": st.one_of(backends, passing(backends, CORS, rewrite=rewrites(match))),
        "forward": st.one_of(backends, passing(backends, FORWARD_CORS, rewrite=rewrites(match), cache=CACHES)),
        "stream": st.one_of(st.fixed_dictionaries(given, optional=stream) for given in (subscribed, linked)),
        "sse": st.one_of(st.fixed_dictionaries(given, optional=sse) for given in (subscribed, linked)),
        "long_poll": st.fixed_dictionaries(
            subscribed, optional=held | {"content_type": CONTENT_TYPES, "timeout": DURATIONS, "on_timeout": poll}
        ),
        "websocket": st.fixed_dictionaries(subscribed, optional={"meta": meta} | SOCKETS),
        "respond": st.fixed_dictionaries({"status": STATUSES}, optional={**ANSWERS, "content_type": CONTENT_TYPES, "cors": CORS}),
        "redirect": st.one_of(
            locations,
            st.fixed_dictionaries({"location": locations}, optional={"status": statuses}),
            st.fixed_dictionaries({"location": locations.filter(lambda text: "?" not in text), "keep_query": st.booleans()}),
            st.fixed_dictionaries(
                {"host": st.one_of(HOSTS, *map(st.just, target_hosts(match)))},
                optional={"scheme": SCHEMES, "path": sent_paths(bound), "keep_query": st.booleans(), "status": statuses},
            ),
        ),
    }
    return st.one_of([strategy.map(lambda value, key=key: {key: value}) for key, strategy in kinds.items()])  # type: ignore[misc]


# Limits that no test reaches.
LIMITS = st.fixed_dictionaries(
    {"rate": st.sampled_from(["500/s", "10000/s"])},
    optional={
        "window": st.sampled_from(["1s", "10s", "60s"]),
        "penalty": st.sampled_from(["60s", "2m", "1h"]),
        "by": st.one_of(st.just("client_ip"), HEADERS.map("header.{}".format)),
    },
)


@st.composite
def routes(draw: st.DrawFn) -> Data:
    match = draw(matches())
    action = draw(actions(match))
    match = fitting(match, next(iter(action)))
    if match.get("websocket") and any(isinstance(given, dict) and "cors" in given for given in action.values()):
        del match["websocket"]  # an answer is shared, a WebSocket is not
    carries = not {"handoff", "tunnel", "websocket"}.isdisjoint(action) and match.get("websocket") is not False
    origins = {"origins": draw(OF_SOCKETS)} if carries and draw(st.booleans()) else {}
    reaches_backend = not {"handoff", "forward", "tunnel"}.isdisjoint(action)
    headers = {"request_headers": draw(REQUEST_HEADERS)} if reaches_backend and draw(st.booleans()) else {}
    limit = {"limit": draw(LIMITS)} if draw(st.sampled_from([False, False, True])) else {}
    return ({"match": match} if match else {}) | action | origins | headers | limit


def fitting(match: Data, action: str) -> Data:
    """Returns the match without conditions that its action does not allow."""
    only = {"stream": False, "sse": False, "long_poll": False, "forward": False, "websocket": True, "tunnel": True}.get(action)
    left = {key: value for key, value in match.items() if key != "websocket" or only is None or value == only}
    return left | {"method": "GET"} if only and "method" in match else left


# The secrets of a service's stores, by store, and each of them.
STORED = {"s": ("a", "b"), "t.1": ("a_b-c",)}
_SECRETS = st.sampled_from([f"{store}/{name}" for store, names in STORED.items() for name in names])
SECRETS = st.fixed_dictionaries({"secret": _SECRETS}, optional={"prefix": st.just("Bearer ")})
# Changes to the headers of a request for a backend.
REQUEST_HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "set": st.dictionaries(st.sampled_from(["Authorization", "x-a"]), st.one_of(ASCII.map(str.strip), SECRETS), max_size=2),
        "add": st.dictionaries(st.just("x-b"), ASCII.map(str.strip)),
        "remove": st.lists(st.just("x-c"), max_size=1),
    },
)

BACKENDS = {
    "origin": {"url": "https://app.example.com"},
    "other": {"url": "http://other.example.com:8080"},
    "self": {"loopback": True},
}


# Options of a backend without TLS.
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "connect_timeout": st.sampled_from(["1s", "5s"]),
        "first_byte_timeout": st.just("2m"),
        "between_bytes_timeout": st.just("1h"),
        "override_host": HOSTS,
    },
)


def _has_no_handoff_to(backend: str, listed: list[Data]) -> bool:
    given = [route["handoff"] for route in listed if "handoff" in route]
    return backend not in [each["backend"] if isinstance(each, dict) else each for each in given]


FAULTS = ("dot_segments", "backslashes", "controls", "empty_segments", "encoded_slashes", "parameters")
PATHS = st.dictionaries(st.sampled_from(FAULTS), st.sampled_from(["reject", "keep"]))


@st.composite
def specs(draw: st.DrawFn) -> Data:
    """Generates a whole routes.yaml."""
    listed = draw(st.lists(routes(), min_size=1, max_size=6))
    names = draw(st.lists(st.one_of(st.none(), NAMES), min_size=len(listed), max_size=len(listed)))
    for index, name in enumerate(names):
        if name is not None and name not in names[:index]:
            listed[index] = {"name": name} | listed[index]
    paths = draw(st.one_of(st.just({}), PATHS.map(lambda given: {"paths": given})))
    backends = BACKENDS | {"other": BACKENDS["other"] | draw(OPTIONS)} if _has_no_handoff_to("other", listed) else BACKENDS
    return {"version": 1, "service": {"name": draw(NAMES)}, "backends": backends, **paths, "routes": listed}


def hosts_in(spec: Data) -> list[str]:
    """Returns the hosts that an environment of a generated routes.yaml can rename."""
    found: set[str] = set()
    for route in spec["routes"]:
        hosts = route.get("match", {}).get("host", [])
        found.update([hosts] if isinstance(hosts, str) else hosts)
    return sorted({host.lower(): host for host in found}.values())


@st.composite
def environments(draw: st.DrawFn, spec: Data) -> Data:
    """Generates what differs in one environment of a generated routes.yaml."""
    hosts = hosts_in(spec)
    renamed = draw(st.lists(st.sampled_from(hosts), unique=True)) if hosts else []
    names = [draw(TENANTS if host.startswith("{") else st.one_of(HOSTS, HOSTS.map("*.{}".format))) for host in renamed]
    optional: dict[str, st.SearchStrategy[Any]] = {
        "service": st.fixed_dictionaries({"name": NAMES.filter(lambda name: name != spec["service"]["name"])}),
        "backends": st.fixed_dictionaries(
            {},
            optional={
                "origin": st.fixed_dictionaries(
                    {}, optional={"url": st.just("https://staging.example.com"), "local": st.just("http://a:1")}
                ),
                "self": st.just({"host": "self.example.com"}),
            },
        ),
        "debug": st.just({"secret_store": "keys", "name": "debug"}),
    }
    return {"hosts": dict(zip(renamed, names, strict=True))} | draw(st.fixed_dictionaries({}, optional=optional))


STYLES = st.fixed_dictionaries(
    {
        "default_flow_style": st.sampled_from([None, True, False]),
        "allow_unicode": st.booleans(),
        "indent": st.sampled_from([2, 4]),
        "width": st.sampled_from([20, 80, 10_000]),
        "sort_keys": st.just(False),
    }
)


class Dumper(yaml.SafeDumper):
    """Writes YAML without aliases: repeated data is written in full."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def written(spec: Data, style: Data) -> bytes:
    """Writes a routes.yaml as YAML in the given style."""
    text: str = yaml.dump(spec, Dumper=Dumper, **style)
    if "\x85" in text:  # PyYAML writes it even if it is then read as the end of a line
        text = yaml.dump(spec, Dumper=Dumper, **(style | {"allow_unicode": False}))
    if style.get("width", 80) < 80 and yaml.safe_load(text) != spec:  # PyYAML may add a backslash when it folds a text
        text = yaml.dump(spec, Dumper=Dumper, **(style | {"width": 10_000}))
    return text.encode()


def together(several: list[Data]) -> Data:
    """Merges many routes.yaml into one. The n-th gets only requests to hosts that end in `.sN`."""
    listed = []
    for number, spec in enumerate(several):
        for route in spec["routes"]:
            hosts = route.get("match", {}).get("host", "*")
            within = [f"{host}.s{number}" for host in ([hosts] if isinstance(hosts, str) else hosts)]
            redirect = route.get("redirect")
            if isinstance(redirect, dict) and redirect.get("host", "").startswith("{"):  # below a host of the file
                route |= {"redirect": redirect | {"host": f"{redirect['host']}.s{number}"}}
            listed.append(
                {key: value for key, value in route.items() if key != "name"}
                | {"match": route.get("match", {}) | {"host": within}}
            )
    return several[0] | {"backends": BACKENDS, "routes": listed}


def some_together(routes_wanted: int) -> Data:
    """Merges generated routes.yaml until there are at least so many routes."""
    found: list[Data] = []

    @settings(max_examples=2 * routes_wanted, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
    @given(specs())
    def collect(spec: Data) -> None:
        found.append(spec)

    collect()
    chosen: list[Data] = []
    while sum(len(spec["routes"]) for spec in chosen) < routes_wanted:
        chosen.append(found.pop())  # the last ones: hypothesis begins with small ones
    return together(chosen)
