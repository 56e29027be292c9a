"""Tests the import of OpenAPI documents, with forms that are used in public ones."""

import json
import re
from typing import Any

import pytest
import yaml

from fanroute.foreign import openapi_import
from fanroute.foreign.draft import Draft, NotImported, draft_text
from fanroute.foreign.openapi_import import import_openapi
from fanroute.pipeline import compile_routes
from tests.conftest import INPUTS

EVENTS = {"200": {"content": {"text/event-stream; charset=utf-8": {}}}}


def document(paths: dict[str, Any], **keys: Any) -> dict[str, Any]:
    servers = {"servers": [{"url": "https://api.example.com/v1/"}]}
    return {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, **servers, "paths": paths, **keys}


def draft_of(data: dict[str, Any]) -> Draft:
    """Returns the draft of a document, which is the same in JSON and in YAML, and valid."""
    draft = import_openapi(json.dumps(data, indent=2))
    again = import_openapi(yaml.safe_dump(data, sort_keys=False))
    assert [route.data for route in draft.routes] == [route.data for route in again.routes]
    compile_routes(draft_text(draft, "openapi.json", "edge").encode(), INPUTS)
    return draft


def routes_of(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [route.data for route in draft_of(data).routes]


def remarks_of(data: dict[str, Any]) -> str:
    return "\n".join(f"{remark.line}: {remark.text}" for remark in draft_of(data).all_remarks())


def test_each_operation_is_a_route() -> None:
    paths = {
        "/pets": {"summary": "s", "get": {"operationId": "listPets"}, "post": {"operationId": "add a pet!"}},
        "/pets/{petId}": {"get": {}, "delete": {"operationId": "listPets"}},
    }
    draft = draft_of(document(paths))
    assert [route.data for route in draft.routes] == [
        {"name": "listPets", "match": {"path": "/v1/pets", "method": "GET"}, "forward": "api"},
        {"name": "add-a-pet", "match": {"path": "/v1/pets", "method": "POST"}, "forward": "api"},
        {"match": {"path": "/v1/pets/{pet_id}", "method": "GET"}, "forward": "api"},
        {"match": {"path": "/v1/pets/{pet_id}", "method": "DELETE"}, "forward": "api"},
    ]
    assert draft.backends["api"].data == {"url": "https://api.example.com"}
    whole = "parameters and contents are checked by the backend. A request that the document does not have gets a 404"
    assert [remark.text for remark in draft.remarks] == [f"{whole}, HEAD and OPTIONS too"]


def test_paths_without_parameters_come_first() -> None:
    paths = {path: {"get": {}} for path in ("/{a}/{b}", "/pets/{id}", "/{a}/mine", "/pets/mine", "/files/{path+}", "/files/a/b")}
    assert [route["match"]["path"] for route in routes_of(document(paths))] == [
        "/v1/pets/mine",
        "/v1/pets/{id}",
        "/v1/{a}/mine",
        "/v1/files/a/b",
        "/v1/files/*",
        "/v1/{a}/{b}",
    ]


@pytest.mark.parametrize(
    ("path", "schema", "match"),
    [
        ("/a/{id}", {"enum": ["x.y", 2]}, {"path": "/v1/a/{id}", "where": {"id": r"x\.y|2"}}),
        ("/a/{id}", {"pattern": "^[0-9]+$"}, {"path": "/v1/a/{id}", "where": {"id": "[0-9]+"}}),
        ("/a/{id}", {"pattern": "[0-9]"}, {"path": "/v1/a/{id}", "where": {"id": ".*[0-9].*"}}),
        ("/a/{id}", {"pattern": "^a|b$"}, {"path": "/v1/a/{id}", "where": {"id": "a.*|.*b"}}),
        ("/a/{id}", {"pattern": "^(a|b)$"}, {"path": "/v1/a/{id}", "where": {"id": "(a|b)"}}),
        ("/a/{id}", {"pattern": "^a$|^b$"}, {"path": "/v1/a/{id}", "where": {"id": "a|b"}}),
        ("/a/{id}", {"pattern": r"^[|$]\|\$"}, {"path": "/v1/a/{id}", "where": {"id": r"[|$]\|\$.*"}}),
        ("/a/{id}", {"pattern": r"x\\$"}, {"path": "/v1/a/{id}", "where": {"id": r".*x\\"}}),
        ("/a/{id}", {"enum": [1, "a", None, True]}, {"path": "/v1/a/{id}", "where": {"id": "1|a|true"}}),
        ("/a/{id}", {"const": "a.b"}, {"path": "/v1/a/{id}", "where": {"id": r"a\.b"}}),
        ("/a/{id}", {"enum": [{"a": 1}]}, {"path": "/v1/a/{id}"}),
        ("/a/{id}.json", {"pattern": "^[0-9]+$"}, {"path": "/v1/a/{segment2}", "where": {"segment2": r"([0-9]+)\.json"}}),
        ("/a/{id}-{b}", {"enum": ["x"]}, {"path": "/v1/a/{segment2}", "where": {"segment2": r"(x)\-.+"}}),
        ("/a:b/:c/*/{id}", {}, {"path": "/v1/a:b/%3Ac/%2A/{id}"}),
        ("/a/{id}", {"pattern": "^(?=x).*$"}, {"path": "/v1/a/{id}"}),
        ("/a/{id}.json", {}, {"path": "/v1/a/{segment2}", "where": {"segment2": r".+\.json"}}),
        ("/a/{id}:run", {}, {"path": "/v1/a/{segment2}", "where": {"segment2": r".+\:run"}}),
    ],
)
def test_parameters_of_a_path(path: str, schema: dict[str, Any], match: dict[str, Any]) -> None:
    parameter = {"name": "id", "in": "path", "required": True, "schema": {"$ref": "#/components/schemas/Id"}}
    components = {"schemas": {"Id": schema}, "parameters": {"id~/": parameter}}
    data = document({path: {"parameters": [{"$ref": "#/components/parameters/id~0~1"}], "get": {}}}, components=components)
    assert routes_of(data) == [{"match": {**match, "method": "GET"}, "forward": "api"}]
    assert ("the pattern of id is not checked: (?=x).*" in remarks_of(data)) == ("(?=" in str(schema))
    assert ("the values of the parameter 'id' are not checked" in remarks_of(data)) == (schema == {"enum": [{"a": 1}]})


@pytest.mark.parametrize(
    ("style", "schema", "where"),
    [
        ({"style": "label"}, {"pattern": "^[0-9]+$"}, r"\.([0-9]+)"),
        ({"style": "matrix", "explode": True}, {"enum": ["a", "b"]}, r"\;id\=(a|b)"),
        ({"style": "matrix"}, {"type": "string"}, ""),
        ({"style": "simple", "explode": True}, {"type": "array", "items": {"pattern": "^[0-9]+$"}}, ""),
        ({"style": "simple"}, {"type": "array", "pattern": "^[0-9]+$"}, ""),
        ({"style": "simple"}, {"pattern": "^[0-9]+$"}, "[0-9]+"),
    ],
)
def test_styles_of_a_parameter(style: dict[str, Any], schema: dict[str, Any], where: str) -> None:
    """Tests that a pattern is for the text in the path: `.5` with the style label, `;id=5` with matrix, `3,4` for a list."""
    data = document({"/a/{id}": {"get": {"parameters": [{"name": "id", "in": "path", **style, "schema": schema}]}}})
    assert routes_of(data)[0]["match"].get("where", {}) == ({"id": where} if where else {})


def test_an_operation_has_parameters_of_its_own() -> None:
    shared = [{"name": "id", "in": "path", "schema": {"pattern": "^[0-9]+$"}}]
    own = [{"name": "id", "in": "path", "schema": {"type": "string"}}]
    other = [{"name": "petId", "in": "path", "schema": {"pattern": "^x$"}}]
    paths = {
        "/a/{id}": {"parameters": shared, "get": {}, "post": {"parameters": own}, "put": {"parameters": other}},
        "/a/{name}": {"delete": {}},
    }
    data = document(paths)
    assert [(route["match"]["path"], route["match"].get("where")) for route in routes_of(data)] == [
        ("/v1/a/{id}", {"id": "[0-9]+"}),
        ("/v1/a/{id}", {"id": "[0-9]+"}),
        ("/v1/a/{id}", None),
        ("/v1/a/{name}", None),
    ]
    assert "the path '/a/{id}' has no parameter 'petId'" in remarks_of(data)
    assert "'/a/{name}' has the requests of '/a/{id}', whose routes come first" in remarks_of(data)


def test_a_parameter_beside_a_text_comes_before_a_whole_one() -> None:
    made = routes_of(document({path: {"get": {}} for path in ("/a/{id}", "/a/{id}.json", "/a/b")}))
    assert [route["match"]["path"] for route in made] == ["/v1/a/b", "/v1/a/{segment2}", "/v1/a/{id}"]
    assert "has the requests of" not in remarks_of(document({"/a/{id}": {"get": {}}, "/a/{id}.json": {"get": {}}}))


def test_an_unknown_pattern_leaves_the_others() -> None:
    parameters = [{"name": name, "in": "path", "schema": {"pattern": text}} for name, text in (("a", "^x$"), ("b", "^(?=x)$"))]
    assert routes_of(document({"/{a}/{b}": {"get": {"parameters": parameters}}}))[0]["match"]["where"] == {"a": "x"}


@pytest.mark.parametrize(
    ("base", "path"), [("/v2/", "/v2/a"), ("/", "/a"), ("v2", "/v2/a"), ("/v/{x}/", "/v/%7Bx%7D/a"), ("", "/a"), (None, "/a")]
)
@pytest.mark.parametrize("host", ["api.example.com", None])
def test_the_base_path_of_swagger(host: str | None, base: str | None, path: str) -> None:
    keys = {name: value for name, value in (("host", host), ("basePath", base)) if value is not None}
    assert routes_of({"swagger": "2.0", **keys, "paths": {"/a": {"get": {}}}})[0]["match"]["path"] == path


@pytest.mark.parametrize(
    ("url", "variables", "match", "words"),
    [
        (
            "https://a.example.com/{v}",
            {"v": {"enum": ["v1", "v2"]}},
            {"path": "/{server_v}/a", "where": {"server_v": "v1|v2"}},
            "{v}",
        ),
        ("https://a.example.com/{v}", {}, {"path": "/{server_v}/a"}, "the variable {v} of the server has no default"),
        ("https://a.example.com/x-{v}/", {}, {"path": "/{server_1}/a", "where": {"server_1": r"x\-.+"}}, "no default"),
        ("https://{r}.example.com/b", {"r": {}}, {"path": "/b/a"}, "the document does not say where the server is"),
        (
            "https://a.example.com/{v}",
            {"v": {"default": "v1", "enum": ["v1", "v2"]}},
            {"path": "/v1/a"},
            "the variable {v} of the server is always 'v1': there are no routes for v2",
        ),
        (
            "https://a.example.com/b?key=1",
            {},
            {"path": "/b/a"},
            "the query of the server 'https://a.example.com/b?key=1' is left out",
        ),
    ],
)
@pytest.mark.parametrize("place", ["document", "path", "operation"])
def test_variables_of_servers(place: str, url: str, variables: dict[str, Any], match: dict[str, Any], words: str) -> None:
    servers = {"servers": [{"url": url, "variables": variables}]}
    operation = servers if place == "operation" else {}
    path = servers if place == "path" else {}
    data = document({"/a": {"get": operation, **path}}, **(servers if place == "document" else {}))
    assert routes_of(data)[0]["match"] == {**match, "method": "GET"}
    assert words in remarks_of(data)


def test_event_streams_go_through_fanout() -> None:
    both = {"200": {"content": {"application/json": {}, "text/event-stream": {}}}}
    paths = {
        "/rooms/{roomId}/events": {"get": {"responses": EVENTS}},
        "/chat": {"post": {"responses": {"default": {"$ref": "#/components/responses/Both"}}}},
        "/failed": {"get": {"responses": {"500": EVENTS["200"]}}},
    }
    data = document(paths, components={"responses": {"Both": both["200"]}})
    assert [("handoff" in route) for route in routes_of(data)] == [True, True, False]
    assert 'To have the edge hold it, write `sse: {channel: "rooms-events-{room_id}"}`' in remarks_of(data)
    assert "it may answer text/event-stream: if the backend always streams that itself, `forward` is enough" in remarks_of(data)


def test_swagger() -> None:
    data = {
        "swagger": "2.0",
        "host": "api.example.com:8080",
        "basePath": "/v2",
        "schemes": ["http"],
        "produces": ["application/json"],
        "paths": {
            "/a/{id}": {"get": {"parameters": [{"name": "id", "in": "path", "enum": ["x"]}], "produces": ["text/event-stream"]}},
            "/b": {"post": {"schemes": ["wss"], "responses": {"101": {"description": "switched"}}}},
        },
        "securityDefinitions": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}, "login": {"type": "basic"}},
    }
    draft = draft_of(data)
    assert draft.backends["api"].data == {"url": "http://api.example.com:8080"}
    assert [route.data for route in draft.routes] == [
        {"match": {"path": "/v2/a/{id}", "where": {"id": "x"}, "method": "GET"}, "handoff": "api"},
        {"match": {"path": "/v2/b", "method": "POST"}, "forward": "api"},
    ]
    for words in (
        "security 'key': a key in the header 'X-Key', which the backend checks",
        "security 'login': a password, which the backend checks",
        "schemes: wss",
        "it answers 101: for a WebSocket, use `tunnel`",
    ):
        assert words in remarks_of(data)


