"""Turns an OpenAPI document into a draft of a routes.yaml, with a route for each operation. Pure.

Sources: https://spec.openapis.org/oas/v3.1.1.html and https://spec.openapis.org/oas/v2.0.html
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from fanroute.foreign.draft import Data, Draft, NotImported, Part, Remark, shown
from fanroute.foreign.literals import path_text, pattern_text, whole_pattern
from fanroute.foreign.located import Located, Path, read_json, read_yaml
from fanroute.foreign.servers import backend_data, backend_name, server_of
from fanroute.foreign.site import is_valid
from fanroute.spec.placeholders import parameter_name
from fanroute.spec.types import is_name

# The most operations, and references that lead to one another.
MAX_OPERATIONS, MAX_REFERENCES = 2000, 10

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
_PATH_ITEM = {*METHODS, "summary", "description", "servers", "parameters", "$ref"}
_OPERATION = {"tags", "summary", "description", "externalDocs", "operationId", "parameters", "requestBody", "responses"}
_OPERATION |= {"callbacks", "deprecated", "security", "servers", "consumes", "produces", "schemes"}
_VARIABLE = re.compile(r"\{([^{}]*)\}")
_EVENTS = "text/event-stream"
# How the parameter begins that stands for a segment with a parameter and other text.
_MIXED = "{segment"
_ORIGIN = "https://origin.example.com"


def import_openapi(text: str) -> Draft:
    """Returns the draft for a document in JSON or YAML. Raises NotImported if it has no operation."""
    file = read_json(text) if text.lstrip().startswith("{") else read_yaml(text)
    if not isinstance(file.data, dict):
        raise NotImported("it is no object")
    version = str(file.data.get("openapi", file.data.get("swagger", "")))
    if not re.match(r"(2|3\.[0-2])(\.|$)", version):
        raise NotImported(f"its version is '{shown(version)}': only Swagger 2.0 and OpenAPI 3.0 to 3.2 are read")
    return _Import(file, version.startswith("2")).draft


class _Import:
    """Makes the draft: a route for each operation, and a backend for each server."""

    def __init__(self, file: Located, is_swagger: bool) -> None:
        self.draft = Draft()
        self._file = file
        self._is_swagger = is_swagger
        self._backends: dict[object, str] = {}
        self._names: set[str] = set()
        self._said: set[str] = set()
        paths = self._object(("paths",), file.data.get("paths"))
        shapes: dict[str, str] = {}
        for text, path in _by_precedence(paths):
            if (other := shapes.setdefault(_shape(text), text)) != text:
                self._say(
                    file.line("paths", text), f"'{shown(text)}' has the requests of '{shown(other)}', whose routes come first"
                )
            self._add_path(text, path, paths[text])
        if not self.draft.routes:
            first = next(iter(self.draft.remarks), Remark(0, "it has no operation"))
            raise NotImported(first.text, first.line)
        self._remark_on_the_whole()
        self.draft.remarks.sort(key=lambda remark: remark.line)

    def _object(self, at: Path, value: Any) -> Data:
        """Returns an object of the document, {} for None. Raises NotImported for anything else."""
        if value is not None and not isinstance(value, dict):
            raise NotImported(f"'{shown(str(at[-1]))}' is no object", self._file.line(*at))
        return value or {}

    def _objects(self, at: Path, value: Any) -> list[Data]:
        """Returns a list of objects of the document, [] for None. Raises NotImported for anything else."""
        if value is not None and not (isinstance(value, list) and all(isinstance(one, dict) for one in value)):
            raise NotImported(f"'{shown(str(at[-1]))}' is no list of objects", self._file.line(*at))
        return value or []

    def _say(self, line: int, text: str) -> None:
        """Adds a remark to the top, once."""
        if text not in self._said:
            self._said.add(text)
            self.draft.remarks.append(Remark(line, text))

    def _resolved(self, at: Path, value: Data) -> tuple[Path, Data]:
        """Returns what a reference within the document leads to, with its place. A reference to another file is named."""
        for _ in range(MAX_REFERENCES):
            reference = value.get("$ref")
            if not isinstance(reference, str):
                return at, value
            target: Any = self._file.data
            names = [name.replace("~1", "/").replace("~0", "~") for name in reference.removeprefix("#/").split("/")]
            for name in names if reference.startswith("#/") else ("",):
                target = target.get(name) if isinstance(target, dict) else None
            if not isinstance(target, dict):
                break
            at, value = tuple(names), target
        self._say(self._file.line(*at, "$ref"), f"the reference '{shown(str(value.get('$ref')))}' is not followed")
        return at, {}

    def _add_path(self, text: str, path: str, item: Any) -> None:
        """Adds the routes of a path."""
        place: Path = ("paths", text)
        line = self._file.line(*place)
        if text.startswith("x-"):
            return
        if not text.startswith("/") or "?" in text or "#" in text:
            self._say(line, f"left out: '{shown(text)}' is no path")
            return
        at, item = self._resolved(place, self._object(place, item))
        parameters = self._objects((*at, "parameters"), item.get("parameters"))
        self._name_unknown(at, item, _PATH_ITEM)
        for method in METHODS:
            if method not in item:
                continue
            if len(self.draft.routes) >= MAX_OPERATIONS:
                raise NotImported(f"the document has more than {MAX_OPERATIONS} operations", line)
            place = (*at, method)
            operation = self._object(place, item[method])
            self._name_unknown(place, operation, _OPERATION)
            own = self._objects((*place, "parameters"), operation.get("parameters"))
            where = self._where(text, [(at, parameters), (place, own)])
            servers = next((one.get("servers") for one in (operation, item) if one.get("servers")), None)
            self._add_operation(path, method, place, operation, where, servers)

    def _add_operation(self, path: str, method: str, place: Path, operation: Data, where: Data, servers: Any) -> None:
        line = self._file.line(*place)
        backend, prefix, of_prefix = self._server(place, servers)
        where = {**of_prefix, **where}
        match: Data = {"path": f"{prefix}{path}"} | ({"where": where} if where else {}) | {"method": method.upper()}
        remarks = list(self._remarks_on(place, operation))
        streams = _EVENTS in self._media_types(place, operation)
        if streams:
            remarks.append(Remark(line, self._stream_text(place, operation, path)))
        name = self._name(operation.get("operationId"))
        route = ({"name": name} if name else {}) | {"match": match, ("handoff" if streams else "forward"): backend}
        if where and not is_valid(route, self.draft):
            for one, pattern in where.items():
                if not is_valid(route | {"match": match | {"where": {one: pattern}}}, self.draft):
                    remarks.append(Remark(line, f"the pattern of {one} is not checked: {shown(pattern)}"))
                    match["where"] = {key: text for key, text in match["where"].items() if key != one}
            if not match["where"]:
                del match["where"]
        if is_valid(route, self.draft):
            self.draft.routes.append(Part(route, remarks))
        else:
            self.draft.remarks.append(Remark(line, f"left out: '{method} {shown(path)}' cannot be matched"))

    def _name(self, operation_id: Any) -> str:
        """Returns an operation's id as a name that no other route has, "" if it gives none."""
        words = re.sub(r"[^A-Za-z0-9_-]+", "-", str(operation_id or "")).strip("-")
        if not is_name(words) or words in self._names:
            return ""
        self._names.add(words)
        return words

    def _where(self, text: str, parameters: Iterable[tuple[Path, list[Data]]]) -> Data:
        """Returns the patterns of the path's parameters, by their names in routes.yaml."""
        patterns: dict[str, str] = {}
        for at, listed in parameters:
            for index, one in enumerate(listed):
                place, parameter = self._resolved((*at, "parameters", index), one)
                if parameter.get("in") == "path":
                    name = str(parameter.get("name"))
                    patterns[name] = self._pattern(place, parameter)
                    if f"{{{name}}}" not in text and f"{{{name}+}}" not in text:
                        text_of_remark = f"the path '{shown(text)}' has no parameter '{shown(name)}'"
                        self._say(self._file.line(*place), text_of_remark)
        return dict(_patterns_of_segments(text, patterns))

    def _pattern(self, place: Path, parameter: Data) -> str:
        """Returns the pattern that the text of a path's parameter has to fit, "" without one."""
        schema = parameter if self._is_swagger else parameter.get("schema")
        if not isinstance(schema, dict):
            return ""
        _, schema = self._resolved((*place, "schema"), schema)
        if schema.get("type") in ("array", "object") or "items" in schema or "properties" in schema:
            return ""
        pattern = _pattern_of(schema)
        if pattern is None:
            self._say(
                self._file.line(*place), f"the values of the parameter '{shown(str(parameter.get('name')))}' are not checked"
            )
        before = {"label": ".", "matrix": f";{parameter.get('name')}="}.get(str(parameter.get("style")), "")
        return f"{pattern_text(before)}({pattern})" if pattern and before else pattern or ""

    def _media_types(self, place: Path, operation: Data) -> set[str]:
        """Returns the media types of an operation's good answers."""
        produces = operation.get("produces", self._file.data.get("produces")) if self._is_swagger else None
        types = {str(one) for one in produces} if isinstance(produces, list) else set()
        for _, response in self._answers(place, operation):
            content = response.get("content")
            types |= set(content) if isinstance(content, dict) else set()
        return {one.partition(";")[0].strip().lower() for one in types}

    def _answers(self, place: Path, operation: Data) -> Iterator[tuple[str, Data]]:
        """Yields the good answers of an operation, by status."""
        for status, response in self._object((*place, "responses"), operation.get("responses")).items():
            if str(status)[:1] in "12d" and isinstance(response, dict):
                yield str(status), self._resolved((*place, "responses", status), response)[1]

    def _stream_text(self, place: Path, operation: Data, path: str) -> str:
        if place[-1] != "get" or self._media_types(place, operation) != {_EVENTS}:
            return f"it may answer {_EVENTS}: if the backend always streams that itself, `forward` is enough"
        names = "-".join(re.findall(r"\{\w+\}", path))
        channel = "-".join(filter(None, (re.sub(r"\W+", "-", re.sub(r"\{\w+\}", "", path)).strip("-"), names))) or "events"
        edge = f'`sse: {{channel: "{channel}"}}`'
        return f"it answers {_EVENTS}: the backend can hold it with GRIP. To have the edge hold it, write {edge}"

    def _remarks_on(self, place: Path, operation: Data) -> Iterator[Remark]:
        """Yields what an operation says and its route does not."""
        if isinstance(operation.get("security"), list):
            words = self._security_words(operation["security"])
            yield Remark(self._file.line(*place, "security"), f"security: {words}")
        if "callbacks" in operation:
            yield Remark(self._file.line(*place, "callbacks"), "callbacks are requests of the API to others: they have no routes")
        if any(status == "101" for status, _ in self._answers(place, operation)):
            text = "it answers 101: for a WebSocket, use `tunnel`, or `websocket` at the edge"
            yield Remark(self._file.line(*place, "responses", "101"), text)
        if self._is_swagger and isinstance(operation.get("schemes"), list):
            yield Remark(self._file.line(*place, "schemes"), f"schemes: {shown(', '.join(map(str, operation['schemes'])))}")

    def _security_words(self, security: list[Any]) -> str:
        names = [" and ".join(one) or "nothing" for one in security if isinstance(one, dict)]
        return shown(" or ".join(names)) if names else "none is needed here"

    def _name_unknown(self, at: Path, value: Data, known: set[str]) -> None:
        """Names the keys of a path or operation that are not read, each once."""
        for key in value:
            if key not in known:
                self._say(self._file.line(*at, key), f"{shown(key)}: not read")

    def _server(self, place: Path, servers: Any) -> tuple[str, str, Data]:
        """Returns the backend of an operation, the path before its own, and the patterns of that path's parameters."""
        if self._is_swagger:
            url = self._swagger_url()
            return self._backend(("host",), url), path_text(_path_of(url)), {}
        at: Path = ("servers",)
        if servers is not None:
            at = (*place, "servers") if (*place, "servers") in self._file.lines else (*place[:-1], "servers")
        listed = self._objects(at, self._file.data.get("servers") if servers is None else servers) or [{"url": "/"}]
        variables = self._object((*at, 0, "variables"), listed[0].get("variables"))
        url = self._url_of((*at, 0), listed[0], variables)
        for index, server in enumerate(listed[1:], 1):
            written = shown(str(server.get("url")))
            text = f"a route has one backend: the server '{written}' is not used"
            if server_of(str(server.get("url"))) == server_of(url) is not None:
                text = f"no route has a path of the server '{written}'"
            self._say(self._file.line(*at, index), text)
        if "?" in url or "#" in url:
            self._say(self._file.line(*at, 0), f"the query of the server '{shown(url)}' is left out")
        return self._backend((*at, 0), url), *_prefix(_path_of(url), variables)

    def _swagger_url(self) -> str:
        data = self._file.data
        schemes = data.get("schemes") if isinstance(data.get("schemes"), list) else []
        scheme = "http" if schemes and not {"https", "wss"} & set(map(str, schemes)) else "https"
        base = str(data.get("basePath") or "")
        base = base if not base or base.startswith("/") else f"/{base}"
        return f"{scheme}://{data['host']}{base}" if data.get("host") else base

    def _url_of(self, at: Path, server: Data, variables: Data) -> str:
        """Returns a server's URL, in which variables have their defaults, if they have any."""
        line = self._file.line(*at)

        def default(found: re.Match[str]) -> str:
            variable = variables.get(found[1])
            variable = variable if isinstance(variable, dict) else {}
            value = variable.get("default")
            if value is None:
                self._say(line, f"the variable {shown(found[0])} of the server has no default")
                return found[0]
            words = variable.get("enum")
            others = [str(one) for one in words if one != value] if isinstance(words, list) else []
            more = f": there are no routes for {shown(', '.join(others))}" if others else ""
            self._say(line, f"the variable {shown(found[0])} of the server is always '{shown(str(value))}'{more}")
            return str(value)

        return _VARIABLE.sub(default, str(server.get("url", "/")))

    def _backend(self, at: Path, url: str) -> str:
        """Returns the name of the backend at a URL."""
        address = server_of(url)
        if address not in self._backends:
            name = backend_name(address[0] if address else "origin", self.draft.backends)
            data = backend_data(*address, name) if address else None
            line = self._file.line(*at)
            remarks = []
            if data is None:
                data = {"url": _ORIGIN}
                remarks = [Remark(line, "the document does not say where the server is: write its address as `url`")]
            elif "local" in data:
                text = f"Fastly cannot reach {shown(url)}, so it is `local`: write your server's public address as `url`"
                remarks = [Remark(line, text)]
            self.draft.backends[name] = Part(data, remarks)
            self._backends[address] = name
        return self._backends[address]

    def _remark_on_the_whole(self) -> None:
        """Adds remarks about what the document says of all operations."""
        text = "parameters and contents are checked by the backend. A request that the document does not have gets a 404"
        missing = [method.upper() for method in ("head", "options") if not self._has(method)]
        if missing:
            text += f", {' and '.join(missing)} too"
        self._say(self._file.line("paths"), text)
        if isinstance(self._file.data.get("security"), list):
            self._say(
                self._file.line("security"), f"security of all operations: {self._security_words(self._file.data['security'])}"
            )
        at: Path = ("securityDefinitions",) if self._is_swagger else ("components", "securitySchemes")
        schemes = self._object(at[:1], self._file.data.get(at[0]))
        for name, scheme in (schemes if self._is_swagger else self._object(at, schemes.get("securitySchemes"))).items():
            place, resolved = self._resolved((*at, name), self._object((*at, name), scheme))
            self._say(self._file.line(*place), f"security '{shown(name)}': {_scheme_text(resolved)}")
        if "webhooks" in self._file.data:
            self._say(self._file.line("webhooks"), "webhooks are requests of the API to others: they have no routes")

    def _has(self, method: str) -> bool:
        return any(route.data["match"]["method"] == method.upper() for route in self.draft.routes)


