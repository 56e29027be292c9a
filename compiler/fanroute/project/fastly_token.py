"""Finds a token for Fastly's API: that of the environment, or the one that the Fastly CLI keeps.

Source: https://github.com/fastly/cli/tree/main/pkg/config (`FilePath` of config.go, auth.go, and `Profile` of older versions).
"""

import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fanroute.project.folder import read

VARIABLE = "FASTLY_API_TOKEN"
_NONE = "there is no token for Fastly's API"
# The characters that the value of a header may have. A line end in a token would otherwise be told with the token.
_TOKEN = re.compile(r"[!-~]+")


class NoToken(Exception):
    """Reports that there is no token, or that it cannot be used. No text contains it.

    Attributes:
        problem: what is wrong.
        fix: what to do about it, in one sentence.
    """

    fix = f"Set {VARIABLE}, or log in with the Fastly CLI."

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem}: {self.fix[0].lower()}{self.fix[1:-1]}")
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Token:
    """Holds a token, which is never printed, and says where it comes from."""

    value: str = field(repr=False)
    source: str


def find_token(environment: Mapping[str, str]) -> Token:
    """Returns the token of FASTLY_API_TOKEN, or else that of the Fastly CLI's default profile. Raises NoToken."""
    if value := environment.get(VARIABLE, "").strip():
        return _checked(value, VARIABLE)
    file = config_file(environment)
    try:
        config = tomllib.loads(read(file).decode())
    except FileNotFoundError:
        raise NoToken(_NONE) from None
    except (OSError, ValueError) as error:
        # The text of a decoding error could contain a part of the file.
        reason = error.strerror if isinstance(error, OSError) else "it is not TOML"
        raise NoToken(f"{file} cannot be read ({reason})") from None
    name, value = _default_token(config)
    if not value:
        raise NoToken(f"the Fastly CLI has no default profile in {file}")
    return _checked(value, f"the Fastly CLI's profile {name!a}")


def config_file(environment: Mapping[str, str]) -> Path:
    """Returns the file in which the Fastly CLI keeps its tokens. Raises NoToken if the environment names no place for it."""
    home = environment.get("HOME", "")
    base = Path(home, "Library", "Application Support") if sys.platform == "darwin" else Path(home, ".config")
    chosen = environment.get("XDG_CONFIG_HOME", "") if sys.platform != "darwin" else ""
    folder = Path(chosen) if Path(chosen).is_absolute() else base
    if not folder.is_absolute():
        raise NoToken("there is no token for Fastly's API, and no home folder to find the Fastly CLI's in")
    return folder / "fastly" / "config.toml"


def _default_token(config: dict[str, Any]) -> tuple[str, str]:
    """Returns the name and token of the CLI's default profile; "" for each that is missing."""
    auth = _table(config, "auth")
    name = str(auth.get("default", ""))
    if token := _table(_table(auth, "tokens"), name).get("token"):
        return name, str(token)
    profiles = {name: _table(_table(config, "profile"), name) for name in _table(config, "profile")}
    found = ((name, str(profile.get("token", ""))) for name, profile in profiles.items() if profile.get("default") is True)
    return next(found, ("", ""))


def _table(table: dict[str, Any], key: str) -> dict[str, Any]:
    value = table.get(key)
    return value if isinstance(value, dict) else {}


def _checked(value: str, source: str) -> Token:
    if not _TOKEN.fullmatch(value):
        raise NoToken(f"the token of {source} has characters that no token has, such as a space or a line end")
    return Token(value, source)
