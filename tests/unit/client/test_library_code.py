"""Runs the code that publishes with a GRIP library. It publishes the item that `publish_body` publishes."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fanroute.client.framing import Formats, Message, closing_formats, formats_for, publish_body
from fanroute.client.library_code import javascript_code, python_code
from fanroute.devserver.items import parse_publish
from tests.support.grip_libraries import javascript_command, python_command
from tests.support.scripted import scripted

KINDS = ("sse", "long_poll", "websocket")
TEXT = 'it\'s "quoted" \\n\n\r\t\x00\x7f ${x} `#{y}` </script> é \u2028 \U0001f600'
ITEMS: dict[str, tuple[str, Formats, str | None, str | None]] = {
    "one": ("test", formats_for(["websocket"], Message("hello")), None, None),
    "all": ('a"b\\', formats_for(KINDS, Message(TEXT, event="bye", id="8")), "8", "7"),
    "json": ("é", formats_for(KINDS, Message('{"a": null}', is_json=True)), None, "7"),
    "close": ("test", closing_formats(KINDS), "8", None),
}


@pytest.mark.parametrize("item", ITEMS.values(), ids=list(ITEMS))
@pytest.mark.parametrize(
    ("write", "command"), [(python_code, python_command), (javascript_code, javascript_command)], ids=["python", "javascript"]
)
def test_the_code_publishes_the_same(
    write: Callable[..., str],
    command: Callable[[str, Path], list[str]],
    item: tuple[str, Formats, str | None, str | None],
    tmp_path: Path,
) -> None:
    with scripted((200, {}, b"Published\n")) as server:
        code = write(f"{server.url}/publish/", *item)
        subprocess.run(command(code, tmp_path), check=True, timeout=60)
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/publish/")
    assert parse_publish(seen.body) == parse_publish(publish_body(*item))
