"""Checks fastly.toml against routes.yaml."""

from collections.abc import Iterator

from fanroute.doctor.finding import Examined, Finding, Findings
from fanroute.plan.backend import Backend
from fanroute.project import fastly_toml
from fanroute.project.fastly_toml import MANIFEST_VERSION

_BUILD = "Run `fanroute build`, which writes it."


async def check_manifest(examined: Examined) -> Findings:
    """Compares fastly.toml with what a build would write, and reports what it has besides."""
    assert examined.compiled is not None
    name = examined.workspace.manifest.name
    if examined.manifest_error:
        yield Finding(name, "error", examined.manifest_error, "Correct it there.")
    elif examined.manifest is None:
        yield Finding(name, "warning", "there is none, and the Fastly CLI needs it", _BUILD)
    else:
        found = [*differences(examined.manifest, examined.wanted, examined.compiled.backends, name)]
        for finding in found or [Finding(name, "ok", "as a build writes it")]:
            yield finding


def differences(text: str, wanted: str, backends: tuple[Backend, ...], name: str = "fastly.toml") -> Iterator[Finding]:
    """Yields what is wrong with a fastly.toml, whose name can be another. `wanted` is its text after a build."""
    content = fastly_toml.parse(text).unwrap()
    version = content.get("manifest_version")
    if version != MANIFEST_VERSION:
        written = "is missing" if version is None else "is not the one that the Fastly CLI reads"
        yield Finding(name, "error", f"its manifest_version {written}", f"Write manifest_version = {MANIFEST_VERSION}.")
    if keys := fastly_toml.outdated_keys(text, wanted):
        yield Finding(name, "warning", f"a build would change {', '.join(keys)}", _BUILD)
    known = {backend.name for backend in backends}
    for place in ("setup", "local_server"):
        for backend in content.get(place, {}).get("backends", {}):
            if backend not in known:
                fix = "Remove it there, or add it to routes.yaml."
                yield Finding(name, "warning", f"{place}.backends.{backend} is no backend of routes.yaml", fix)