def _scheme_text(scheme: Data) -> str:
    """Returns who checks a security scheme, and what the edge could check."""
    kind, place = scheme.get("type"), scheme.get("in")
    if kind == "apiKey":
        where = f"{shown(str(place))} '{shown(str(scheme.get('name')))}'"
        return f"a key in the {where}, which the backend checks. The edge checks only JWTs"
    if kind == "basic" or str(scheme.get("scheme")).lower() == "basic":
        return "a password, which the backend checks. The edge checks only JWTs"
    if kind in ("http", "oauth2", "openIdConnect"):
        issuer = scheme.get("openIdConnectUrl")
        whose = f"issuer: {shown(str(issuer).partition('/.well-known')[0])}, " if isinstance(issuer, str) else ""
        draft = f"`auth: {{{whose}keys: {{algorithm: RS256, file: keys/login.pem}}}}`"
        return f"a token, which the backend checks. If it is a JWT, the edge can check it first: {draft}"
    return "the backend checks it"


def _pattern_of(schema: Data) -> str | None:
    """Returns the pattern that a value of a schema has to fit, "" without one. Returns None for values that no path has."""
    words = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(words, list) and words:
        if any(isinstance(word, dict | list) for word in words):
            return None
        # No path has a null, which some documents list for a value that may be left out.
        texts = [str(word).lower() if isinstance(word, bool) else str(word) for word in words if word is not None]
        return "|".join(map(pattern_text, texts)) if texts else None
    pattern = schema.get("pattern")
    return whole_pattern(pattern) if isinstance(pattern, str) else ""


