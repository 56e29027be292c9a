"""Turns Pushpin's `routes` file into a draft of a routes.yaml. Pure.

Pushpin prefers the most specific line, and routes.yaml the first route. So the lines that take a request are found for each host,
`path_beg` and kind of request, and the one that Pushpin prefers becomes a route.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from fanroute.foreign.draft import Data, Draft, NotImported, Part, Remark, shown
from fanroute.foreign.joined import join_matches, join_routes
from fanroute.foreign.literals import path_text, target_text
from fanroute.foreign.pushpin import CELLS, MAX_LINE, BadLine, Cell, Rule, Section, address_of, headers_of, prefixes_of, read_rule
from fanroute.foreign.servers import backend_data, backend_name
from fanroute.spec.headers import reserved_reason
from fanroute.spec.types import TOKEN, is_host, is_name, is_route_path

# The most lines that say something. Each becomes up to eight routes.
MAX_RULES = 2000

_NO_EQUAL = {
    "sig_iss": "Fanout signs requests to backends itself, with Fastly's key",
    "sig_key": "Fanout signs requests to backends itself, with Fastly's key: have the backend check that one",
    "prefix": "a channel gets no prefix: put it into the backend's Grip-Channel",
    "orig_headers": "the edge sends no X-Original headers",
    "as_host": "it is no host: the backend gets its own as Host",
    "path_rem": "what it leaves of the path does not begin with a slash, or is not known: the path is not changed",
    "replace_beg": "with it, a path would not begin with one slash, or would have a '?' or '..': the path is not changed",
    "debug": "answers have no debug information; `debug` of routes.yaml tells who shows a secret",
    "aco": "no CORS headers are added: have the backend send them",
    "jsonp_mode": "JSONP is not supported",
    "jsonp_cb": "JSONP is not supported",
    "jsonp_body": "JSONP is not supported",
    "jsonp_defcb": "JSONP is not supported",
    "jsonp_defmethod": "JSONP is not supported",
    "session": "sessions are not detected",
    "sockjs": "SockJS is not supported",
    "sockjs_as_path": "SockJS is not supported",
    "log_level": "a route has no log level",
}
_CONDITION = {*_NO_EQUAL, "proto", "ssl", "id", "path_beg", "header", "no_grip"}
_NO_EQUAL_OF_TARGET = {
    "untrusted": "it has no meaning at Fastly",
    "trust_connect_host": "the certificate must be for the backend's host",
    "insecure": "the backend's certificate is checked",
    "sub": "a channel without a request is not supported: have the backend name it in Grip-Channel",
    "one_event": "Fanout decides how many events of a WebSocket a request has",
    "ipc_file_mode": "it has no meaning at Fastly",
    "client_cert": "set the client's certificate at the backend in Fastly's settings",
    "client_key": "set the client's certificate at the backend in Fastly's settings",
}
_TARGET = {*_NO_EQUAL_OF_TARGET, "ssl", "host", "over_http"}


def import_routes(text: str) -> Draft:
    """Returns the draft for a `routes` file. Raises NotImported if no line gives a route."""
    return join_routes(_Import(text).draft)


class _Import:
    """Makes the draft: reads the lines, then writes the routes of each host."""

    def __init__(self, text: str) -> None:
        self.draft = Draft()
        self._backends: dict[tuple[str, int, bool, str], str] = {}
        self._names: set[str] = set()
        self._uses: Counter[str] = Counter()
        self._said: set[int] = set()
        rules = list(self._distinct(self._rules(text)))
        hosts = list(dict.fromkeys(rule.domain for rule in rules if rule.domain not in ("", "*")))
        for rule in rules:
            if not rule.domain:
                self._add_backend_of(rule)
        for host in [*hosts, *(["*"] if any(rule.domain == "*" for rule in rules) else [])]:
            self._add_host(host, [rule for rule in rules if rule.domain == host], any(rule.domain == "*" for rule in rules))
        if not self.draft.routes:
            first = next(iter(self.draft.all_remarks()), Remark(0, "it has no line that gives a route"))
            raise NotImported(first.text, first.line)
        for rule in rules:
            if rule.domain and rule.line not in self._said:
                self._drop(rule.line, "no request gets this line, because other lines are more specific")
        self.draft.remarks.sort(key=lambda remark: remark.line)

    def _drop(self, line: int, reason: str) -> None:
        self.draft.remarks.append(Remark(line, reason))

    def _rules(self, text: str) -> Iterator[Rule]:
        """Yields the rules that can be written. Remarks on the other lines."""
        numbered = enumerate(text.split("\n"), 1)
        lines = [(line, content) for line, content in numbered if content.lstrip(" ")[:1] not in ("", "#", "\r")]
        if len(lines) > MAX_RULES:
            raise NotImported(f"the file has more than {MAX_RULES} rules", lines[MAX_RULES][0])
        for line, content in lines:
            try:
                rule = read_rule(content.removesuffix("\r"), line)
                if rule is None:
                    continue
                list(headers_of(rule.condition))
                if rule.domain not in ("", "*") and (not is_host(rule.domain) or rule.domain.startswith("*.")):
                    raise BadLine(f"no request has the host '{shown(rule.domain)}'")
                if rule.path and not is_route_path(_segments(rule.path)):
                    raise BadLine(f"no path in routes.yaml begins with '{shown(rule.path)}'")
            except BadLine as error:
                self._drop(line, f"left out: {error}")
            else:
                yield rule

    def _distinct(self, rules: Iterable[Rule]) -> Iterator[Rule]:
        """Yields the rules except those with the condition of an earlier one, which Pushpin skips."""
        first: dict[object, int] = {}
        for rule in rules:
            key = (rule.domain, rule.websocket, rule.scheme, rule.path) if rule.domain else rule.line
            if first.setdefault(key, rule.line) == rule.line:
                yield rule
            else:
                self._drop(rule.line, f"left out: line {first[key]} has the same condition, so Pushpin skips this one")

    def _add_backend_of(self, rule: Rule) -> None:
        """Adds the backend of a line that only its id leads to, as the Fastly CLI writes them."""
        remarks = list(_remarks(rule))
        name = self._backend(rule, remarks)
        if name is None:
            self.draft.remarks += remarks
            return
        remarks.append(Remark(rule.line, f"only the id '{shown(rule.condition.get('id') or '')}' leads here: name it in a route"))
        self.draft.backends[name].remarks += remarks

    def _add_host(self, host: str, rules: list[Rule], has_others: bool) -> None:
        """Adds the routes of a host, or with "*" those of any other host."""
        by_path: dict[str, list[Rule]] = {}
        for rule in rules:
            by_path.setdefault("" if rule.path == "/" else rule.path, []).append(rule)
        base = {} if host == "*" else {"host": host}
        winners: dict[str, dict[Cell, Rule | None]] = {}
        for path in sorted(dict.fromkeys(["", *by_path]), key=len):
            chain = sorted((rule for prefix in prefixes_of(path) for rule in by_path.get(prefix, [])), key=lambda one: one.line)
            winners[path] = {cell: _preferred(rule for rule in chain if rule.takes(cell)) for cell in CELLS}
        for path in sorted(winners, key=len, reverse=True):
            shorter = [winners[prefix] for prefix in prefixes_of(path)[:-1] if prefix in winners]
            inherited = shorter[-1] if shorter and path else dict.fromkeys(CELLS)
            groups: dict[tuple[int, str], tuple[Rule, str, set[Cell]]] = {}
            for cell, winner in winners[path].items():
                if winner is not None and winner != inherited[cell]:
                    action = ("tunnel" if cell[0] else "forward") if winner.condition.has("no_grip") else "handoff"
                    groups.setdefault((winner.line, action), (winner, action, set()))[2].add(cell)
            for rule, action, cells in groups.values():
                self._add_routes(rule, action, join_matches({**base, **where} for where in _spread(path, cells)))
        if host != "*" and has_others and None in winners[""].values():
            line = rules[0].line
            remark = Remark(line, f"with a line for {host}, Pushpin does not use the lines for '*' for it")
            answer = {"match": {"host": host}, "respond": {"status": 404, "body": "Not found\n"}}
            self.draft.routes.append(Part(answer, [remark]))

    def _add_routes(self, rule: Rule, action: str, matches: list[Data]) -> None:
        remarks = list(_remarks(rule))
        backend = self._backend(rule, remarks)
        if backend and action == "handoff" and rule.websocket is not False and not rule.targets[0].has("over_http"):
            text = "no over_http: Fanout always sends a WebSocket's events over HTTP. For a server with WebSockets, use `tunnel`"
            remarks.append(Remark(rule.line, text))
        rewrite = _rewrite(rule)
        passed_on: Data = {action: {"backend": backend, "rewrite": rewrite} if rewrite else backend}
        does: Data = passed_on if backend else {"respond": {"status": 501, "body": "Not implemented\n"}}
        headers = _request_headers(rule, remarks) if backend else {}
        if rule.line in self._said:
            remarks = []
        self._said.add(rule.line)
        for match in matches:
            name = self._route_name(rule)
            whole: Data = {"name": name} if name else {}
            whole |= {"match": match} if match else {}
            whole |= does | ({"request_headers": headers} if headers else {})
            self.draft.routes.append(Part(whole, remarks))
            remarks = []

    def _route_name(self, rule: Rule) -> str:
        """Returns a name made from the line's id that no other route has, "" if the id gives none."""
        name = rule.condition.get("id") or ""
        return self._unused(name) if is_name(name) else ""

    def _unused(self, name: str) -> str:
        one = name
        while one in self._names:
            self._uses[name] += 1
            one = f"{name[:55]}-{self._uses[name] + 1}"
        self._names.add(one)
        return one

    def _backend(self, rule: Rule, remarks: list[Remark]) -> str | None:
        """Returns the name of the backend for a line's first target, which it adds. Returns None if no backend can be that."""
        target = rule.targets[0]
        address = address_of(target.value)
        if address is None:
            reason = "Pushpin's own test server" if target.value == "test" else "not HOST:PORT"
            text = f"the target '{shown(target.value)}' is {reason}: name a backend in place of the 501"
            remarks.append(Remark(rule.line, text))
            return None
        tls = target.has("ssl")
        key = (*address, tls, _override_host(rule))
        if key not in self._backends:
            host, port = address
            name = backend_name(host, self.draft.backends)
            data = backend_data(host, port, tls, name)
            if data is None:
                text = f"the target's host '{shown(host)}' is no host: name a backend in place of the 501"
                remarks.append(Remark(rule.line, text))
                return None
            if key[-1]:
                data["override_host"] = key[-1]
            self._backends[key] = name
            text = f"Fastly cannot reach {shown(target.value)}, so it is `local`: write your server's public address as `url`"
            self.draft.backends[name] = Part(data, [Remark(rule.line, text)] if "local" in data else [])
        return self._backends[key]


