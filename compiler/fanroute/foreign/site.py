"""Makes the routes of a site whose host has rules for redirects, proxies and headers, such as Netlify and Vercel. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import unquote_plus, urlsplit

from fanroute.diagnostics.diagnostic import Invalid
from fanroute.foreign.draft import Data, Draft, NotImported, Part, Remark, draft_text, shown
from fanroute.foreign.literals import decoded_value
from fanroute.foreign.servers import backend_data, backend_name, server_of
from fanroute.pipeline import compile_plan
from fanroute.spec.headers import HeaderUse, reserved_reason
from fanroute.spec.inputs import Inputs
from fanroute.spec.types import TOKEN

# The most rules of a file, and the longest one in characters.
MAX_RULES, MAX_RULE = 2000, 8192
# The backend that has the site's files.
SITE = "site"
# Stands for the rest of a path in a target.
REST = "{*}"
# Keeps the requests of a rule from later ones until somebody has decided about it.
REFUSAL: Data = {"respond": {"status": 501, "body": "Not implemented\n"}}
REDIRECTS = (301, 302, 303, 307, 308)


# Takes the place of a target that is no URL. It can be no location and no backend.
_NO_URL = "https://{?}"


class BadRule(Exception):
    """Raised for a rule that gives no route."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Represents a rule: the requests that it takes, and what it does with them.

    Attributes:
        line: its line in the other file.
        source: the requests in the words of the file.
        paths: the paths that it takes.
        target: where that goes: a URL with references to what the match binds, and REST, in which everything else stands for
            itself. "" if the client only gets the status.
        written: the target in the words of the file.
        match: the other conditions.
        status: what the client gets: a redirect, or 200 if the target is asked.
        headers: request headers that the target gets.
        answer_headers: headers that the client gets.
        remarks: what else it says.
    """

    line: int
    source: str
    paths: tuple[str, ...]
    target: str
    written: str
    match: Data = field(default_factory=dict)
    status: int = 200
    headers: Data = field(default_factory=dict)
    answer_headers: Data = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()


class Site:
    """Collects the routes of a site's rules."""

    def __init__(self) -> None:
        self.draft = Draft({SITE: Part({"url": "https://site.example.com"})})
        self._backends: dict[tuple[str, int, bool], str] = {}

    def leave_out(self, line: int, reason: object) -> None:
        """Adds the remark that a rule gives no route."""
        self.draft.remarks.append(Remark(line, f"left out: {reason}"))

    def add(self, rule: Rule) -> None:
        """Adds the routes of a rule. Raises BadRule if its requests cannot be matched."""
        if not _is_url(rule.target):
            rule = replace(rule, target=_NO_URL)
        if parts := _with_rest(rule):
            for part in parts:
                self.add(part)
            return
        routes = []
        does, remarks = self._action(rule)
        remarks = [*rule.remarks, *remarks]
        headers = possible_headers(rule.answer_headers, "response", rule.line, remarks)
        if headers and does != REFUSAL:
            does["response_headers"] = {"set": headers}
        proxied = does
        for path in rule.paths:
            match = {"match": rule.match | {"path": path}}
            if isinstance(proxied.get("forward"), str) and proxied["forward"] != SITE:
                does = _rewritten(proxied, rule, path)
            if rule.written == SITE and match["match"] in [route.data["match"] for route in self.draft.routes]:
                continue
            if not is_valid(match | REFUSAL, self.draft):
                raise BadRule(f"'{shown(rule.source)}' cannot be matched. Its requests get a later line")
            if not is_valid(match | does, self.draft):
                text = f"'{shown(rule.written)}' cannot be a location: replace the 501"
                does, remarks = REFUSAL, [*rule.remarks, Remark(rule.line, text)]
            routes.append(Part(match | does, remarks))
            remarks = []
        self.draft.routes += routes

    def finish(self, last_line: int, has_headers: bool = False) -> Draft:
        """Returns the draft, after a last route for the site's own files. Raises NotImported if no rule gives a route."""
        if not self.draft.routes and not has_headers:
            left_out = (remark for remark in self.draft.remarks if remark.text.startswith("left out"))
            first = next(left_out, Remark(0, "it has no line that gives a route"))
            raise NotImported(first.text, first.line)
        self.draft.backends[SITE].remarks.append(
            Remark(last_line, "the site's own files are no part of the file: write where they are as `url`")
        )
        routes = self.draft.routes
        if not routes or routes[-1].data["match"] != {"path": "/*"}:
            routes.append(Part({"name": "files", "forward": SITE}))
        self.draft.remarks.sort(key=lambda remark: remark.line)
        return self.draft

    def _action(self, rule: Rule) -> tuple[Data, list[Remark]]:
        """Returns the action of a rule, and what it does not say."""
        target = shown(rule.written)
        if not rule.target:
            return ({"forward": SITE} if rule.written == SITE else {"respond": {"status": rule.status}}), []
        if rule.status in REDIRECTS:
            return _redirect(rule)
        if rule.status == 200 and rule.target.startswith("http"):
            return self._proxy(rule)
        if rule.status in (200, 404):
            text = f"the server of the site's files must answer this with {target} and status {rule.status}"
            is_same = rule.status == 200 and rule.target in _own_targets(rule)
            return {"forward": SITE}, [] if is_same else [Remark(rule.line, text)]
        return REFUSAL, [Remark(rule.line, f"status {rule.status} has no equal: replace the 501 for '{target}'")]

    def _proxy(self, rule: Rule) -> tuple[Data, list[Remark]]:
        """Returns the action that asks another server."""
        address = server_of(rule.target)
        name = self._backend(address) if address and all(_rewrite(rule, path) is not None for path in rule.paths) else None
        if name is None:
            text = f"name a backend for '{shown(rule.written)}', and `forward` to it in place of the 501"
            return REFUSAL, [Remark(rule.line, text)]
        remarks: list[Remark] = []
        headers = possible_headers(rule.headers, "request", rule.line, remarks)
        return {"forward": name} | ({"request_headers": {"set": headers}} if headers else {}), remarks

    def _backend(self, address: tuple[str, int, bool]) -> str | None:
        if address not in self._backends:
            name = backend_name(address[0], self.draft.backends)
            data = backend_data(*address, name)
            if data is None:
                return None
            self.draft.backends[name] = Part(data)
            self._backends[address] = name
        return self._backends[address]


