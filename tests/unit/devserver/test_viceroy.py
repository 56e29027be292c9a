"""How the local edge starts Pushpin."""

import asyncio
import configparser
from pathlib import Path
from typing import Any

import pytest

from fanroute.devserver import viceroy
from fanroute.devserver.pushpin import Pushpin
from fanroute.devserver.viceroy import LOSES_MESSAGES, ViceroyService, pushpin_files
from fanroute.devserver.visits import Reporter
from fanroute.project.processes import ProgramFailed


@pytest.mark.parametrize(("version", "told"), [("1.36.0", True), ("1.40.1", True), ("1.41.0", False), ("2.0.0", False)])
def test_an_old_pushpin_is_told_of(tmp_path: Path, version: str, told: bool) -> None:
    pushpin = tmp_path / "pushpin"
    pushpin.write_text(f'#!/bin/sh\ntest "$1" = --version && echo pushpin {version}\n')
    pushpin.chmod(0o755)
    events: list[Any] = []
    service = ViceroyService(pushpin, {}, "")

    async def start() -> None:
        async with viceroy.serve(pushpin, pushpin, service, tmp_path / "logs", 0, 0, Reporter(events.append)):
            pass

    with pytest.raises(ProgramFailed):
        asyncio.run(start())
    assert [event.text for event in events] == ([f"Pushpin {version} {LOSES_MESSAGES}"] if told else [])


def test_pushpin_keeps_what_it_holds(tmp_path: Path) -> None:
    """By default Pushpin asks the backend again for each long-poll, a second after the channel's first subscription."""
    files = pushpin_files(tmp_path, tmp_path, {}, 1, ("127.0.0.1", 2), Pushpin(tmp_path, "1.41.0"), False)
    config = configparser.ConfigParser()
    config.read_string(files[tmp_path / "pushpin.conf"].decode())
    assert config["handler"]["update_on_first_subscription"] == "false"