def _preferred(rules: Iterable[Rule]) -> Rule | None:
    """Returns the rule that Pushpin chooses, None without any."""
    best: Rule | None = None
    for rule in rules:
        if best is None or rule.beats(best):
            best = rule
    return best


def _segments(path: str) -> str:
    """Returns a `path_beg` as a path of routes.yaml in which every character stands for itself."""
    return path_text(path)


def _spread(path: str, cells: set[Cell]) -> Iterator[Data]:
    """Yields the matches for requests of these kinds whose path begins with `path`."""
    written = _segments(path)
    paths = [f"{written}*"] if path.endswith("/") else [written, f"{written}/*"]
    for kind in _kinds(cells):
        yield from ({"path": one, **kind} for one in paths) if path else [kind]


def _kinds(cells: set[Cell]) -> Iterator[Data]:
    """Yields conditions on `websocket` and `scheme` that together take exactly these kinds of requests, each once."""
    left = set(cells)
    anything: list[tuple[bool | None, str | None]] = [(None, None), (False, None), (True, None), (None, "https"), (None, "http")]
    for websocket, scheme in [*anything, *CELLS]:
        taken = {cell for cell in CELLS if websocket in (None, cell[0]) and scheme in (None, cell[1])}
        if taken <= left:
            left -= taken
            kind = {"scheme": scheme, "websocket": websocket}
            yield {key: value for key, value in kind.items() if value is not None}