@pytest.mark.parametrize(
    ("servers", "backend", "path", "words"),
    [
        (None, {"url": "https://origin.example.com"}, "/a", "the document does not say where the server is"),
        ([{"url": "/api"}], {"url": "https://origin.example.com"}, "/api/a", "the document does not say where the server is"),
        (
            [{"url": "http://localhost:3000"}],
            {"url": "https://origin.example.com", "local": "http://localhost:3000"},
            "/a",
            "Fastly",
        ),
        (
            [{"url": "https://{r}.example.com/{b}", "variables": {"r": {"default": "eu"}, "b": {"default": "v3"}}}],
            {"url": "https://eu.example.com"},
            "/v3/a",
            "the variable {r} of the server is always 'eu'",
        ),
        (
            [{"url": "https://a.example.com"}, {"url": "https://b.example.com"}],
            {"url": "https://a.example.com"},
            "/a",
            "a route has one backend: the server 'https://b.example.com' is not used",
        ),
        (
            [{"url": "https://a.example.com/v1"}, {"url": "https://a.example.com/v2"}],
            {"url": "https://a.example.com"},
            "/v1/a",
            "no route has a path of the server 'https://a.example.com/v2'",
        ),
        (
            [{"url": "https://[::x/"}],
            {"url": "https://origin.example.com"},
            "/a",
            "the document does not say where the server is",
        ),
    ],
)
def test_servers(servers: Any, backend: dict[str, Any], path: str, words: str) -> None:
    data = document({"/a": {"get": {}}})
    if servers is None:
        del data["servers"]
    else:
        data["servers"] = servers
    draft = draft_of(data)
    assert [part.data for part in draft.backends.values()] == [backend]
    assert draft.routes[0].data["match"]["path"] == path
    assert words in remarks_of(data)


