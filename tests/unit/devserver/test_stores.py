"""The local stores of a fastly.toml, and errors in them."""

import pytest

from fanroute.devserver.config import Stores
from fanroute.devserver.stores import read_local_stores
from fanroute.project.workspace import BadManifest

FILES = {
    "good.json": b'{"key": "v\xc3\xa4lue", "other": ""}',
    "number.json": b'{"key": 1}',
    "list.json": b"[]",
    "broken.json": b"{",
    "deep.json": b"[" * 50_000 + b"]" * 50_000,
    "map.json": b'{"key": ' * 50_000 + b"1" + b"}" * 50_000,
    "not-text.json": b'{"key": "\xff"}',
    "key with space.json": b'{"a key": "value"}',
    "binary": b"\0\xff",
}


def read(path: str) -> bytes:
    if "\0" in path:
        raise ValueError("embedded null byte")
    if path not in FILES:
        raise FileNotFoundError(2, "No such file or directory", path)
    return FILES[path]


def stores(text: str) -> Stores:
    return read_local_stores(text, read, {"VARIABLE": "value", "NOT_TEXT": "\udcff"})


@pytest.mark.parametrize(
    "text", ["", "name = 'x'", "[local_server]", "[local_server.config_stores]\n[local_server.secret_stores]"]
)
def test_there_may_be_none(text: str) -> None:
    assert stores(text) == Stores()


@pytest.mark.parametrize("key", ["config_stores", "dictionaries"])
def test_config_stores(key: str) -> None:
    text = f"""
    [local_server.{key}.inline]
    format = "inline-toml"
    [local_server.{key}.inline.contents]
    key = "välue"
    "a key" = ""
    [local_server.{key}."of a file"]
    format = "json"
    file = "good.json"
    """
    assert stores(text) == Stores({"inline": {"key": "välue", "a key": ""}, "of a file": {"key": "välue", "other": ""}})


def test_secret_stores() -> None:
    text = """
    [local_server.secret_stores]
    inline = [{key = "data", data = "välue"}, {key = "file", file = "binary"}, {key = "unset", env = "UNSET"}]
    of-a-file = {format = "json", file = "good.json"}
    empty = []
    [[local_server.secret_stores.tables]]
    key = "a.b-c_D"
    env = "VARIABLE"
    [[local_server.secret_stores.tables]]
    key = "not-text"
    env = "NOT_TEXT"
    """
    assert stores(text).secret == {
        "inline": {"data": "välue".encode(), "file": b"\0\xff", "unset": b""},
        "of-a-file": {"key": "välue".encode(), "other": b""},
        "empty": {},
        "tables": {"a.b-c_D": b"value", "not-text": b"\xff"},
    }


