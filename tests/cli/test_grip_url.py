"""Tests `fanroute grip-url`: for Fastly, with the libraries that take the URL. tests/e2e/test_grip_url.py has local edges."""

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fanroute.cli import main
from fanroute.devserver.config import EdgeUrls
from fanroute.devserver.running import announce
from fanroute.project.workspace import Workspace
from tests.support.grip_libraries import LANGUAGES, publish_and_verify
from tests.support.scripted import scripted
from tests.unit.runtime.grip.test_signature import FASTLYS, FASTLYS_END

SERVICE = "7i6HN3TK9wS159v2gPAZ8A"
TOKEN = "s3cret-t0ken_"
KEY = "viceroy_dev_signing_key_dont_use_in_production"
PARAMETERS = f"key={KEY}&verify-iss=viceroy&verify-key={KEY}"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes the current folder an empty one, whose user has a token for Fastly's API."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FASTLY_API_TOKEN", TOKEN)
    monkeypatch.delenv("FASTLY_API_ENDPOINT", raising=False)
    return tmp_path


def grip_url(*arguments: str, **environment: str) -> Result:
    done = CliRunner().invoke(main, ["grip-url", *arguments], env=environment)
    assert TOKEN not in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done


def test_the_running_edge_is_found(folder: Path) -> None:
    with announce(Workspace(folder / "routes.yaml"), EdgeUrls("http://127.0.0.1:1", "http://127.0.0.1:2/publish/"), {}):
        done = grip_url()
        other = grip_url("--routes", "other/routes.yaml")
    assert (done.exit_code, done.stdout, done.stderr) == (0, f"http://127.0.0.1:2/?{PARAMETERS}\n", "")
    assert (other.exit_code, other.stdout) == (0, f"http://127.0.0.1:5561/?{PARAMETERS}\n")
    assert other.stderr == "No `fanroute serve` runs for other/routes.yaml: this is for the usual ports\n"


def test_the_token_is_not_printed() -> None:
    done = grip_url("--service", SERVICE)
    assert done.exit_code == 0
    assert done.stdout.startswith(
        f"https://api.fastly.com/service/{SERVICE}?key=$FASTLY_API_TOKEN&verify-iss=fastly:{SERVICE}&verify-key=base64:"
    )
    assert done.stderr == "Put a token for Fastly's API in place of $FASTLY_API_TOKEN: Fanroute does not print it\n"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_library_publishes_to_fastly_and_knows_its_key(folder: Path, language: str) -> None:
    """Tests a Grip-Sig of Fastly's Fanout, from the time before its issuer named the service."""
    changed = FASTLYS[:-3] + ("A" if FASTLYS[-3] != "A" else "B") + FASTLYS[-2:]
    with scripted((200, {}, b"Published\n")) as api:
        printed = grip_url("--service", SERVICE, FASTLY_API_ENDPOINT=api.url).stdout.rstrip()
        # As in `export GRIP_URL="…"`, a shell puts the token into the URL.
        url = subprocess.run(["sh", "-c", f'printf %s "{printed}"'], capture_output=True, text=True, check=True).stdout
        url = url.replace(f"fastly:{SERVICE}", "fastly")
        accepted = publish_and_verify(language, folder, url, "hello", [FASTLYS, changed], FASTLYS_END - 1)
    assert accepted == [True, False]
    (request,) = api.seen
    assert (request.method, request.path) == ("POST", f"/service/{SERVICE}/publish/")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


def test_wrong_usage_is_told() -> None:
    both = grip_url("--local", "--service", SERVICE)
    assert (both.exit_code, "--local and --service exclude each other" in both.stderr) == (2, True)
    for service in ("", "a/b", "a?key=b", "é"):
        done = grip_url("--service", service)
        assert (done.exit_code, done.stdout, "only letters and digits" in done.stderr) == (2, "", True)


def test_an_api_that_is_not_safe_is_refused() -> None:
    done = grip_url("--service", SERVICE, FASTLY_API_ENDPOINT="http://api.example.com")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: FASTLY_API_ENDPOINT is not https://HOST")
