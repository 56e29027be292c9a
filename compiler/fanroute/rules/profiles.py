"""Checks the profiles to which `auth` refers: FR264 and FR443."""

from collections.abc import Iterator

from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.rules.check import ValidFile, plan_check, source_check
from fanroute.spec import raw
from fanroute.spec.types import is_name
from fanroute.spec.validate import did_you_mean
from fanroute.syntax.source import Path, Source

_PROFILE = "auth_profiles:\n  staff: {keys: {algorithm: HS256, secret_store: keys, name: login}}\n"

FR264 = Rule(
    "FR264",
    "error",
    "an `auth` names a profile that is not defined",
    "The profile says which token a client needs. Without it, the edge could only refuse everybody.",
    START + _PROFILE + "routes:\n  - match: {path: /a}\n    auth: staff\n    respond: {status: 200}\n"
    "  - auth: stuff\n    respond: {status: 200}\n",
    "Use the name of a profile under `auth_profiles`, or define this one there.",
)


@source_check("auth")
def check_profile_names(source: Source) -> Iterator[Diagnostic]:
    """Reports FR264: an `auth` names a profile that is not defined."""
    profiles = raw.auth_profiles(source)
    for path, name in _references(source):
        if is_name(name) and name not in profiles:
            suggestion = did_you_mean(name, profiles, "profiles") if profiles else "define it under 'auth_profiles'"
            yield Diagnostic(FR264, f"unknown profile '{name}'", source.value_span(path), suggestion)


def _references(source: Source) -> Iterator[tuple[Path, str]]:
    """Yields each reference to a profile with its path."""
    found: list[Path] = [("defaults", "auth"), *(("routes", index, "auth") for index, _ in raw.routes(source))]
    owners = [raw.defaults(source), *(route for _, route in raw.routes(source))]
    for path, owner in zip(found, owners, strict=True):
        auth = owner.get("auth")
        if name := raw.profile_of(auth):
            yield (*path, "profile") if isinstance(auth, dict) else path, name


FR443 = Rule(
    "FR443",
    "note",
    "no `auth` uses a profile",
    "A profile has no effect by itself.",
    START + _PROFILE + "routes:\n  - match: {path: /a}\n    handoff: origin\n",
    "Remove the profile, or name it in the `auth` of a route or of `defaults`.",
)


@plan_check
def check_unused_profiles(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR443: no `auth` uses a profile."""
    used = {name for _, name in _references(file.source)}
    for name in raw.auth_profiles(file.source):
        if name not in used:
            span = file.source.key_span(("auth_profiles", name))
            yield Diagnostic(FR443, f"no 'auth' uses the profile '{name}'", span, "remove it")