NEEDED = "needs 'format = \"inline-toml\"' and 'contents', or 'format = \"json\"' and 'file'"
CONFIG = "[local_server.config_stores.x]\n"
SECRET = "[local_server.secret_stores]\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("local_server = 1", "'local_server' is not a table"),
        ("local_server = {config_stores = 1}", "'local_server.config_stores' is not a table"),
        ("local_server = {secret_stores = []}", "'local_server.secret_stores' is not a table"),
        ("local_server = {config_stores = {x = 1}}", "'local_server.config_stores.x' is not a table"),
        (CONFIG, f"'local_server.config_stores.x' {NEEDED}"),
        (f"{CONFIG}format = 'inline-toml'", f"'local_server.config_stores.x' {NEEDED}"),
        (f"{CONFIG}format = 'yaml'\nfile = 'x'", f"'local_server.config_stores.x' {NEEDED}"),
        (f"{CONFIG}format = 'inline-toml'\ncontents = 1", "'local_server.config_stores.x.contents' is not a table"),
        (f"{CONFIG}format = 'inline-toml'\ncontents.k = 1", "'local_server.config_stores.x.contents.k' is not a string"),
        (f"{CONFIG}format = 'json'\nfile = 1", "'local_server.config_stores.x.file' is not a string"),
        (
            f"{CONFIG}format = 'json'\nfile = 'none'",
            "'local_server.config_stores.x.file' cannot be read: no such file or directory",
        ),
        (f'{CONFIG}format = "json"\nfile = "\\u0000"', "'local_server.config_stores.x.file' cannot be read: embedded null byte"),
        (f"{CONFIG}format = 'json'\nfile = 'number.json'", "'number.json.key' is not a string"),
        (f"{CONFIG}format = 'json'\nfile = 'list.json'", "'list.json' is not a table"),
        (f"{CONFIG}format = 'json'\nfile = 'broken.json'", "'local_server.config_stores.x.file' is not JSON: Expecting"),
        (f"{CONFIG}format = 'json'\nfile = 'deep.json'", "'local_server.config_stores.x.file' is nested too deeply"),
        (
            f"{SECRET}x = {{format = 'json', file = 'map.json'}}",
            "'local_server.secret_stores.x.file' is nested too deeply",
        ),
        (f"{CONFIG}format = 'json'\nfile = 'not-text.json'", "'local_server.config_stores.x.file' is not JSON: 'utf-8'"),
        (
            f"{CONFIG}format = 'inline-toml'\ncontents.k = '{'x' * 8001}'",
            "'local_server.config_stores.x.contents.k' has a value of more than 8000 characters",
        ),
        (
            f"{CONFIG}format = 'inline-toml'\ncontents.{'k' * 257} = ''",
            f"'local_server.config_stores.x.contents.{'k' * 257}' has a name of more than 256 characters",
        ),
        (f"{SECRET}x = 1", "'local_server.secret_stores.x' is not a table"),
        (
            f"{SECRET}x = {{}}",
            "'local_server.secret_stores.x' needs to be an array of secrets, or 'format = \"json\"' and 'file'",
        ),
        (f"{SECRET}x = ['k']", "'local_server.secret_stores.x[0]' is not a table"),
        (f"{SECRET}x = [{{data = 'd'}}]", "'local_server.secret_stores.x[0]' needs 'key' and one of 'data', 'file' and 'env'"),
        (f"{SECRET}x = [{{key = 'k'}}]", "'local_server.secret_stores.x[0]' needs 'key' and one of 'data', 'file' and 'env'"),
        (
            f"{SECRET}x = [{{key = 'k', data = 'd'}}, {{key = 'k', data = 'd', env = 'VARIABLE'}}]",
            "'local_server.secret_stores.x[1]' needs 'key' and one of 'data', 'file' and 'env'",
        ),
        (f"{SECRET}x = [{{key = 1, data = 'd'}}]", "'local_server.secret_stores.x[0].key' is not a string"),
        (f"{SECRET}x = [{{key = 'k', data = 1}}]", "'local_server.secret_stores.x[0].data' is not a string"),
        (
            f"{SECRET}x = [{{key = 'a b', data = 'd'}}]",
            "'local_server.secret_stores.x[0].key' has a name that does not consist of 1 to 255",
        ),
        (
            f"{SECRET}x = [{{key = '', data = 'd'}}]",
            "'local_server.secret_stores.x[0].key' has a name that does not consist of 1 to 255",
        ),
        (f"{SECRET}'a b' = []", "'local_server.secret_stores.a b' has a name that does not consist of 1 to 255"),
        (
            f"{SECRET}x = {{format = 'json', file = 'key with space.json'}}",
            "'key with space.json.a key' has a name that does not",
        ),
        (
            f"{SECRET}x = [{{key = 'k', file = 'none'}}]",
            "'local_server.secret_stores.x[0].file' cannot be read: no such file or directory",
        ),
    ],
)
def test_what_is_wrong_is_told(text: str, message: str) -> None:
    with pytest.raises(BadManifest) as raised:
        stores(text)
    assert str(raised.value).startswith(message)
