"""Checks the options of backends: FR280, FR281 and FR463."""

from collections.abc import Iterator

from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.rule import Rule
from fanroute.rules.check import ValidFile, plan_check, source_check
from fanroute.spec import raw
from fanroute.spec.actions import BACKEND_ANSWERED
from fanroute.spec.backend_options import NOT_OF_FANOUT, TLS_HOSTS
from fanroute.syntax.source import Path, Source

_REASON = (
    "Fastly says that of a backend's settings, Fanout has only the address, TLS and the override host "
    "(https://docs.fastly.com/products/fanout). After a `handoff`, Fanout asks the backend, so time-outs and other names for TLS "
    "have no effect. "
)
_START = "version: 1\nservice: {name: chat-edge}\nbackends:\n  origin: {url: 'https://app.example.com', first_byte_timeout: 2m}\n"

FR280 = Rule(
    "FR280",
    "error",
    "an option of a backend has no effect, because only handoffs use the backend",
    _REASON + "No other route uses this backend.",
    _START + "routes:\n  - handoff: origin\n",
    "Remove the option, or use `forward` for the routes that need it.",
)


@source_check(*NOT_OF_FANOUT)
def check_options_without_effect(source: Source) -> Iterator[Diagnostic]:
    """Reports FR280: only handoffs use a backend with an option that Fanout does not have."""
    for name, key, uses in _options(source):
        if uses and set(uses) == {"handoff"}:
            message = f"'{key}' has no effect on '{name}': only handoffs use it, and Fanout does not have this option"
            note = Note("a handoff", source.value_span(uses["handoff"]))
            suggestion = "remove it, or use 'forward' for the routes that need it"
            yield Diagnostic(FR280, message, source.key_span(("backends", name, key)), suggestion, (note,))


FR281 = Rule(
    "FR281",
    "error",
    "a backend has a name for TLS and no TLS",
    "The names `certificate_host` and `sni_host` are for TLS. A backend whose `url` begins with `http://` has none.",
    "version: 1\nservice: {name: chat-edge}\nbackends:\n  origin: {url: 'http://app.example.com', sni_host: www.example.com}\n"
    "routes:\n  - forward: origin\n",
    "Let the `url` begin with `https://`, or remove the key.",
)


@source_check(*TLS_HOSTS)
def check_tls_names(source: Source) -> Iterator[Diagnostic]:
    """Reports FR281: a backend without TLS has a name for it."""
    for name, backend in raw.backends(source).items():
        if isinstance(backend, dict) and str(backend.get("url", "")).lower().startswith("http://"):
            for key in (key for key in TLS_HOSTS if key in backend):
                note = Note("its url", source.value_span(("backends", name, "url")))
                message = f"'{key}' is for TLS, and '{name}' has none"
                suggestion = "let its url begin with https://, or remove it"
                yield Diagnostic(FR281, message, source.key_span(("backends", name, key)), suggestion, (note,))


FR463 = Rule(
    "FR463",
    "warning",
    "an option of a backend does not count for its handoffs",
    _REASON + "It has an effect on the other routes to this backend only.",
    _START + "routes:\n  - match: {path: /live}\n    handoff: origin\n  - forward: origin\n",
    "If the handoffs work without the option, define a backend of their own without it, at the same `url`.",
)


@plan_check
def check_options_of_handoffs(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR463: handoffs and other routes use a backend with an option that Fanout does not have."""
    for name, key, uses in _options(file.source):
        if "handoff" in uses and len(uses) > 1:
            message = f"'{key}' of '{name}' does not count for handoffs, because Fanout does not have this option"
            note = Note("a handoff", file.source.value_span(uses["handoff"]))
            suggestion = "define a backend without it for the handoffs, at the same url"
            yield Diagnostic(FR463, message, file.source.key_span(("backends", name, key)), suggestion, (note,))


def _options(source: Source) -> Iterator[tuple[str, str, dict[str, Path]]]:
    """Yields each option that Fanout does not have: its backend, its key, and where each action uses the backend first."""
    uses: dict[str, dict[str, Path]] = {}
    for index, route in raw.routes(source):
        for action in BACKEND_ANSWERED:
            if found := raw.backend_of(index, route, action):
                path, name = found
                uses.setdefault(name, {}).setdefault(action, path)
    for name, backend in raw.backends(source).items():
        for key in (key for key in NOT_OF_FANOUT if isinstance(backend, dict) and key in backend):
            yield name, key, uses.get(name, {})
