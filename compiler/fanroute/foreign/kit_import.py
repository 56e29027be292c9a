"""Turns the source of Fastly's starter kits for Fanout, in Go, JavaScript and Rust, into a draft of a routes.yaml. Pure.

It reads which paths and hosts the code looks for, and what it does with them. Statements that it does not understand are named.

Source: https://github.com/fastly/compute-starter-kit-rust-fanout, -javascript-fanout, -go-fanout, and the same with -forward
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus

from fanroute.foreign.code import Statement, statements_of
from fanroute.foreign.draft import Data, Draft, NotImported, Part, Remark, shown
from fanroute.foreign.joined import join_matches, join_routes
from fanroute.foreign.kit_channels import read_channel
from fanroute.foreign.kit_conditions import WEBSOCKET_EVENTS, Condition, bare, equal_to, read_condition, subject_of
from fanroute.foreign.kit_matches import all_of, written
from fanroute.foreign.kit_words import LITERAL, Scope, after_brackets, resolved, split, text_of, unquoted
from fanroute.foreign.site import REFUSAL, is_valid
from fanroute.spec.types import is_name

# The most statements that are followed, with those of functions at each of their calls.
MAX_STEPS = 5000

_FUNCTION = re.compile(
    r"(?:pub |export |default |async )*(?:fn|function|func)\*? (?:\([^)]*\) )?(?P<name>\w+)(?:<[^>]*>)?\s*\((?P<params>.*?)\)"
    r"|(?:export )?(?:const|let) (?P<arrow>\w+)(?:: [^=]+)? = (?:async )?\(?(?P<values>[^=]*?)\)?(?:: [^=]+)? =>"
)
_BINDING = re.compile(
    r"(?:pub |export )?(?:let|const|var|static)\s+(?:mut )?(?P<name>\w+)(?:\s*:[^=]+|\s+\w+)?\s*=\s*(?P<value>[^=].*)"
    r"|(?P<short>\w+)(?:, \w+)* :=\s*(?P<made>.*)"
)
_BACKEND = rf"(?P<backend>{LITERAL}|\w+)"
# The calls that send a request on, by action.
_SENDS = {
    "handoff": re.compile(rf"(?:handoff_fanout\(|createFanoutHandoff\(\w+, ?|handoff\.Fanout\(){_BACKEND}"),
    "tunnel": re.compile(rf"(?:handoff_websocket\(|createWebsocketHandoff\(\w+, ?|handoff\.Websocket\(){_BACKEND}", re.I),
    "forward": re.compile(rf"(?:\.send\(|\bfetch\(\w+, ?\{{ ?backend: ?|\.Send\(\w+, ?){_BACKEND}"),
}
_INERT = re.compile(
    r"(?:println!|eprintln!|console\.|fmt\.Print|log\.|log::|use |import\b|package |mod |defer |from ['\"])"
    r"|(?:const|let|var) [{\[]|return$|(?:return )?Ok\(\(\)\)$|break$|#\[|['\"]use strict|type |w\.Close\(\)"
    r"|\w+ = (?:true|false)$"
)
_CATCHES = re.compile(r"(?:catch|finally)\b")
_CAUGHT = "what the code answers after an error is not imported"
_SET_HEADER = re.compile(rf"(?:set_header|headers\.set|Header(?:\(\))?\.(?:Set|Add))\((?P<name>{LITERAL}), ?(?P<value>.*)\)")
_OF_PLATFORM = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")
_GO_WRITE = re.compile(r"w\.(?:WriteHeader|Write|Header)\(|fmt\.Fprint\w*\(w|io\.WriteString\(w")
_CALL = re.compile(
    r"(?:return )?(?P<ok>Ok\()?(?:await )?(?:\w+::|\w+\.)?(?P<name>\w+)\((?P<arguments>.*?)\)"
    r"(?:\??\.send_to_client\(\))?\??(?(ok)\))$"
)
_RESPONSE = re.compile(r"Response::from_|new Response\(|WriteHeader\(")
_STATUS = re.compile(
    r"(?:StatusCode::|http\.Status|fsthttp\.Status)(?P<name>\w+)|(?:from_status\(|status: ?|WriteHeader\()(?P<number>\d{3})"
)
_WRITES = r"Fprintf?\(w, ?|WriteString\(w, ?"
_BODY = re.compile(rf"(?:with_body(?:_text_plain)?\(|new Response\(|{_WRITES}|\[\]byte\()\s*(?P<body>{LITERAL})")
_OTHER_BODY = re.compile(rf"with_body\w*\(|new Response\((?!null\b|undefined\b|['\"]{{2}}|\))|{_WRITES}|w\.Write\(")
_HEADER_VALUE = re.compile(rf"(?P<name>{LITERAL})\s*[:,]\s*(?P<value>{LITERAL}|[\w.&]+(?:\(\))?)")
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+")
# What a handler of WebSocket events in the kits has.
_OF_WEBSOCKET = re.compile(r"websocket|OPEN|Response|body|err\b|subscribe|resp\b|Bytes|return$|else$|WriteHeader|Header", re.I)
_SUBSCRIBES = re.compile(r"\b\w*sub\w*\((?P<channel>[^()]+)\)|subscribe\\?['\"],? ?(?:channel: ?)?(?P<member>\w+)", re.I)
_ECHOES = re.compile(r"\w+ = \w*body\w*\.clone\(\)|copy\(\w+, \w+\)|= \[ ?\w*body", re.I)
_ARM = re.compile(rf"(?:case )?(?P<paths>{LITERAL}(?:(?: ?\| ?|, ?|: case ){LITERAL})*) ?(?:=>|:)\s*(?P<rest>.*)")
# An arm for values that are not all literals.
_OTHER_ARM = {
    "switch": re.compile(r"case (?P<values>.+?):\s*(?P<rest>.*)"),
    "match": re.compile(r"(?P<values>[^=]+?) ?=>\s*(?P<rest>.*)"),
}
_OTHERWISE = re.compile(r"(?:default ?:|_ =>)\s*(?P<rest>.*)")


@dataclass(slots=True)
class _Where:
    """Represents the requests that reach a statement.

    Attributes:
        matches: which they are.
        names: what the names in the code stand for.
        from_fanout: True if they come from Fanout, False if they come from clients, None if the code does not ask.
        asked: the matches where the code asked who sends them.
        calls: the functions that are being followed.
    """

    matches: list[Data] = field(default_factory=lambda: [{}])
    names: Scope = field(default_factory=dict)
    from_fanout: bool | None = None
    asked: list[Data] = field(default_factory=list)
    calls: tuple[str, ...] = ()


def import_kit(text: str) -> Draft:
    """Returns the draft for the main file of a kit. Raises NotImported if it has no route."""
    return join_routes(_Import(text).draft)


class _Import:
    """Follows the code of a kit from its entry, and makes a route of each answer that it finds."""

    def __init__(self, text: str) -> None:
        self.draft = Draft()
        self._functions: dict[str, tuple[list[str], list[Statement]]] = {}
        self._values: Scope = {}
        self._flags: dict[str, list[Data]] = {}
        self._loopbacks: set[str] = set()
        self._holds = False
        self._steps = 0
        # How many answers are not understood, so that no route has their requests.
        self._lost = 0
        statements = statements_of(text)
        self._learn(statements)
        self._follow(list(self._entry(statements)), _Where(names=self._values))
        if not self.draft.routes:
            raise NotImported("no route of a starter kit for Fanout is found in it")
        self._add_backends()
        self.draft.remarks.sort(key=lambda remark: remark.line)

    def _learn(self, statements: list[Statement]) -> None:
        """Finds all functions and constants."""
        for statement in statements:
            found = _FUNCTION.match(statement.text)
            if found and statement.block is not None:
                params = split(found["params"] or found["values"] or "", ",")
                names = [(re.search(r"\w+", param.replace("mut ", "").replace("&", "")) or [""])[0] for param in params]
                self._functions[found["name"] or found["arrow"]] = names, statement.block
            elif bound := _BINDING.match(statement.text):
                name, value = bound["name"] or bound["short"], bound["value"] or bound["made"]
                self._values[name] = value if self._values.get(name, value) == value else ""
            self._learn(statement.block or [])

    def _entry(self, statements: list[Statement]) -> Iterator[Statement]:
        """Yields the statements that handle a request."""
        for statement in statements:
            if handler := re.search(r"respondWith\((\w+)\(|ServeFunc\((\w+)\)$", statement.text):
                yield from self._functions.get(handler[1] or handler[2], ([], []))[1]
            elif re.search(r"ServeFunc\(func|addEventListener\(.fetch.", statement.text) and statement.block is not None:
                yield from statement.block
            elif re.match(r"(?:async )?fn main\(|func main\(", statement.text) and statement.block is not None:
                served = list(self._entry(statement.block))
                yield from served or ([] if statement.text.startswith("func") else statement.block)

    def _not_understood(self, statement: Statement, so: str = "") -> None:
        remark = Remark(statement.line, f"not understood{so}: {shown(statement.text)}")
        if remark not in self.draft.remarks:
            self.draft.remarks.append(remark)

    def _follow(self, block: list[Statement], where: _Where) -> bool:
        """Follows statements. Returns True if no request gets past them."""
        rest = list(block)
        while rest:
            self._steps += 1
            if self._steps > MAX_STEPS:
                raise NotImported("its functions call one another too often", rest[0].line)
            statement = rest.pop(0)
            if inner := _inner(statement):
                rest[:0] = inner
                continue
            if re.match(r"(?:if|else if)\b", statement.text):
                is_end = self._branch(_branches(statement, rest), rest, where)
            elif re.match(r"(?:match|switch)\b", statement.text) and statement.block is not None:
                is_end = self._choose(statement, where)
            else:
                is_end = self._step(_with_writes(statement, rest) if not _is_inert(statement.text) else statement, where)
            if is_end:
                self._name_rest(rest)
                return True
        return False

    def _name_rest(self, after: list[Statement]) -> None:
        """Names what the code does after an answer: it sets headers of a backend's one, or catches errors."""
        for one in after:
            if header := _SET_HEADER.search(one.text):
                text = f"the header {shown(unquoted(header['name']))} of the answer is not imported"
                self.draft.remarks.append(Remark(one.line, text))
            elif _CATCHES.match(one.text):
                self.draft.remarks.append(Remark(one.line, _CAUGHT))

    def _step(self, statement: Statement, where: _Where) -> bool:
        """Follows a statement that decides nothing itself. Returns True if it answers the request."""
        text = statement.text
        if sum(len(pattern.findall(text)) for pattern in _SENDS.values()) > 1:
            self._not_understood(statement)
            self._lost += 1
            return True
        if _CATCHES.match(text):
            self.draft.remarks.append(Remark(statement.line, _CAUGHT))
            return False
        for action, pattern in _SENDS.items():
            if found := pattern.search(text):
                self._send(statement, action, text_of(found["backend"], where.names), where)
                return True
        if "Grip-Hold" in text or _RESPONSE.search(text) or (_GO_WRITE.search(text) and not _is_inert(text)):
            self._answer(statement, where)
            return True
        call = _CALL.match(text)
        arguments = split(call["arguments"], ",") if call else []
        is_hold = bool({"stream", "response"} & {unquoted(one) for one in arguments})
        if call and call["name"] in self._functions and not (is_hold and self._holds_by(call["name"])):
            return self._call(statement, call["name"], arguments, where)
        if call and is_hold:
            self._hold(statement, arguments, where)
            return True
        if "set_pass(true)" in text:
            self.draft.remarks.append(Remark(statement.line, "set_pass: to keep answers out of the cache, write `cache: pass`"))
        elif not _is_inert(text) and not (statement.block is not None and _FUNCTION.match(text)):
            self._not_understood(statement)
            self._lost += text.startswith("return")
        return text.startswith(("return", "Ok(()")) or text == "break"

    def _holds_by(self, name: str) -> bool:
        """Returns True if a function of the file answers with the header that holds a connection."""
        return "grip-hold" in _flat(self._functions[name][1]).lower()

    def _call(self, statement: Statement, name: str, arguments: list[str], where: _Where) -> bool:
        """Follows a call of a function of the file."""
        if name in where.calls:
            self._not_understood(statement)
            return True
        names, body = self._functions[name]
        values = (resolved(one, where.names) for one in arguments)
        inner = replace(where, names={**where.names, **dict(zip(names, values, strict=False))}, calls=(*where.calls, name))
        if WEBSOCKET_EVENTS in _flat(body):
            self._websocket(statement, body, inner)
            return True
        return self._follow(body, inner)

    def _branch(self, branches: list[Statement], rest: list[Statement], where: _Where) -> bool:
        """Follows an `if` with its `else`. `rest` comes after it. Returns True if no request gets past it."""
        ends = True
        for index, branch in enumerate(branches):
            text = _condition_of(branch)
            if not text:
                return self._follow(branch.block or [], where) and ends
            condition = read_condition(text, where.names, self._flags)
            if condition.kind == "events" and not condition.positive:
                if "grip-hold" not in _flat(branch.block or []).lower():  # a refusal of what Fanout never sends
                    continue
                self._follow(branch.block or [], replace(where, matches=all_of(where.matches, ({"websocket": False},))))
                inside = replace(where, matches=all_of(where.matches, ({"websocket": True},)))
                self._websocket(branch, [*_as_statements(branches[index + 1 :]), *rest], inside)
                return True
            if not condition.without:
                ends = self._when(condition, branch, where) and ends
            elif self._unless(condition, branch, [*_as_statements(branches[index + 1 :]), *rest], where):
                return True
            else:
                ends = ends and condition.matches != ({},)
        return False

    def _unless(self, condition: Condition, branch: Statement, later: list[Statement], where: _Where) -> bool:
        """Follows the block of a condition that some requests do not meet. They get what comes `later`, in routes before its own.

        Returns True if no request gets past all of it.
        """
        block = branch.block or []
        inside = replace(where, matches=all_of(where.matches, condition.matches))
        state = self._state()
        if not self._follow(block, replace(inside)):
            if self._state() != state:
                self._restore(state)
                self._not_understood(branch)
            return False
        self._restore(state)
        others, lost = all_of(inside.matches, condition.without), self._lost
        if others and (not self._follow(later, replace(where, matches=others)) or self._lost > lost):
            self._restore(state)
            self._unknown(branch, where)
            return False
        self._follow(block, inside)
        return condition.matches == ({},)

    def _state(self) -> tuple[int, int, bool]:
        return len(self.draft.routes), len(self.draft.remarks), self._holds

    def _restore(self, state: tuple[int, int, bool]) -> None:
        """Forgets what was found since a state."""
        routes, remarks, self._holds = state
        del self.draft.routes[routes:], self.draft.remarks[remarks:]

    def _when(self, condition: Condition, branch: Statement, where: _Where) -> bool:
        """Follows the block of a condition. Returns True if it answers all requests that the condition takes."""
        block = branch.block or []
        if condition.kind == "unknown":
            self._unknown(branch, where)
        elif condition.kind == "fanout":
            where.asked = list(where.matches)
            self._follow(block, replace(where, from_fanout=condition.positive))
            where.from_fanout = not condition.positive
        elif condition.kind == "events":
            self._websocket(branch, block, replace(where, matches=all_of(where.matches, ({"websocket": True},))))
            where.matches = all_of(where.matches, ({"websocket": False},))
        elif condition.kind == "match":
            matches = all_of(where.matches, condition.matches)
            flag = re.fullmatch(r"(\w+) = (true|false)", block[0].text) if len(block) == 1 else None
            if not flag:
                return self._follow(block, replace(where, matches=matches))
            if flag[2] == "true":
                self._flags.setdefault(flag[1], []).extend(matches)
            else:
                self._flags.pop(flag[1], None)
        return False

    def _unknown(self, branch: Statement, where: _Where) -> None:
        """Names a condition that is not understood, if something depends on it."""
        state = self._state()
        self._follow(branch.block or [], replace(where))
        if self._state() != state:
            refuses = any(route.data.get("respond", {}).get("status", 0) >= 400 for route in self.draft.routes[state[0] :])
            self._restore(state)
            self._not_understood(branch, ", so nothing is refused" if refuses else "")

    def _choose(self, statement: Statement, where: _Where) -> bool:
        """Follows a `match` or `switch` on a part of the request. Returns True if no request gets past it."""
        written_subject = bare(re.sub(r"^(?:match|switch)\s*", "", statement.text))
        if written_subject in ("", "true"):
            return self._choose_by_condition(statement, where)
        subject = subject_of(written_subject, where.names)
        if subject is None:
            self._not_understood(statement, ", so its requests go on to the routes below")
            return False
        other_arm = _OTHER_ARM["switch" if statement.text.startswith("switch") else "match"]
        arms: list[tuple[tuple[Data, ...], list[Statement]]] = []
        has_other = False
        for one in statement.block or []:
            if found := _OTHERWISE.fullmatch(one.text):
                arms.append((({},), _body_of(one, found["rest"])))
                has_other = True
            elif found := _ARM.fullmatch(one.text) or other_arm.fullmatch(one.text):
                names = found.groupdict()
                values = re.findall(LITERAL, names["paths"]) if names.get("paths") else re.split(r"[|,]", names["values"])
                matches = self._arm(names.get("values") or "", values, written_subject, subject, where)
                if matches is None:
                    self._not_understood(one, ", so its requests go on to the routes below")
                arms.append((matches or (), _body_of(one, found["rest"])))
            elif arms:
                arms[-1][1].append(one)
        for alternatives, body in arms:
            self._follow(body, replace(where, matches=all_of(where.matches, alternatives)))
        return has_other

    def _arm(
        self, text: str, values: list[str], written_subject: str, subject: tuple[str, str], where: _Where
    ) -> tuple[Data, ...] | None:
        """Returns the matches of an arm, which has values or, in Rust, a guard. Returns None for one that is not understood."""
        if guarded := re.fullmatch(r"(\w+) if (.+)", text):
            condition = read_condition(guarded[2], {**where.names, guarded[1]: written_subject}, self._flags)
            return condition.matches if condition.kind == "match" and not condition.without else None
        found = [equal_to(subject, value.strip(), where.names) for value in values]
        return tuple(one for one in found if one) if all(found) else None

    def _choose_by_condition(self, statement: Statement, where: _Where) -> bool:
        """Follows a `switch` whose arms are conditions, as a chain of `if` and `else`."""
        branches: list[Statement] = []
        for one in statement.block or []:
            if found := _OTHERWISE.fullmatch(one.text):
                branches.append(Statement(one.line, "else", _body_of(one, found["rest"])))
            elif found := _OTHER_ARM["switch"].fullmatch(one.text):
                condition = " || ".join(f"({part})" for part in split(found["values"], ","))
                branches.append(Statement(one.line, f"{'else ' if branches else ''}if {condition}", _body_of(one, found["rest"])))
            elif branches and branches[-1].block is not None:
                branches[-1].block.append(one)
        return self._branch(branches, [], where) if branches else False

    def _send(self, statement: Statement, action: str, backend: str, where: _Where) -> None:
        """Adds the routes that send requests to a backend."""
        if not is_name(backend):
            self._not_understood(statement)
        elif action == "handoff" and where.from_fanout is False and (backend == "self" or where.asked == where.matches):
            self._loopbacks.add(backend)
        else:
            self._add(statement.line, {action: backend}, where.matches)

    def _add(self, line: int, does: Data, matches: list[Data], remarks: tuple[str, ...] = ()) -> None:
        """Adds the routes of an action."""
        said = [written(match) for match in matches]
        if None in said:
            self.draft.remarks.append(Remark(line, "left out: no match can say all that is asked of the path here"))
        for match in join_matches(one for some in said for one in some or ()):
            path = match.get("path", "")
            is_one = isinstance(path, str) and not path.endswith("*") and "{" not in path
            name = "-".join(re.findall(r"\w+", path)) if is_one else ""
            used = [route.data.get("name") for route in self.draft.routes]
            head: Data = {"name": name} if is_name(name) and name not in used else {}
            self.draft.routes.append(
                Part(head | ({"match": match} if match else {}) | does, [Remark(line, text) for text in remarks])
            )

    def _answer(self, statement: Statement, where: _Where) -> None:
        """Adds the routes for an answer that is written in the code."""
        spread = re.findall(r"\.\.\.(\w+)", statement.text)
        text = " ".join([statement.text, *(where.names.get(name, "") for name in spread)])
        if "Grip-Hold" in text:
            self._held(statement, text, where)
            return
        found, body = _STATUS.search(text), _BODY.search(text)
        status = _status(found) if found else 200
        if status is None:
            self._not_understood(statement)
            return
        does: Data = {"status": status} | ({"body": unquoted(body["body"])} if body else {})
        headers = (unquoted(one["name"]) for one in _HEADER_VALUE.finditer(text) if "-" in one["name"])
        remarks = [f"the header {shown(name)} of the answer is not imported" for name in headers]
        if not body and _OTHER_BODY.search(text):
            remarks.append(f"the body of the answer is not imported: {shown(text)}")
        self._add(statement.line, {"respond": does}, where.matches, tuple(remarks))

    def _held(self, statement: Statement, text: str, where: _Where) -> None:
        """Adds the routes for an answer with GRIP headers."""
        headers = {unquoted(one["name"]).lower(): one["value"] for one in _HEADER_VALUE.finditer(text) if "-" in one["name"]}
        media = unquoted(headers.pop("content-type", "text/plain"))
        cors = unquoted(headers.pop("access-control-allow-origin", ""))
        hold, channel = unquoted(headers.pop("grip-hold", "")), headers.pop("grip-channel", "")
        remarks = tuple(f"the header {shown(name)} of the answer is not imported" for name in headers)
        more: Data = {"cors": {"origins": cors}} if cors else {}
        self._hold_on(statement, *_endpoint(hold, media, more), channel, where, remarks)

    def _hold(self, statement: Statement, arguments: list[str], where: _Where) -> None:
        """Adds the routes for a call such as `grip_response("text/plain", "stream", channel)`."""
        words = [unquoted(one) for one in arguments]
        hold = next(word for word in words if word in ("stream", "response"))
        media = next((word for word in words if _MEDIA_TYPE.fullmatch(word)), "text/plain")
        others = [one for one, word in zip(arguments, words, strict=True) if word not in (hold, media, "w", "r")]
        self._hold_on(statement, *_endpoint(hold, media, {}), others[-1] if others else "", where)

    def _websocket(self, statement: Statement, body: list[Statement], where: _Where) -> None:
        """Adds the routes for code that answers a WebSocket's events."""
        text = _flat(body)
        for one in _all(body):
            if not _OF_WEBSOCKET.search(one.text) and not _is_inert(one.text):
                self._not_understood(one)
        channel = _SUBSCRIBES.search(text)
        written = (channel["channel"] or channel["member"]) if channel else ""
        self._hold_on(statement, "websocket", {"echo": True} if _ECHOES.search(text) else {}, written, where)

    def _hold_on(
        self, statement: Statement, kind: str, more: Data, channel: str, where: _Where, remarks: tuple[str, ...] = ()
    ) -> None:
        """Adds the routes for a connection that is held on a channel."""
        self._holds = True
        for match in [one for condition in where.matches for one in written(condition) or [condition]]:
            bound: Data = dict(match)
            name = read_channel(channel, where.names, bound)
            route: Data = {kind: {"channel": name, **more}}
            if not kind or name is None or not is_valid(({"match": bound} if bound else {}) | route, _LOOPBACK):
                text = f"the channel '{shown(channel)}' is not understood: replace the 501 by the endpoint"
                self._add(statement.line, REFUSAL, [match], (text,))
                continue
            self._add(statement.line, route, [bound], remarks)

    def _add_backends(self) -> None:
        """Adds the backends that the routes use."""
        for route in self.draft.routes:
            for action in _SENDS:
                name = route.data.get(action, "")
                if name and name not in self.draft.backends:
                    text = f"the address of the backend '{name}' is set in the service: write it as `url`"
                    self.draft.backends[name] = Part({"url": f"https://{name.replace('_', '-')}.example.com"}, [Remark(1, text)])
        if self._holds:
            loopbacks = self._loopbacks - set(self.draft.backends)
            name = min(loopbacks) if loopbacks else "self" if "self" not in self.draft.backends else "self-2"
            self.draft.backends[name] = Part({"loopback": True})


