"""Defines what the checks look at, and what they report."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fanroute.doctor.network import Network
from fanroute.pipeline import Compiled
from fanroute.project.workspace import Workspace

# `skipped` says that something was not looked at.
Status = Literal["ok", "warning", "error", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Says what was looked at, and what was found. No finding contains a secret.

    Attributes:
        subject: what was looked at, such as `Pushpin`.
        status: how it is.
        text: what was found, or why it was not looked at. It continues the subject, as in "Pushpin: 1.41.0".
        fix: what to do about it, in one sentence; "" if there is nothing to do.
    """

    subject: str
    status: Status
    text: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Examined:
    """Holds what the checks look at.

    Attributes:
        workspace: the project's folder.
        environment: the variables of the environment.
        compiled: the routes.yaml; None if it has errors.
        routes_error: its first error, "" if it has none.
        manifest: the text of fastly.toml; None if there is none, or none that can be used.
        wanted: the text of fastly.toml after a build.
        manifest_error: why fastly.toml cannot be used, "" if it can.
        cache: the folder with programs that Fanroute has installed; a path below which nothing is, if it cannot be trusted.
        ports: the ports on which a local edge listens by default.
        network: asks servers; None if no server is to be asked.
        service_id: the id of the service on Fastly, "" before the first publish.
        whoami: the path, or the URL at a service, where a server says who signed a request; "" if it is not asked.
    """

    workspace: Workspace
    environment: Mapping[str, str]
    compiled: Compiled | None = None
    routes_error: str = ""
    manifest: str | None = None
    wanted: str = ""
    manifest_error: str = ""
    cache: Path = Path(os.devnull)
    ports: tuple[int, ...] = ()
    network: Network | None = None
    service_id: str = ""
    whoami: str = ""


Findings = AsyncIterator[Finding]
Check = Callable[[Examined], Findings]
