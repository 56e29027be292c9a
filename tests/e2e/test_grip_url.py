"""The GRIP_URL that `fanroute grip-url` and `fanroute serve` print: the libraries publish with it, and check Grip-Sig."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import jwt
import pytest

from fanroute.plan.signing import DEV_KEY
from tests.conftest import GRIP_SIG
from tests.e2e.conftest import Edge
from tests.e2e.origin import seen, values
from tests.e2e.test_signature import FORGED, VICEROY
from tests.support.grip_libraries import LANGUAGES, publish_and_verify

# A library may accept the deep ones that are signed.
UNSIGNED = [value for name, value in FORGED.items() if value and "deep" not in name]
REFUSED = [*UNSIGNED, jwt.encode(VICEROY | {"iss": "fastly:0000000000000000000000"}, DEV_KEY, "HS256")]


def printed(edge: Edge) -> str:
    """Returns the URL that `fanroute grip-url` prints for an edge."""
    command = [sys.executable, "-P", "-m", "fanroute", "grip-url"]
    done = subprocess.run(command, cwd=edge.folder, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.removesuffix("\n")


@pytest.mark.parametrize("path", ["/", "/service/7i6HN3TK9wS159v2gPAZ8A"], ids=["as printed", "with the path of a service"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_library_publishes_and_verifies(edge: Edge, language: str, path: str, tmp_path: Path) -> None:
    """Tests a real Grip-Sig, which an origin behind the edge has received, and forged ones."""
    url = urlsplit(printed(edge))
    assert f"{url.scheme}://{url.netloc}/publish/" == edge.publish_url
    (signature,) = values(seen(edge.request("GET", "/x", "www.example.com")), "grip-sig")
    with edge.client.stream("GET", "/test/stream") as answer:
        lines = answer.iter_lines()
        signatures = [signature, GRIP_SIG, *REFUSED]
        accepted = publish_and_verify(language, tmp_path, url._replace(path=path).geturl(), f"from {language}", signatures)
        assert next(line for line in lines if line) == f"from {language}"
    assert accepted == [True, True, *(False for _ in REFUSED)]


def test_serve_prints_the_same_url(edge: Edge) -> None:
    assert any(line.endswith(f" GRIP_URL='{printed(edge)}'\n") for line in edge.output)