def test_an_operation_can_have_a_server_of_its_own() -> None:
    own = [{"url": "https://files.example.com"}]
    data = document(
        {"/a": {"servers": own, "get": {}, "post": {"servers": [{"url": "https://up.example.com/x"}]}}, "/b": {"get": {}}}
    )
    assert [(route["forward"], route["match"]["path"]) for route in routes_of(data)] == [
        ("files", "/a"),
        ("up", "/x/a"),
        ("api", "/v1/b"),
    ]


def test_what_has_no_equal_is_named() -> None:
    paths = {
        "/a": {
            "x-amazon": 1,
            "get": {"security": [{"jwt": []}, {"key": [], "jwt": []}], "callbacks": {}, "x-amazon": 2},
            "post": {"security": []},
        },
        "/b": {"$ref": "other.yaml#/b"},
        "/c?x=1": {"get": {}},
        "x-note": {},
    }
    schemes = {
        "jwt": {"type": "http", "scheme": "bearer"},
        "oidc": {"type": "openIdConnect", "openIdConnectUrl": "https://login.example.com/.well-known/openid-configuration"},
        "tls": {"type": "mutualTLS"},
    }
    paths["/d/{x}/{x}"] = {"get": {}}
    data = document(paths, security=[{"jwt": []}], components={"securitySchemes": schemes}, webhooks={"n": {}})
    remarks = remarks_of(data)
    for words in (
        "x-amazon: not read",
        "security: jwt or key and jwt",
        "security: none is needed here",
        "security of all operations: jwt",
        "callbacks are requests of the API to others",
        "webhooks are requests of the API to others",
        "the reference 'other.yaml#/b' is not followed",
        "left out: '/c?x=1' is no path",
        "left out: 'get /d/{x}/{x}' cannot be matched",
        "security 'jwt': a token, which the backend checks. If it is a JWT, the edge can check it first: `auth: {keys: ",
        "`auth: {issuer: https://login.example.com, keys: {algorithm: RS256, file: keys/login.pem}}`",
        "security 'tls': the backend checks it",
    ):
        assert words in remarks
    assert remarks.count("x-amazon") == 1
    assert len(routes_of(data)) == 2


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 0, "it is empty"),
        ("- a\n", 0, "it is no object"),
        ("openapi: 4.0.0\npaths: {}\n", 0, "its version is '4.0.0'"),
        ("openapi: 3.0.0\npaths: {}\n", 0, "it has no operation"),
        ("openapi: 3.0.0\npaths: 5\n", 2, "'paths' is no object"),
        ("openapi: 3.0.0\npaths:\n  /a: {get: 5}\n", 3, "'get' is no object"),
        ("openapi: 3.0.0\npaths:\n  /a: {parameters: {a: 1}, get: {}}\n", 3, "'parameters' is no list of objects"),
        ("openapi: 3.0.0\npaths: {/a: {get: {}}}\npaths: {}\n", 3, "the key 'paths' appears twice in its mapping"),
        ("openapi: 3.0.0\n\tpaths: {}\n", 2, "it is not well-formed"),
        ("openapi: 3.0.0\n---\na: 1\n", 3, "it has a second document"),
        ("openapi: 3.0.0\na: *b\n", 2, "the alias 'b' stands for nothing"),
        ("openapi: 3.0.0\na: &b [*b]\n", 2, "the alias 'b' stands for nothing"),
        ("openapi: 3.0.0\n? [a]\n: b\n", 2, "a key is not text"),
        ("openapi: 3.0.0\na: " + "[" * 200 + "]" * 200 + "\n", 2, "it is nested too deeply"),
        ('{"openapi": "3.0.0", "openapi": "3.0.0"}', 1, "the key 'openapi' appears twice in its mapping"),
        ('{"openapi": "3.0.0",\n}', 2, "it is not JSON"),
    ],
)
def test_a_bad_document_is_refused(text: str, line: int, words: str) -> None:
    with pytest.raises(NotImported, match=re.escape(words)) as refused:
        import_openapi(text)
    assert refused.value.line in (line, line or 1)


