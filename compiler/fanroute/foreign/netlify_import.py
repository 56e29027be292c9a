"""Turns Netlify's `_redirects` file into a draft of a routes.yaml. Pure.

Source: https://docs.netlify.com/manage/routing/redirects/overview/
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from fanroute.diagnostics.diagnostic import Invalid
from fanroute.foreign.draft import Data, Draft, NotImported, Part, Remark, draft_text, shown
from fanroute.pipeline import compile_plan
from fanroute.spec.inputs import Inputs

# The most lines that say something, and the longest one in characters.
MAX_LINES, MAX_LINE = 2000, 8192
# The backend that has the site's files.
SITE = "site"

_STATUS = re.compile(r"(\d{3})!?")
# A placeholder of a path or a query: it follows a slash or an equals sign.
_PLACEHOLDER = re.compile(r"(?<=[/=]):([A-Za-z_][\w-]*)")
_REDIRECTS = (301, 302, 303, 307, 308)
# The characters of a URL that stay as they are, and the braces of references.
_URL = "/:?#[]@!$&'()*+,;=-._~%{}"
# Keeps the requests of a line from later ones until somebody has decided about it.
_REFUSAL: Data = {"respond": {"status": 501, "body": "Not implemented\n"}}


class _BadLine(Exception):
    """Raised for a line that gives no route."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """Represents a line: what it takes, where that goes, and the status."""

    line: int
    source: str
    query: tuple[tuple[str, str], ...]
    target: str
    status: int


def import_redirects(text: str) -> Draft:
    """Returns the draft for a `_redirects` file. Raises NotImported if no line gives a route."""
    draft = Draft({SITE: Part({"url": "https://site.example.com"})})
    numbered = ((line, content.split()) for line, content in enumerate(text.split("\n"), 1))
    lines = [(line, words) for line, words in numbered if words and not words[0].startswith("#")]
    if len(lines) > MAX_LINES:
        raise NotImported(f"the file has more than {MAX_LINES} rules", lines[MAX_LINES][0])
    for line, words in lines:
        try:
            draft.routes += list(_routes(_rule(line, words)))
        except _BadLine as error:
            draft.remarks.append(Remark(line, f"left out: {error}"))
    if not draft.routes:
        first = next(iter(draft.remarks), Remark(0, "it has no line that gives a route"))
        raise NotImported(first.text, first.line)
    last = lines[-1][0]
    draft.backends[SITE].remarks.append(
        Remark(last, "the site's own files are no part of the file: write where they are as `url`")
    )
    if draft.routes[-1].data["match"] != {"path": "/*"}:
        draft.routes.append(Part({"name": "files", "forward": SITE}))
    unforced = [line for line, words in lines if not any(re.fullmatch(r"\d{3}!", word) for word in words)]
    if unforced:
        text = "without '!' after the status, Netlify prefers a file of that path to the line; a route never does"
        draft.remarks.append(Remark(unforced[0], text))
    return draft


def _rule(line: int, words: list[str]) -> _Rule:
    """Reads a line: a path or URL, `name=value` for queries, where it goes, perhaps a status, and conditions."""
    if sum(map(len, words)) > MAX_LINE:
        raise _BadLine(f"the line has more than {MAX_LINE} characters")
    comment = next((index for index, word in enumerate(words) if word.startswith("#")), len(words))
    source, *rest = words[:comment]
    at = next((index for index, word in enumerate(rest) if word.startswith(("/", "http://", "https://"))), None)
    if at is None:
        raise _BadLine("it does not say where the requests go")
    pairs = [word.partition("=") for word in rest[:at]]
    if not all(name and equals for name, equals, _ in pairs):
        raise _BadLine(f"'{shown(' '.join(rest[:at]))}' is no condition on a query")
    status, conditions = _STATUS.fullmatch(rest[at + 1]) if len(rest) > at + 1 else None, rest[at + 1 :]
    if status:
        conditions = conditions[1:]
    if conditions:
        raise _BadLine(f"'{shown(' '.join(conditions))}' cannot be matched. Its requests get a later line")
    number = int(status[1]) if status else 301
    return _Rule(line, source, tuple((name, value) for name, _, value in pairs), rest[at], number)


def _routes(rule: _Rule) -> Iterator[Part]:
    """Yields the routes of a line. Netlify ignores a slash at the end of a path, and `/a/*` also takes `/a`."""
    try:
        source = urlsplit(rule.source)
    except ValueError:
        raise _BadLine(f"'{shown(rule.source)}' is not a URL") from None
    bound = {name: f"{{{_parameter(name)}}}" for name in _PLACEHOLDER.findall(source.path)}
    bound |= {value[1:]: f"{{query.{name}}}" for name, value in rule.query if value.startswith(":")}
    match: Data = {"host": source.hostname, "scheme": source.scheme} if source.netloc else {}
    if rule.query:
        match["query"] = {name: {"present": True} if value.startswith(":") else value for name, value in rule.query}
    does, remarks = _action(rule, bound)
    for path in _paths(_written(source.path or "/")):
        whole = {"match": match | {"path": path}}
        if not _is_valid(whole | _REFUSAL):
            raise _BadLine(f"'{shown(rule.source)}' cannot be matched. Its requests get a later line")
        if not _is_valid(whole | does):
            does, remarks = _REFUSAL, [Remark(rule.line, f"'{shown(rule.target)}' cannot be a location: replace the 501")]
        yield Part(whole | does, remarks)
        remarks = []


def _action(rule: _Rule, bound: Mapping[str, str]) -> tuple[Data, list[Remark]]:
    """Returns the action of a line, and what it does not say. `bound` maps placeholders to references."""
    unknown = [name for name in _PLACEHOLDER.findall(rule.target) if name not in bound]
    is_redirect = rule.status in _REDIRECTS
    if is_redirect and "splat" in unknown:
        return _REFUSAL, [
            Remark(rule.line, f"a location cannot have the rest of a path: replace the 501 for '{shown(rule.target)}'")
        ]
    if is_redirect:
        location = quote(_PLACEHOLDER.sub(lambda found: bound.get(found[1], found[0]), rule.target), safe=_URL)
        text = "the redirect does not keep the query of the request"
        return {"redirect": {"location": location, "status": rule.status}}, [Remark(rule.line, text)]
    if rule.status == 200 and rule.target.startswith("http"):
        return _REFUSAL, [
            Remark(rule.line, f"name a backend for '{shown(rule.target)}', and `forward` to it in place of the 501")
        ]
    if rule.status in (200, 404):
        text = f"the server of the site's files must answer this with {shown(rule.target)} and status {rule.status}"
        return {"forward": SITE}, [Remark(rule.line, text)]
    return _REFUSAL, [Remark(rule.line, f"status {rule.status} has no equal: replace the 501 for '{shown(rule.target)}'")]


def _written(path: str) -> str:
    """Returns a path with its placeholders as parameters, and everything else as text."""
    parts = _PLACEHOLDER.split(path)
    return "".join(f"{{{_parameter(part)}}}" if index % 2 else quote(part, safe="/-._~%@+,*") for index, part in enumerate(parts))


def _parameter(name: str) -> str:
    return name.lower().replace("-", "_")


def _paths(path: str) -> list[str]:
    """Returns the paths of a match: with and without a slash at the end, and with the rest if there is one."""
    base = path.removesuffix("/*").rstrip("/")
    if path.endswith("/*"):
        return [base, f"{base}/*"] if base else ["/*"]
    return [base, f"{base}/"] if base else ["/"]


def _is_valid(route: Data) -> bool:
    """Returns True if a route has no errors."""
    draft = Draft({SITE: Part({"url": "https://site.example.com"})}, [Part(route)])
    try:
        compile_plan(draft_text(draft, "", "edge").encode(), Inputs())
    except Invalid:
        return False
    return True
