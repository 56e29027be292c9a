"""`fanroute doctor`: finds what keeps a project from working."""

import asyncio
import json
import os
from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fanroute.bundle.builder import updated_manifest
from fanroute.cli.options import env_option, examples, routes_argument
from fanroute.cli.output import conceal, exit_if_failed, exit_on_failure, say, say_json, say_marked
from fanroute.cli.request_options import checked
from fanroute.devserver.running import DEFAULT_PORT, DEFAULT_PUBLISH_PORT
from fanroute.diagnostics.diagnostic import Invalid
from fanroute.pipeline import Compiled, compile_routes
from fanroute.project.fastly_token import NoToken, find_token
from fanroute.project.fastly_toml import service_id
from fanroute.project.workspace import BadManifest, Workspace
from fanroute.routetests.document import request_url

if TYPE_CHECKING:
    from fanroute.doctor.finding import Examined, Finding

_COLOURS = {"ok": "green", "warning": "yellow", "error": "red", "skipped": "bright_black"}


def _check_whoami(context: click.Context, option: click.Parameter, value: str | None) -> str:
    """Returns a path or URL that a request can have, or "". Raises click.BadParameter."""
    if value is None:
        return ""
    checked(request_url, f"http://127.0.0.1{value}" if value.startswith("/") else value, "--whoami")
    return value


@click.command(
    epilog=examples(
        "fanroute doctor",
        "fanroute doctor --whoami /whoami",
        "fanroute doctor --offline --format json edge/routes.yaml",
    )
)
@routes_argument
@env_option
@click.option("--offline", is_flag=True, help="Ask no server: not the backends, and not Fastly's API.")
@click.option(
    "--whoami",
    callback=_check_whoami,
    metavar="PATH|URL",
    help="Ask your server who signed a request: at this path of the local edge that runs, or at this URL of the service.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def doctor(routes: Path, environment: str, offline: bool, whoami: str, form: str) -> None:
    """Look for what keeps ROUTES (routes.yaml) from working: tools, ports, fastly.toml, backends, and the service on Fastly.

    It changes nothing, and takes a few seconds at most. Each backend gets one GET. With a token for Fastly's API, in
    FASTLY_API_TOKEN or where the Fastly CLI keeps it, the service is read too. docs/doctor.md has all checks, and the form of
    the JSON. The exit code is 1 if there is an error.
    """
    # Imported late: the list of commands needs neither aiohttp nor httpx.
    from fanroute.doctor.run import examine

    workspace = Workspace(routes, environment=environment)
    with exit_on_failure(workspace):
        findings = asyncio.run(examine(_examined(workspace, offline, whoami)))
    if form == "json":
        say_json(json.dumps({"findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        _print(findings)
    exit_if_failed(any(finding.status == "error" for finding in findings))


def _examined(workspace: Workspace, offline: bool, whoami: str) -> "Examined":
    """Reads what the checks look at. Errors in the files are among what they report."""
    from fanroute.doctor.finding import Examined
    from fanroute.doctor.network import Network

    with suppress(NoToken):
        token = find_token(os.environ)
        conceal({token.value: f"[the token of {token.source}]"})
    compiled, routes_error = _read_routes(workspace)
    manifest, wanted, manifest_error, service = None, "", "", os.environ.get("FASTLY_SERVICE_ID", "")
    try:
        manifest = workspace.read_manifest()
        wanted = updated_manifest(workspace, compiled, manifest) if compiled else ""
        service = service or service_id(manifest or "")
    except BadManifest as bad:
        manifest, manifest_error = None, f"line {bad.line}, column {bad.column}: {bad}"
    except Invalid as invalid:
        manifest_error = invalid.diagnostics[0].message
    return Examined(
        workspace,
        os.environ,
        compiled,
        routes_error,
        manifest,
        wanted,
        manifest_error,
        _cache(workspace),
        (DEFAULT_PORT, DEFAULT_PUBLISH_PORT),
        None if offline else Network(),
        service,
        whoami,
    )


def _read_routes(workspace: Workspace) -> tuple[Compiled | None, str]:
    """Compiles routes.yaml. Returns None, and where its first error is, if it has any."""
    try:
        compiled = compile_routes(workspace.read_routes(), workspace.inputs())
    except Invalid as invalid:
        first, *others = invalid.diagnostics
        more = f", and {len(others)} more" if others else ""
        file = f"{first.span.file}, " if first.span.file else ""
        return None, f"{file}line {first.span.line}, column {first.span.column}: {first.message} ({first.code}){more}"
    conceal(compiled.source.unexpanded)
    return compiled, ""


def _cache(workspace: Workspace) -> Path:
    """Returns the folder with installed programs, or a path below which nothing is."""
    try:
        return workspace.cache.trusted_folder()
    except (OSError, Invalid):
        return Path(os.devnull)


def _print(findings: "list[Finding]") -> None:
    for finding in findings:
        say_marked(f"{finding.status:9}", _COLOURS[finding.status], f"{finding.subject}: {finding.text}")
        if finding.fix:
            say(f"{'':9}{finding.fix}")
    counts = Counter[str](finding.status for finding in findings)
    plural = {status: f"{status}s" if status in ("warning", "error") and counts[status] > 1 else status for status in _COLOURS}
    say(", ".join(f"{counts[status]} {plural[status]}" for status in _COLOURS if counts[status]))