def test_aliases_and_merged_keys_are_understood() -> None:
    text = "openapi: 3.0.0\nx-a: &a\n  get: {}\npaths:\n  /a: *a\n  /b:\n    <<: *a\n    post: {}\n"
    assert [(route.data["match"]["path"], route.data["match"]["method"]) for route in import_openapi(text).routes] == [
        ("/a", "GET"),
        ("/b", "GET"),
        ("/b", "POST"),
    ]


def test_aliases_do_not_multiply() -> None:
    """Tests a file whose aliases stand for 10^9 lists."""
    lines = [f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10) if n else 'x'}]" for n in range(10)]
    text = "\n".join(["openapi: 3.0.0", *lines, "paths: {/a: {get: {}}}"])
    assert len(import_openapi(text).routes) == 1


def test_references_in_a_circle_end() -> None:
    data = document({"/a": {"$ref": "#/components/b"}, "/c": {"get": {}}}, components={"b": {"$ref": "#/components/b"}})
    assert "the reference '#/components/b' is not followed" in remarks_of(data)


def test_too_many_operations_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openapi_import, "MAX_OPERATIONS", 1)
    with pytest.raises(NotImported, match="more than 1 operations"):
        import_openapi(json.dumps(document({"/a": {"get": {}, "post": {}}})))