def _path_of(url: str) -> str:
    """Returns the path of a server, which ends without a slash."""
    try:
        return urlsplit(url).path.rstrip("/")
    except ValueError:
        return ""


def _prefix(path: str, variables: Data) -> tuple[str, Data]:
    """Returns a server's path in routes.yaml, and patterns. Variables that are left in it are parameters."""
    segments, where = [], {}
    for number, segment in enumerate(path.split("/")):
        names = _VARIABLE.findall(segment)
        name = f"server_{_parameter(names[0]) if segment == f'{{{names[0]}}}' else number}" if names else ""
        segments.append(f"{{{name}}}" if names else path_text(segment))
        known = {one: _pattern_of(variables[one]) or "" for one in names if isinstance(variables.get(one), dict)}
        if names and (pattern := _segment_pattern(segment, known)):
            where[name] = pattern
    return "/".join(segments), where


def _by_precedence(paths: Iterable[str]) -> list[tuple[str, str]]:
    """Returns the paths, each with its path in routes.yaml. One without parameters comes before one that also takes it."""
    ordered: list[tuple[str, str]] = []
    for path in paths:
        written = _written(path)
        at = next((index for index, (_, other) in enumerate(ordered) if _takes(other, written)), len(ordered))
        ordered.insert(at, (path, written))
    return ordered


