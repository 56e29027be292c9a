"""Checks channels whose names clients choose: FR401 and FR402."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from fanroute.analysis.channels import (
    Reference,
    ResolvedTemplate,
    Values,
    decided_by_token,
    find_collision,
    find_separator,
    references_in,
)
from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import LOOPBACK
from fanroute.diagnostics.printable import quoted
from fanroute.diagnostics.rule import Rule
from fanroute.plan.describe import reference_text
from fanroute.rules.check import ValidFile, plan_check
from fanroute.rules.template import values_text
from fanroute_runtime.plan import Bound

FR401 = Rule(
    "FR401",
    "warning",
    "a client can choose any value in a channel",
    "A client that reaches the route can use any channel of this form, even another tenant's: it is subscribed to it, or "
    "publishes on it. The edge checks no permission. With a pattern or a list of values, the file says which channels a client "
    "can choose.",
    LOOPBACK + '  - match: {path: "/rooms/{room}"}\n    public: true\n    sse: {channel: "room-{room}"}\n',
    "Restrict the value with a pattern or a list of values. If not every client may use every channel, use a token (`auth` with "
    "`channels`), or hand the request off: then your backend checks the permission and names the channel in its answer.",
)

FR402 = Rule(
    "FR402",
    "warning",
    "two different requests can get the same channel",
    "If it is unclear where one value of a channel ends and the next begins, it is also unclear whose channel it is. With "
    "`{tenant}-{user}` and hyphens in the values, a user of one tenant can receive the messages of another tenant.",
    LOOPBACK
    + '  - match:\n      path: "/{tenant}/{user}"\n      where: {tenant: "[a-z-]+", user: "[a-z-]+"}\n    public: true\n'
    + '    sse: {channel: "{tenant}-{user}"}\n',
    "Separate the values with a character that neither can contain, or restrict the values so that they cannot contain the "
    "separator.",
)

# Patterns to suggest: most names fit them.
_PATTERNS = ("[a-z0-9-]{1,64}", "[a-z0-9]{1,64}")
# Separators to suggest.
_SEPARATORS = "-:/.|~"


@plan_check
def check_client_chosen_channels(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR401 or FR402, at most one for each channel: clients choose it freely, or its values cannot be told apart."""
    for _, route, templates in file.dynamic_channels:
        if route.auth and route.auth.channels:
            continue  # the token limits the channels
        decided = decided_by_token(route)  # the token decides these values
        for path, template in templates:
            free = {r.bound: r for r in references_in(template) if r.is_free and r.bound not in decided}
            ambiguous = find_collision(template)
            span = file.source.value_span(path)
            if free:
                decided.update(free)  # each value is reported once
                message = f"a client can choose {_listed(free)} in this channel freely"
                notes = (Note(_same_channel(template, *ambiguous)),) if ambiguous else ()
                yield Diagnostic(FR401, message, span, _suggest_patterns(template, list(free)), notes)
            elif ambiguous:
                yield Diagnostic(FR402, _same_channel(template, *ambiguous), span, _suggest_separator(template))


def _listed(references: Iterable[Bound]) -> str:
    *others, last = (f"'{reference_text(bound)}'" for bound in references)
    return " and ".join(filter(None, [", ".join(others), last]))


def _same_channel(template: ResolvedTemplate, one: Values, other: Values) -> str:
    """Returns a sentence which says that the values of two requests make the same channel."""
    channel = "".join(part if isinstance(part, str) else one[part.bound] for part in template)
    return f"two different requests get the same channel {quoted(channel)}: {values_text(one)} and {values_text(other)}"


def _suggest_patterns(template: ResolvedTemplate, free: Iterable[Bound]) -> str:
    """Suggests patterns for unrestricted values. If possible, they rule out that two requests get the same channel."""
    usual = next((pattern for pattern in _PATTERNS if find_collision(_with_pattern(template, pattern)) is None), _PATTERNS[0])
    rests = {reference.bound for reference in references_in(template) if reference.is_rest}
    keys: dict[str, list[str]] = {}
    for bound in free:
        pattern = _with_slash(usual) if bound in rests else usual
        key, condition = ("where", f'"{pattern}"') if bound.source == "path" else (bound.source, f'{{pattern: "{pattern}"}}')
        keys.setdefault(key, []).append(f"{bound.name}: {condition}")
    return "restrict it, as with " + ", ".join(f"{key}: {{{', '.join(names)}}}" for key, names in keys.items())


def _with_pattern(template: ResolvedTemplate, pattern: str) -> ResolvedTemplate:
    """Returns the template with a pattern for each unrestricted reference."""
    return tuple(
        replace(part, pattern=_with_slash(pattern) if part.is_rest else pattern)
        if isinstance(part, Reference) and part.is_free
        else part
        for part in template
    )


def _with_slash(pattern: str) -> str:
    """Returns one of _PATTERNS for the rest of a path."""
    return pattern.replace("[a-z0-9", "[a-z0-9/")


def _suggest_separator(template: ResolvedTemplate) -> str:
    separator = find_separator(template, _SEPARATORS)
    if separator is None:
        return "choose a separator, and restrict the values so that none of them can contain it"
    return f"separate the values with '{separator}', which none of them can contain"
