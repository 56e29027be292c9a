"""Tests where a token for Fastly's API comes from, and that no message tells it."""

from pathlib import Path

import pytest

from fanroute.project.fastly_token import NoToken, config_file, find_token

# As `fastly auth login` writes it since version 14, and as earlier versions wrote it.
CURRENT = """
config_version = 7
[auth]
default = "work"
[auth.tokens.home]
type = "static"
token = "of-home"
[auth.tokens.work]
type = "static"
token = "of-work"
email = "ann@example.com"
[profile.old]
default = true
token = "of-old"
"""
FORMER = """
config_version = 6
[fastly]
api_endpoint = "https://api.fastly.com"
[profile]
[profile.home]
default = false
email = ""
token = "of-home"
[profile.work]
default = true
email = "ann@example.com"
token = "of-work"
"""


def environment(folder: Path, config: str | bytes | None) -> dict[str, str]:
    if config is not None:
        (folder / "fastly").mkdir(parents=True, exist_ok=True)
        (folder / "fastly/config.toml").write_bytes(config.encode() if isinstance(config, str) else config)
    return {"XDG_CONFIG_HOME": str(folder), "HOME": "/nowhere"}


@pytest.mark.parametrize("config", [CURRENT, FORMER])
def test_the_default_profile_has_the_token(tmp_path: Path, config: str) -> None:
    token = find_token(environment(tmp_path, config))
    assert (token.value, token.source) == ("of-work", "the Fastly CLI's profile 'work'")
    assert "of-work" not in repr(token)


def test_the_environment_comes_first(tmp_path: Path) -> None:
    token = find_token(environment(tmp_path, CURRENT) | {"FASTLY_API_TOKEN": " of-environment\n"})
    assert (token.value, token.source) == ("of-environment", "FASTLY_API_TOKEN")
    assert find_token(environment(tmp_path, CURRENT) | {"FASTLY_API_TOKEN": ""}).value == "of-work"


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (None, "there is no token for Fastly's API: set FASTLY_API_TOKEN, or log in with the Fastly CLI"),
        ("", "has no default profile"),
        ('auth = "s3cret"', "has no default profile"),
        ('[auth]\ndefault = "a"\ntokens = ["s3cret"]', "has no default profile"),
        ('[auth]\ndefault = ["s3cret"]', "has no default profile"),
        ('[profile]\na = "s3cret"\n[profile.b]\ndefault = "true"\ntoken = "s3cret"', "has no default profile"),
        ('token = "s3cret', "cannot be read (it is not TOML)"),
        (b'token = "s3cret\xff"', "cannot be read (it is not TOML)"),
        ('[profile.a]\ndefault = true\ntoken = "s3cret\\nline"', "profile 'a' has characters that no token has"),
    ],
)
def test_no_error_tells_the_token(tmp_path: Path, config: str | bytes | None, told: str) -> None:
    with pytest.raises(NoToken) as raised:
        find_token(environment(tmp_path, config))
    assert told in str(raised.value)
    assert "s3cret" not in str(raised.value)
    assert (raised.value.__cause__ is None and raised.value.__suppress_context__) or config is None or "profile" in told


@pytest.mark.parametrize("value", ["s3cret s3cret", "s3cret\nx", "s3crét", "s3cret\0"])
def test_a_token_of_the_environment_is_checked(value: str) -> None:
    with pytest.raises(NoToken, match="the token of FASTLY_API_TOKEN has characters that no token has") as raised:
        find_token({"FASTLY_API_TOKEN": value})
    assert "s3cr" not in str(raised.value)


def test_the_file_is_where_the_cli_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert config_file({"HOME": "/home/ann"}) == Path("/home/ann/.config/fastly/config.toml")
    assert config_file({"HOME": "/home/ann", "XDG_CONFIG_HOME": "/c"}) == Path("/c/fastly/config.toml")
    assert config_file({"HOME": "/home/ann", "XDG_CONFIG_HOME": "c"}) == Path("/home/ann/.config/fastly/config.toml")
    with pytest.raises(NoToken, match="no home folder"):
        config_file({})
    monkeypatch.setattr("sys.platform", "darwin")
    found = config_file({"HOME": "/Users/ann", "XDG_CONFIG_HOME": "/c"})
    assert found == Path("/Users/ann/Library/Application Support/fastly/config.toml")
