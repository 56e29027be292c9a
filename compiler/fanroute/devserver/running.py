"""Says where a folder's local edge runs, so that other commands find it: in a file that is locked as long as the edge runs."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from fanroute.devserver.config import EdgeUrls
from fanroute.project.workspace import Workspace

DEFAULT_PORT, DEFAULT_PUBLISH_PORT = 7676, 5561
_LOCAL = "http://127.0.0.1"


@dataclass(frozen=True, slots=True)
class FoundEdge:
    """Describes a running local edge.

    Args:
        edge: its URL.
        publish: the URL of its publish endpoint.
        hosts: the entries of the local store that let its names stand for a host; None if they are not known.
        is_certain: False if nothing says that an edge runs, and the URLs are the usual ones.
        left_behind: True if an earlier edge has ended without removing its file.
    """

    edge: str = f"{_LOCAL}:{DEFAULT_PORT}"
    publish: str = f"{_LOCAL}:{DEFAULT_PUBLISH_PORT}/publish/"
    hosts: Mapping[str, str] | None = None
    is_certain: bool = False
    left_behind: bool = False


@contextmanager
def announce(workspace: Workspace, urls: EdgeUrls, hosts: Mapping[str, str]) -> Iterator[Callable[[Mapping[str, str]], None]]:
    """Lets `find_running` find an edge as long as the context lasts. If a folder has several, it finds the newest.

    Yields a function that replaces the hosts.
    """

    def content(hosts: Mapping[str, str]) -> bytes:
        return json.dumps({"edge": urls.edge, "publish": urls.publish, "hosts": dict(hosts)}).encode()

    with workspace.announced(content(hosts)) as replace:
        yield lambda hosts: replace(content(hosts))


def find_running(workspace: Workspace) -> FoundEdge:
    """Returns the local edge that runs for a folder, or one at the usual ports. Raises OSError and Invalid."""
    content, left_behind = workspace.read_announced()
    if content is None:
        return FoundEdge(left_behind=left_behind)
    return FoundEdge(**json.loads(content), is_certain=True)
