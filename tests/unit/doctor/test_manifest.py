"""Tests how fastly.toml is compared with routes.yaml."""

from pathlib import Path

import pytest

from fanroute.doctor.finding import Finding
from fanroute.doctor.manifest import check_manifest
from tests.support.doctor import examined, found

BUILD = "Run `fanroute build`, which writes it."


def built(folder: Path) -> str:
    """Returns fastly.toml as a build writes it."""
    return examined(folder).wanted


def test_what_a_build_writes_is_right(tmp_path: Path) -> None:
    (finding,) = found(check_manifest, examined(tmp_path, manifest=built(tmp_path)))
    assert finding == Finding("fastly.toml", "ok", "as a build writes it")


def test_a_missing_one_is_a_warning(tmp_path: Path) -> None:
    (finding,) = found(check_manifest, examined(tmp_path))
    assert finding == Finding("fastly.toml", "warning", "there is none, and the Fastly CLI needs it", BUILD)


def test_one_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    (finding,) = found(check_manifest, examined(tmp_path, manifest_error="line 1, column 2: it is not TOML"))
    assert (finding.status, finding.text) == ("error", "line 1, column 2: it is not TOML")


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        ('address = "app.example.com"', 'address = "old.example.com"', "setup.backends.origin.address"),
        ("[scripts]\n", "[other]\n", "scripts"),
        ("[setup.products.websockets]\nenable = true", "", "setup.products.websockets"),
        ('language = "other"', 'language = "rust"', "language"),
    ],
)
def test_what_a_build_would_change_is_told(tmp_path: Path, written: str, instead: str, told: str) -> None:
    text = built(tmp_path)
    assert written in text
    (finding,) = found(check_manifest, examined(tmp_path, manifest=text.replace(written, instead)))
    assert finding == Finding("fastly.toml", "warning", f"a build would change {told}", BUILD)
    assert "old.example.com" not in finding.text


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("", "its manifest_version is missing"),
        ("manifest_version = 2\n", "its manifest_version is not the one that the Fastly CLI reads"),
        ("manifest_version = '3'\n", "its manifest_version is not the one that the Fastly CLI reads"),
    ],
)
def test_another_version_is_an_error(tmp_path: Path, version: str, told: str) -> None:
    text = built(tmp_path).replace("manifest_version = 3\n", version)
    (finding,) = found(check_manifest, examined(tmp_path, manifest=text))
    assert finding == Finding("fastly.toml", "error", told, "Write manifest_version = 3.")


@pytest.mark.parametrize("place", ["setup", "local_server"])
def test_a_backend_that_is_left_over_is_told(tmp_path: Path, place: str) -> None:
    text = f"{built(tmp_path)}\n[{place}.backends.former]\nport = 443\n"
    (finding,) = found(check_manifest, examined(tmp_path, manifest=text))
    assert (finding.status, finding.text) == ("warning", f"{place}.backends.former is no backend of routes.yaml")
