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
    if examined.manifest_error:
        yield Finding("fastly.toml", "error", examined.manifest_error, "Correct it there.")
    elif examined.manifest is None:
        yield Finding("fastly.toml", "warning", "there is none, and the Fastly CLI needs it", _BUILD)
    else:
        found = [*differences(examined.manifest, examined.wanted, examined.compiled.backends)]
        for finding in found or [Finding("fastly.toml", "ok", "as a build writes it")]:
            yield finding


def differences(text: str, wanted: str, backends: tuple[Backend, ...]) -> Iterator[Finding]:
    """Yields what is wrong with a fastly.toml. `wanted` is its text after a build."""
    content = fastly_toml.parse(text).unwrap()
    version = content.get("manifest_version")
    if version != MANIFEST_VERSION:
        written = "is missing" if version is None else "is not the one that the Fastly CLI reads"
        yield Finding("fastly.toml", "error", f"its manifest_version {written}", f"Write manifest_version = {MANIFEST_VERSION}.")
    if keys := fastly_toml.outdated_keys(text, wanted):
        yield Finding("fastly.toml", "warning", f"a build would change {', '.join(keys)}", _BUILD)
    known = {backend.name for backend in backends}
    for place in ("setup", "local_server"):
        for name in content.get(place, {}).get("backends", {}):
            if name not in known:
                fix = "Remove it there, or add it to routes.yaml."
                yield Finding("fastly.toml", "warning", f"{place}.backends.{name} is no backend of routes.yaml", fix)
