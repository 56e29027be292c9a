"""Who can use the publish port: programs and pages of this machine, and no other page of the web."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from fanroute.project.workspace import Workspace
from tests.conftest import OWN_HOST
from tests.e2e.browser import Browser
from tests.e2e.conftest import ANSWER_TIMEOUT, Edge, processes, running
from tests.e2e.origin import Origin
from tests.support.builds import copied


@contextmanager
def held(edge: Edge) -> Iterator[Iterator[str]]:
    """Yields the lines of a stream that is held on the channel `test`."""
    with edge.client.stream("GET", "/test/stream", headers={"Host": OWN_HOST}) as answer:
        assert answer.status_code == 200
        yield answer.iter_lines()


def item(content: str) -> str:
    return json.dumps({"items": [{"channel": "test", "formats": {"http-stream": {"content": content}}}]})


def asked(port: int, *headers: str, target: str = "/publish/") -> int:
    """Returns the status of a publish request that is written by hand."""
    body = item("asked\n")
    lines = [f"POST {target} HTTP/1.1", *headers, f"Content-Length: {len(body)}", "Connection: close", "", body]
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_TIMEOUT) as connection:
        connection.sendall("\r\n".join(lines).encode())
        return int(connection.makefile("rb").readline().split()[1])


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port
    return port


HERE = ["127.0.0.1", "127.0.0.1:1", "127.8.9.10:5561", "localhost", "LocalHost:80", "[::1]", "[::1]:5561", "[0:0:0:0:0:0:0:1]:1"]
ELSEWHERE = """
evil.example.com evil.example.com:5561 localhost.evil.example.com 127.0.0.1.evil.example.com evil-localhost
localhost@evil.example.com
0.0.0.0:5561 [::]:5561 169.254.169.254 [fe80::1] 2130706433 0x7f.1 localhost:80:80 localhost:x localhost. ::1 [::1
""".split()


@pytest.mark.parametrize("host", HERE)
def test_a_host_of_this_machine_is_served(edge: Edge, host: str) -> None:
    port = port_of(edge.publish_url)
    assert asked(port, f"Host: {host}") == 200
    assert asked(port, f"Host: {host}", "Origin: http://" + host, "Sec-Fetch-Site: same-origin") == 200


@pytest.mark.parametrize("host", ELSEWHERE)
def test_a_foreign_host_is_refused(edge: Edge, host: str) -> None:
    with held(edge) as lines:
        assert asked(port_of(edge.publish_url), f"Host: {host}") == 403
        edge.publish("test", http_stream={"content": "good\n"})
        assert next(lines) == "good"


@pytest.mark.parametrize(
    "hosts", [[], ["Host:"], ["Host: localhost", "Host: localhost"], ["Host: localhost", "Host: evil.example.com"]]
)
def test_a_publish_request_has_one_host(edge: Edge, hosts: list[str]) -> None:
    assert asked(port_of(edge.publish_url), *hosts) in (400, 403)


@pytest.mark.parametrize(
    "page",
    [f"http://{host}" for host in ELSEWHERE]
    + [
        "null",
        "",
        "NULL",
        "localhost",
        "//localhost",
        "file://",
        "file://localhost",
        "chrome-extension://localhost",
        "http://",
        "http://localhost/",
        "http://localhost http://evil.example.com",
        "http://evil.example.com, http://localhost",
    ],
)
def test_a_foreign_origin_is_refused(edge: Edge, page: str) -> None:
    port = port_of(edge.publish_url)
    assert asked(port, "Host: localhost", f"Origin: {page}") == 403
    assert asked(port, "Host: localhost", f"oRIGIN: {page}", "Sec-Fetch-Site: same-origin") == 403


def test_of_two_origins_both_count(edge: Edge) -> None:
    port = port_of(edge.publish_url)
    assert asked(port, "Host: localhost", "Origin: http://localhost", "Origin: http://evil.example.com") in (400, 403)
    assert asked(port, "Host: localhost", "Origin: http://evil.example.com", "Origin: http://localhost") in (400, 403)


@pytest.mark.parametrize(
    ("site", "status"),
    [("none", 200), ("same-site", 200), ("same-origin", 200), ("", 200), ("cross-site", 403), ("Cross-Site ", 403)],
)
def test_another_site_is_refused(edge: Edge, site: str, status: int) -> None:
    assert asked(port_of(edge.publish_url), "Host: localhost", f"Sec-Fetch-Site: {site}") == status


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT"])
@pytest.mark.parametrize("path", ["/", "/publish/", "/recover", "/service/x/publish/"])
def test_every_request_is_checked(edge: Edge, method: str, path: str) -> None:
    url = edge.publish_url.removesuffix("/publish/") + path
    assert httpx.request(method, url, headers={"Origin": "http://evil.example.com"}, trust_env=False).status_code == 403


def test_only_the_publish_port_is_checked(edge: Edge) -> None:
    """Pages' requests to the edge itself are up to the routes."""
    headers = {"Origin": "http://evil.example.com", "Sec-Fetch-Site": "cross-site"}
    assert edge.request("GET", "/x", "www.example.com", headers=headers).status_code == 200


def test_fastlys_path_publishes(edge: Edge) -> None:
    """With an API token, so that production code can publish to a local edge. As at Fastly, the path ends with a slash."""
    url = edge.publish_url.removesuffix("/publish/") + "/service/7i6HN3TK9wS159v2gPAZ8A/publish"
    with held(edge) as lines:
        body = item("as at Fastly\n")
        answer = httpx.post(
            f"{url}/", content=body, headers={"Fastly-Key": "token", "Origin": "http://localhost"}, trust_env=False
        )
        assert (answer.status_code, answer.text) == (200, "Published\n")
        assert next(lines) == "as at Fastly"
    for other in (url, f"{url}/x", f"{url}/?x", url.replace("/service/", "/service/x/") + "/"):
        assert httpx.post(other, content=body, trust_env=False).status_code == 404


def test_no_other_port_publishes(edge: Edge) -> None:
    """A page can try all ports of 127.0.0.1."""
    inodes = {
        found.group(1)
        for pid in processes(edge)
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if link.is_symlink() and (found := re.fullmatch(r"socket:\[(\d+)\]", str(link.readlink())))
    }
    sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = {int(fields[1].rpartition(":")[2], 16) for fields in sockets if fields[3] == "0A" and fields[9] in inodes}
    assert {port_of(edge.url), port_of(edge.publish_url)} <= listening
    with held(edge) as lines:
        for port in listening:
            with suppress(OSError, IndexError, ValueError):  # it listens on another address, or is no HTTP server
                asked(port, "Host: localhost", "Origin: http://evil.example.com")
        edge.publish("test", http_stream={"content": "good\n"})
        assert next(lines) == "good"


def test_further_names_may_be_allowed(own_project: Workspace, tmp_path: Path) -> None:
    """For containers: the host and the pages of this name, and no others."""
    copied(own_project, tmp_path)
    with running("embedded", tmp_path, "--allow-host", "Host.docker.internal", "--allow-host", "[fd00:0::1]") as edge:
        port = port_of(edge.publish_url)
        for host in ("host.docker.internal:5561", "HOST.DOCKER.INTERNAL", "[fd00::1]:80", "localhost"):
            assert asked(port, f"Host: {host}", f"Origin: https://{host}") == 200
        for host in ("docker.internal", "x.host.docker.internal", "[fd00::2]"):
            assert asked(port, f"Host: {host}") == asked(port, "Host: localhost", f"Origin: http://{host}") == 403
        assert asked(port, "Host: host.docker.internal", "Sec-Fetch-Site: cross-site") == 403


# A page's attempts to publish, which must fail. They get the publish port's URL and the body of a publish request.
ATTACKS = {
    "a simple request": "await fetch(args[0] + '/publish/', {method: 'POST', mode: 'no-cors', body: args[1]});",
    "with Fastly's path": "await fetch(args[0] + '/service/x/publish/', {method: 'POST', mode: 'no-cors', body: args[1]});",
    "a beacon": "navigator.sendBeacon(args[0] + '/publish/', args[1]); await fetch(args[0], {mode: 'no-cors'});",
    "a sandboxed frame": """
        const frame = document.createElement('iframe');
        frame.sandbox = 'allow-scripts';
        const [url, body] = [args[0] + '/publish/', args[1]].map((text) => JSON.stringify(text));
        frame.srcdoc = `<script>fetch(${url}, {method: 'POST', mode: 'no-cors', body: ${body}})
            .finally(() => parent.postMessage('done', '*'))</script>`;
        const done = new Promise((resolve) => addEventListener('message', resolve, {once: true}));
        document.documentElement.append(frame);
        await done;
    """,
    "a form": """
        const form = document.createElement('form'), field = document.createElement('input');
        form.action = args[0] + '/publish/'; form.method = 'POST'; form.enctype = 'text/plain'; form.target = args[0];
        [field.name, field.value] = args[1].replace('}]}', ', "meta": {"a": "=b"}}]}').split('=');
        form.append(field);
        const frame = document.createElement('iframe');
        frame.name = args[0];
        document.documentElement.append(frame, form);
        await new Promise((resolve) => { frame.onload = resolve; form.submit(); });
    """,
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_foreign_page_publishes_nothing(edge: Edge, origin: Origin, chromium: Browser, attack: str) -> None:
    """The page is of another site, and sends a request that needs no preflight."""
    port, page = port_of(edge.publish_url), port_of(origin.url)
    chromium.open(f"http://evil.example.com:{page}/")
    with held(edge) as lines:
        for host in ("127.0.0.1", "localhost"):
            chromium.run(ATTACKS[attack], f"http://{host}:{port}", item("evil\n"))
        edge.publish("test", http_stream={"content": "good\n"})
        assert next(lines) == "good"


def test_a_rebound_name_publishes_nothing(edge: Edge, chromium: Browser) -> None:
    """The page's name leads to this machine now, so its browser takes the publish port for the page's own origin."""
    chromium.open(f"http://rebound.example.com:{port_of(edge.publish_url)}/")
    with held(edge) as lines:
        script = "return (await fetch('/publish/', {method: 'POST', body: args[0]})).status;"
        assert chromium.run(script, item("evil\n")) == 403
        edge.publish("test", http_stream={"content": "good\n"})
        assert next(lines) == "good"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_page_of_this_machine_publishes(edge: Edge, origin: Origin, chromium: Browser, host: str) -> None:
    """If it uses its own host's name in the publish URL: for a browser, localhost and 127.0.0.1 are two sites."""
    port, page = port_of(edge.publish_url), port_of(origin.url)
    chromium.open(f"http://{host}:{page}/")
    with held(edge) as lines:
        chromium.run(ATTACKS["a simple request"], f"http://{host}:{port}", item("from a page\n"))
        assert next(lines) == "from a page"
        other = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}[host]
        chromium.run(ATTACKS["a simple request"], f"http://{other}:{port}", item("from another site\n"))
        edge.publish("test", http_stream={"content": "good\n"})
        assert next(lines) == "good"