def _remarks(rule: Rule) -> Iterator[Remark]:
    """Yields what a line says and routes.yaml cannot say."""
    if rule.path and not rule.path.endswith("/"):
        path = shown(rule.path)
        yield Remark(rule.line, f"path_beg={path} also takes paths such as {path}x; the routes take {path} and {path}/…")
    for name, value in dict(rule.condition.properties).items():
        word = shown(f"{name}={value}" if value and name != "sig_key" else name)
        if name in ("path_rem", "replace_beg") and rule.domain and _rewrite(rule) is not None:
            continue
        if name in _NO_EQUAL and not (name == "as_host" and _is_host_header(value)):
            yield Remark(rule.line, f"{word}: {_NO_EQUAL[name]}")
        elif name not in _CONDITION:
            yield Remark(rule.line, f"{word}: unknown to Pushpin")
        elif name == "id" and rule.domain and not is_name(value):
            yield Remark(rule.line, f"{word}: not a name in routes.yaml")
    for target in rule.targets[1:]:
        yield Remark(rule.line, f"a route has one backend: {shown(target.value)} is not used if the first target fails")
    yield from _target_remarks(rule.line, rule.targets[0])


def _override_host(rule: Rule) -> str:
    """Returns the Host that the first target gets, "" if it is the target's own. The target's `host` wins over `as_host`."""
    target = rule.targets[0]
    own, host = (address_of(target.value) or ("",))[0], target.get("host") or rule.condition.get("as_host") or ""
    return host if host != own and _is_host_header(host) else ""