_LOOPBACK = Draft({"self": Part({"loopback": True})})


def _condition_of(branch: Statement) -> str:
    return re.sub(r"^(?:else\b ?)?(?:if\b)?", "", branch.text).strip()


def _as_statements(branches: list[Statement]) -> list[Statement]:
    """Returns what is left of an `if` after some of its branches."""
    if not branches:
        return []
    first, *others = branches
    if not _condition_of(first):
        return first.block or []
    return [Statement(first.line, first.text.removeprefix("else").strip(), first.block), *others]


def _endpoint(hold: str, media: str, more: Data) -> tuple[str, Data]:
    """Returns the action for a hold, and its keys besides the channel."""
    if hold == "response":
        return "long_poll", more if media == "text/plain" else {"on_timeout": {"content_type": media}, **more}
    if media == "text/event-stream":
        return "sse", more
    return "stream" if hold == "stream" else "", more if media == "text/plain" else {"content_type": media, **more}


def _branches(statement: Statement, rest: list[Statement]) -> list[Statement]:
    """Returns an `if` and what belongs to it, which it takes from the statements after it."""
    if statement.block is None:
        end = after_brackets(statement.text)
        body = statement.text[end:].strip()
        inner = [Statement(statement.line, body)] if body else [rest.pop(0)] if rest else []
        statement = Statement(statement.line, statement.text[:end], inner)
    branches = [statement]
    while rest and rest[0].text.startswith("else") and rest[0].block is not None:
        branches.append(rest.pop(0))
    return branches


