"""Turns an OpenAPI document into a draft of a routes.yaml, with a route for each operation. Pure.

Sources: https://spec.openapis.org/oas/v3.1.1.html and https://spec.openapis.org/oas/v2.0.html
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, urlsplit

from fanroute.foreign.draft import Data, Draft, NotImported, Part, Remark, shown
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
        for text, path in _by_precedence(paths):
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
            where = self._where(text, path, [(at, parameters), (place, own)])
            servers = next((one.get("servers") for one in (operation, item) if one.get("servers")), None)
            self._add_operation(path, method, place, operation, where, servers)

    def _add_operation(self, path: str, method: str, place: Path, operation: Data, where: Data, servers: Any) -> None:
        line = self._file.line(*place)
        backend, prefix = self._server(place, servers)
        match: Data = {"path": f"{prefix}{path}"} | ({"where": where} if where else {}) | {"method": method.upper()}
        remarks = list(self._remarks_on(place, operation))
        streams = _EVENTS in self._media_types(place, operation)
        if streams:
            remarks.append(Remark(line, self._stream_text(place, operation, path)))
        name = self._name(operation.get("operationId"))
        route = ({"name": name} if name else {}) | {"match": match, ("handoff" if streams else "forward"): backend}
        if where and not is_valid(route, self.draft):
            remarks.append(Remark(line, f"the patterns of its parameters are not checked: {shown(str(where))}"))
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

    def _where(self, text: str, path: str, parameters: Iterable[tuple[Path, list[Data]]]) -> Data:
        """Returns the patterns of the path's parameters."""
        where: Data = {name: pattern for name, pattern in _mixed_segments(text) if f"{{{name}}}" in path}
        for at, listed in parameters:
            for index, one in enumerate(listed):
                place, parameter = self._resolved((*at, "parameters", index), one)
                schema = parameter if self._is_swagger else parameter.get("schema")
                if parameter.get("in") != "path" or not isinstance(schema, dict):
                    continue
                _, schema = self._resolved((*place, "schema"), schema)
                name, pattern = _parameter(str(parameter.get("name"))), _pattern_of(schema)
                if pattern and f"{{{name}}}" in path:
                    where[name] = pattern
        return where

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

    def _server(self, place: Path, servers: Any) -> tuple[str, str]:
        """Returns the backend of an operation, and the path before its own."""
        if self._is_swagger:
            return self._backend(("host",), self._swagger_url())
        at: Path = ("servers",)
        if servers is not None:
            at = (*place, "servers") if (*place, "servers") in self._file.lines else (*place[:-1], "servers")
        listed = self._objects(at, self._file.data.get("servers") if servers is None else servers) or [{"url": "/"}]
        for index, server in enumerate(listed[1:], 1):
            text = f"a route has one backend: the server '{shown(str(server.get('url')))}' is not used"
            self._say(self._file.line(*at, index), text)
        return self._backend((*at, 0), self._url_of((*at, 0), listed[0]))

    def _swagger_url(self) -> str:
        data = self._file.data
        schemes = data.get("schemes") if isinstance(data.get("schemes"), list) else []
        scheme = "http" if schemes and not {"https", "wss"} & set(map(str, schemes)) else "https"
        base = str(data.get("basePath") or "")
        return f"{scheme}://{data['host']}{base}" if data.get("host") else base

    def _url_of(self, at: Path, server: Data) -> str:
        """Returns a server's URL, in which variables have their defaults."""
        variables = self._object((*at, "variables"), server.get("variables"))

        def default(found: re.Match[str]) -> str:
            variable = variables.get(found[1])
            value = variable.get("default") if isinstance(variable, dict) else None
            self._say(self._file.line(*at), f"the variable {shown(found[0])} of the server is always '{shown(str(value))}'")
            return found[0] if value is None else str(value)

        return _VARIABLE.sub(default, str(server.get("url", "/")))

    def _backend(self, at: Path, url: str) -> tuple[str, str]:
        address = server_of(url)
        try:
            prefix = urlsplit(url).path.rstrip("/")
        except ValueError:
            prefix = ""
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
        return self._backends[address], quote(prefix, safe="/-._~%@+,") if prefix != "/" else ""

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


def _pattern_of(schema: Data) -> str:
    """Returns the pattern that a value of a schema has to fit, "" without one."""
    words = schema.get("enum")
    if isinstance(words, list) and words and all(isinstance(word, str | int) for word in words):
        return "|".join(re.sub(r"([^\w])", r"\\\1", str(word), flags=re.ASCII) for word in words)
    pattern = schema.get("pattern")
    if not isinstance(pattern, str):
        return ""
    start, end = "" if pattern.startswith("^") else ".*", "" if re.search(r"(?<!\\)\$$", pattern) else ".*"
    inner = pattern.removeprefix("^")
    return f"{start}({inner[:-1] if not end else inner}){end}" if start or end or "|" in inner else inner[:-1]


def _by_precedence(paths: Iterable[str]) -> list[tuple[str, str]]:
    """Returns the paths, each with its path in routes.yaml. One without parameters comes before one that also takes it."""
    ordered: list[tuple[str, str]] = []
    for path in paths:
        written = _written(path)
        at = next((index for index, (_, other) in enumerate(ordered) if _takes(other, written)), len(ordered))
        ordered.insert(at, (path, written))
    return ordered


def _takes(outer: str, inner: str) -> bool:
    """Returns True if a path takes all requests of another one, and more."""
    ours, theirs = outer.removesuffix("/*").split("/"), inner.split("/")
    has_rest = outer.endswith("/*")
    if has_rest:
        theirs = theirs[: len(ours)]
    pairs = list(zip(ours, theirs, strict=False))
    is_more = has_rest or any(one.startswith("{") and not other.startswith("{") for one, other in pairs)
    is_taken = len(ours) == len(theirs) and all(one == other or one.startswith("{") for one, other in pairs)
    return outer != inner and is_taken and is_more


def _written(path: str) -> str:
    """Returns a path of the document as a path of routes.yaml."""
    segments = []
    for number, segment in enumerate(path.split("/")):
        if re.fullmatch(r"\{[^{}]+[+*]\}", segment) and path.endswith(segment):
            segments.append("*")
        elif whole := re.fullmatch(r"\{([^{}]+)\}", segment):
            segments.append(f"{{{_parameter(whole[1])}}}")
        elif "{" in segment:
            segments.append(f"{{segment{number}}}")
        else:
            segments.append(quote(segment, safe="-._~%@+,:"))
    return "/".join(segments)


def _parameter(name: str) -> str:
    return parameter_name(re.sub(r"[^A-Za-z0-9]+", "_", name))


def _mixed_segments(text: str) -> Iterator[tuple[str, str]]:
    """Yields the parameters that stand for segments with a parameter and other text, each with its pattern."""
    for number, segment in enumerate(text.split("/")):
        if "{" in segment and not re.fullmatch(r"\{[^{}]+\}", segment):
            texts = [re.sub(r"([^\w])", r"\\\1", part, flags=re.ASCII) for part in _VARIABLE.split(segment)[::2]]
            yield f"segment{number}", ".+".join(texts)
