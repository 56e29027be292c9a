"""Finds the snippets in the documents, and completes a part of a routes.yaml so that it can be compiled.

A block of the language yaml is a routes.yaml or a part of one: some of its keys, some routes, or some keys of a route. If its
first line is a comment with the name of another file, it is that file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fanroute.spec.actions import ACTIONS
from fanroute.spec.document import Route, Spec
from tests.conftest import REPOSITORY

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[\w-]+)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
_FILE_NAME = re.compile(r"# (\S+\.\w+)\n")
_KEYS = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "PS256": lambda: rsa.generate_private_key(65537, 2048),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}


@dataclass(frozen=True, slots=True)
class Snippet:
    """A fenced block of a document.

    Attributes:
        page: the document's path in the repository.
        line: the line of its first line of text, from 1.
        language: such as `yaml`.
        text: its content, without the indentation of the fence.
    """

    page: str
    line: int
    language: str
    text: str

    @property
    def file(self) -> str:
        """Returns the name of the file that it shows: the one in its first line, or else routes.yaml or routes.test.yaml."""
        if named := _FILE_NAME.match(self.text):
            return named.group(1)
        return "routes.test.yaml" if self.text.startswith("tests:") else "routes.yaml"

    @property
    def is_whole(self) -> bool:
        """Returns True if it is a whole routes.yaml."""
        return self.file == "routes.yaml" and re.search(r"^version:", self.text, re.MULTILINE) is not None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def documents() -> list[Path]:
    """Returns the documents for users, sorted: README.md and the pages of the site."""
    return [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]


def snippets(document: Path) -> list[Snippet]:
    """Returns the fenced blocks of a document."""
    text = document.read_text(encoding="utf-8")
    page = document.relative_to(REPOSITORY).as_posix()
    return [
        Snippet(
            page,
            text.count("\n", 0, found.start()) + 2,
            found["language"],
            re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE),
        )
        for found in _FENCE.finditer(text)
    ]


def complete(text: str) -> dict[str, Any]:
    """Returns a whole routes.yaml, as data, that contains a part of one."""
    part = yaml.safe_load(text)
    if isinstance(part, dict) and not part.keys() <= set(Spec.model_fields):
        part = [part]
    if isinstance(part, list):
        part = {"routes": [_whole_route(route) for route in part]}
    routes = part.setdefault("routes", [{"respond": {"status": 404}}])
    backends = {"self": {"loopback": True}}
    backends |= {name: {"url": f"https://{name}.example.com"} for name in ("origin", *_backends(routes))}
    if any("publish" in str(route) for route in routes):
        part.setdefault("publishing", {"secret_store": "keys", "name": "publish-token"})
    profiles = {name: _auth() for name in _profiles(part)}
    whole = {"version": 1, "service": {"name": "chat-edge"}, **part, "backends": backends | part.get("backends", {})}
    if profiles:
        whole["auth_profiles"] = profiles | part.get("auth_profiles", {})
    return whole


def key_files(data: Any) -> Iterator[tuple[str, bytes]]:
    """Yields the files of keys that a routes.yaml names, each with a key of the first algorithm that it is for."""
    for mapping in _mappings(data):
        if "algorithm" in mapping and "file" in mapping and not mapping.get("jwks"):
            algorithm = mapping["algorithm"]
            key = _KEYS[algorithm if isinstance(algorithm, str) else algorithm[0]]()
            yield mapping["file"], key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _whole_route(part: dict[str, Any]) -> dict[str, Any]:
    """Returns a route with these keys, which matches requests that have all values to which the keys refer."""
    if "include" in part:
        return part
    route = dict(part)
    if not route.keys() <= set(Route.model_fields):
        raise AssertionError(f"no keys of a route: {sorted(route)}")
    references = dict.fromkeys(re.findall(r"\{([a-z_.]+)\}", str({key: route[key] for key in route if key != "match"})))
    if "auth" not in route and "public" not in route:
        route |= {"auth": _auth()} if any(name.startswith("claim.") for name in references) else {"public": True}
    if "match" not in route:
        path = [name for name in references if "." not in name]
        query = {name.removeprefix("query."): {"pattern": "[a-z0-9-]+"} for name in references if name.startswith("query.")}
        route["match"] = {"path": "/x" + "".join(f"/{{{name}}}" for name in path), "query": query}
        route["match"]["where"] = dict.fromkeys(path, "[a-z0-9-]+")
        if "publish" in route:
            route["match"]["method"] = "POST"
            route["publish"].setdefault("subscribers", ["sse"])
    if not route.keys() & set(ACTIONS):
        route["forward" if "cors" not in route else "sse"] = "origin" if "cors" not in route else {"channel": "test"}
    return route


def _auth() -> dict[str, Any]:
    return {"keys": {"algorithm": "HS256", "secret_store": "keys", "name": "login"}}


def _backends(routes: list[dict[str, Any]]) -> Iterator[str]:
    for route in routes:
        for action in ("handoff", "forward", "tunnel"):
            target = route.get(action)
            if target:
                yield target if isinstance(target, str) else target["backend"]


def _profiles(data: dict[str, Any]) -> Iterator[str]:
    for mapping in _mappings(data):
        auth = mapping.get("auth")
        profile = auth.get("profile") if isinstance(auth, dict) else auth
        if isinstance(profile, str):
            yield profile


def _mappings(data: Any) -> Iterator[dict[str, Any]]:
    """Yields all mappings in some data."""
    if isinstance(data, dict):
        yield data
    for value in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from _mappings(value)