def _inner(statement: Statement) -> list[Statement]:
    """Returns the statements of a `try`, of an `if` within `Ok(…)`, or of `a ? b : c`. Returns [] for any other statement."""
    text = statement.text
    if text == "try":
        return statement.block or []
    if statement.block is not None:
        return []
    if found := re.fullmatch(r"(?:return )?Ok\((if .*)\)\??", text):
        with suppress(NotImported):  # the braces of a part of a statement
            return [_at_line(one, statement.line) for one in statements_of(found[1])]
    parts = split(text.removeprefix("return "), " ? ")
    ways = split(parts[-1], " : ") if len(parts) == 2 else []
    if len(ways) != 2 or not text.startswith("return "):
        return []
    condition = parts[0].removeprefix("await ")
    one, other = ([Statement(statement.line, f"return {way}")] for way in ways)
    return [Statement(statement.line, f"if ({condition})", one), Statement(statement.line, "else", other)]


def _at_line(statement: Statement, line: int) -> Statement:
    """Returns a statement that was split again, with its place in the file."""
    block = statement.block
    return Statement(line, statement.text, None if block is None else [_at_line(one, line) for one in block])


def _with_writes(statement: Statement, rest: list[Statement]) -> Statement:
    """Returns a statement of Go that writes an answer, with those after it that do the same."""
    if not _GO_WRITE.search(statement.text):
        return statement
    texts = [statement.text]
    while rest and rest[0].block is None and _GO_WRITE.search(rest[0].text):
        texts.append(rest.pop(0).text)
    return Statement(statement.line, " ; ".join(texts))


def _is_inert(text: str) -> bool:
    """Returns True for a statement that has nothing to do with routes, or that the edge does anyway."""
    if header := _SET_HEADER.match(text.partition(".")[2] if "." in text.partition("(")[0] else text) or _SET_HEADER.search(text):
        return unquoted(header["name"]).lower() in _OF_PLATFORM
    return _INERT.match(text) is not None or _BINDING.match(text) is not None


def _body_of(arm: Statement, text: str) -> list[Statement]:
    """Returns the statements of an arm."""
    first = text.rstrip(",")
    return [*([Statement(arm.line, first)] if first else []), *(arm.block or [])]


def _status(found: re.Match[str]) -> int | None:
    if found["number"]:
        return int(found["number"])
    names = {one.name.replace("_", ""): one.value for one in HTTPStatus}
    return names.get(found["name"].replace("_", "").upper())


def _all(block: list[Statement]) -> Iterator[Statement]:
    for statement in block:
        yield statement
        yield from _all(statement.block or [])


def _flat(block: list[Statement]) -> str:
    return "\n".join(statement.text for statement in _all(block))