def _is_host_header(value: str) -> bool:
    return is_host(value) and not value.startswith("*.")


def _rewrite(rule: Rule) -> Data | None:
    """Returns how a line changes the path, {} if it does not. Returns None if routes.yaml cannot say it.

    Pushpin removes as many bytes as `path_rem` says. With `replace_beg`, it removes the `path_beg`, and puts that in its place.
    """
    prepended, removed = rule.condition.get("replace_beg"), rule.condition.get("path_rem") or "0"
    if prepended is None and not (removed.isdecimal() and len(removed) <= len(str(MAX_LINE))):
        return None
    path = rule.path.encode()
    stripped = path if prepended is not None else path[: int(removed)]
    if prepended is None and len(stripped) < int(removed):
        return None
    added = prepended or ""
    if stripped.endswith(b"/"):
        if not added.endswith("/"):
            return None
        stripped, added = stripped[:-1], added[:-1]
    at_boundary = path[len(stripped) : len(stripped) + 1] in (b"", b"/")
    if not at_boundary or not _is_prefix(added):
        return None
    keys = {"strip_prefix": path_text(stripped.decode()), "add_prefix": target_text(added)}
    return {key: text for key, text in keys.items() if text}


def _is_prefix(text: str) -> bool:
    """Returns True if a text can be put before a path."""
    segments = text.split("/")
    is_path = text == "" or (segments[0] == "" and segments[1] != "" and segments[-1] != "")
    return is_path and not set("?#\\") & set(text) and not any(unquote(one) in (".", "..") for one in segments)


def _target_remarks(line: int, target: Section) -> Iterator[Remark]:
    for name, value in dict(target.properties).items():
        word = shown(f"{name}={value}" if value else name)
        if name in _NO_EQUAL_OF_TARGET:
            yield Remark(line, f"{word}: {_NO_EQUAL_OF_TARGET[name]}")
        elif name not in _TARGET:
            yield Remark(line, f"{word}: unknown to Pushpin")
        elif name == "host" and not _is_host_header(value):
            yield Remark(line, f"{word}: it is no host: the backend gets its own as Host")


def _request_headers(rule: Rule, remarks: list[Remark]) -> Data:
    """Returns the changes to request headers. Adds a remark for each header that routes.yaml cannot change."""
    changed: dict[str, str] = {}
    removed: list[str] = []
    for name, value in headers_of(rule.condition):
        reason = "not a header's name" if not TOKEN.fullmatch(name) else reserved_reason(name, "request")
        if not reason and not (value.isascii() and value.isprintable()):
            reason = "its value is not printable ASCII"
        if reason:
            remarks.append(Remark(rule.line, f"header={shown(name)} is left out: {reason}"))
        elif value:
            changed[name] = value
        else:
            removed.append(name)
    return ({"set": changed} if changed else {}) | ({"remove": removed} if removed else {})