def is_valid(route: Data, draft: Draft) -> bool:
    """Returns True if a route has no errors, with the backends of a draft."""
    try:
        compile_plan(draft_text(Draft(draft.backends, [Part(route)]), "", "edge").encode(), Inputs())
    except Invalid:
        return False
    return True


def possible_headers(headers: Data, use: HeaderUse, line: int, remarks: list[Remark]) -> dict[str, str]:
    """Returns the headers that a route can set. Adds a remark for each of the others."""
    kept: dict[str, str] = {}
    for name, value in headers.items():
        reason = "not a header's name" if not TOKEN.fullmatch(name) else reserved_reason(name, use)
        if not reason and not (isinstance(value, str) and value.isascii() and value.isprintable()):
            reason = "its value is not printable ASCII"
        if reason:
            remarks.append(Remark(line, f"the header {shown(name)} is left out: {reason}"))
        else:
            kept[name] = value
    return kept


def _is_url(target: str) -> bool:
    try:
        urlsplit(target)
    except ValueError:
        return False
    return True


def _redirect(rule: Rule) -> tuple[Data, list[Remark]]:
    if host := _other_host(rule):
        return {"redirect": {**host, "status": rule.status}}, []
    if "query" not in rule.match and not set("?#") & set(rule.target):
        return {"redirect": {"location": rule.target, "keep_query": True, "status": rule.status}}, []
    text = "the redirect does not keep the query of the request"
    return {"redirect": {"location": rule.target, "status": rule.status}}, [Remark(rule.line, text)]


def _other_host(rule: Rule) -> Data:
    """Returns the host and scheme of a redirect that keeps the path, {} for any other."""
    address, url = server_of(rule.target), urlsplit(rule.target)
    if not address or url.port is not None or url._replace(scheme="", netloc="").geturl() not in _own_targets(rule):
        return {}
    return {**({} if address[2] else {"scheme": "http"}), "host": address[0]}


def _with_rest(rule: Rule) -> list[Rule]:
    """Returns a rule for each path of one whose target needs the text of the rest of the path, [] for any other rule."""
    if REST not in rule.target or REST in urlsplit(rule.target).netloc or _other_host(rule):
        return []
    is_proxy = rule.status == 200 and rule.target.startswith("http") and not _ends_with_rest(rule.target)
    if not is_proxy and rule.status not in REDIRECTS:
        return []
    base = rule.paths[-1].removesuffix("/*")
    without = replace(rule, paths=(*rule.paths[:-1], f"{base}/"), target=rule.target.replace(REST, ""))
    return [without, replace(rule, paths=(f"{base}/{{rest...}}",), target=rule.target.replace(REST, "{rest}"), remarks=())]


def _ends_with_rest(target: str) -> bool:
    """Returns True if a target has the rest of the path only at the end of its own, after a slash."""
    url = urlsplit(target)
    return REST not in url.query and url.path.endswith(f"/{REST}") and url.path.count(REST) == 1


def _rewritten(does: Data, rule: Rule, path: str) -> Data:
    """Returns the action that asks another server with the path of a rule's target, for the requests of one path."""
    rewrite = _rewrite(rule, path)
    return {**does, "forward": {"backend": does["forward"], "rewrite": rewrite}} if rewrite else does


def _rewrite(rule: Rule, path: str) -> Data | None:
    """Returns how the path and query change for a rule's target, {} if they do not. Returns None if that cannot be said.

    `path` is the path of a match. If it is the one without the rest, the target gets no rest either.
    """
    url = urlsplit(rule.target)
    target, base = url.path or "/", path.removesuffix("/*")
    rewrite: Data = {}
    if REST in target:
        if not _ends_with_rest(rule.target):
            return None
        before = target.removesuffix(f"/{REST}")
        if before != base:
            rewrite = {key: text for key, text in (("strip_prefix", base), ("add_prefix", before)) if text}
    elif target != path:
        rewrite = {"path": target}
    pairs = [pair.partition("=") for pair in url.query.split("&") if pair]
    values = {unquote_plus(name): decoded_value(value) for name, _, value in pairs}
    if values:
        rewrite["query"] = {"set": values}
    is_said = len(values) == len(pairs) and None not in values.values() and not any("{" in name for name in values)
    return rewrite if is_said and not url.fragment else None


def _own_targets(rule: Rule) -> Iterator[str]:
    """Yields targets that are the request's own path."""
    for path in rule.paths:
        yield path.removesuffix("*") + REST if path.endswith("/*") else path