def _shape(path: str) -> str:
    """Returns a path in which all parameters have the same name."""
    return _VARIABLE.sub("{}", path)


def _takes(outer: str, inner: str) -> bool:
    """Returns True if a path takes all requests of another one, and more."""
    ours, theirs = outer.removesuffix("/*").split("/"), inner.split("/")
    has_rest = outer.endswith("/*")
    if has_rest:
        theirs = theirs[: len(ours)]
    pairs = list(zip(ours, theirs, strict=False))
    is_more = has_rest or any(one.startswith("{") and _is_narrower(other, one) for one, other in pairs)
    is_taken = len(ours) == len(theirs) and all(one == other or one.startswith("{") for one, other in pairs)
    return outer != inner and is_taken and is_more


def _is_narrower(segment: str, parameter: str) -> bool:
    """Returns True if a segment of a written path is a text, or has a text beside a parameter, and `parameter` is a whole one."""
    return not segment.startswith("{") or (segment.startswith(_MIXED) and not parameter.startswith(_MIXED))


def _written(path: str) -> str:
    """Returns a path of the document as a path of routes.yaml."""
    segments = []
    for number, segment in enumerate(path.split("/")):
        if re.fullmatch(r"\{[^{}]+[+*]\}", segment) and path.endswith(segment):
            segments.append("*")
        elif whole := re.fullmatch(r"\{([^{}]+)\}", segment):
            segments.append(f"{{{_parameter(whole[1])}}}")
        elif "{" in segment:
            segments.append(f"{_MIXED}{number}}}")
        else:
            segments.append(path_text(segment))
    return "/".join(segments)


def _parameter(name: str) -> str:
    return parameter_name(re.sub(r"[^A-Za-z0-9]+", "_", name))


def _patterns_of_segments(text: str, patterns: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yields the parameters of a path with the pattern that each has to fit, if it has one."""
    for number, segment in enumerate(text.split("/")):
        whole = re.fullmatch(r"\{([^{}]+)\}", segment)
        is_rest = re.fullmatch(r"\{[^{}]+[+*]\}", segment) and text.endswith(segment)
        if "{" in segment and not is_rest and (pattern := _segment_pattern(segment, patterns)):
            yield _parameter(whole[1]) if whole else f"segment{number}", pattern


def _segment_pattern(segment: str, patterns: dict[str, str]) -> str:
    """Returns the pattern for a segment with parameters, "" for one that may be anything."""
    parts = _VARIABLE.split(segment)
    if len(parts) == 3 and not parts[0] and not parts[2]:
        return patterns.get(parts[1], "")
    texts = (
        pattern_text(part) if index % 2 == 0 else f"({patterns[part]})" if patterns.get(part) else ".+"
        for index, part in enumerate(parts)
    )
    return "".join(texts)
