"""Lowers header rules, and the headers whose values are secrets."""

from fanroute.lowering.actions import header_pairs
from fanroute.spec.headers import RequestHeaders, ResponseHeaders
from fanroute.spec.secrets import SecretValue
from fanroute_runtime.plan import HeaderRules, StoreEntry

_NO_RULES = HeaderRules()


def lower_rules(rules: RequestHeaders | ResponseHeaders | None) -> HeaderRules:
    """Returns header rules, without the headers whose values are secrets."""
    if rules is None:
        return _NO_RULES
    texts = {name: value for name, value in rules.set.items() if isinstance(value, str)}
    return HeaderRules(header_pairs(texts), header_pairs(rules.add), tuple(name.lower() for name in rules.remove))


def lower_secret_headers(rules: RequestHeaders | None) -> tuple[tuple[str, bytes, StoreEntry], ...]:
    """Returns the headers whose values are secrets, with the prefix and the place of each."""
    found = rules.set.items() if rules else ()
    return tuple(
        (name.lower(), value.prefix.encode(), StoreEntry("secret", *value.entry))
        for name, value in found
        if isinstance(value, SecretValue)
    )
