"""Checks the JWKS documents in the stores of local edges: says which keys are used, and why others are not."""

from fanroute.diagnostics.printable import counted
from fanroute.doctor.finding import Finding
from fanroute_runtime.auth.guards import distinct_auths
from fanroute_runtime.jose.jwks import SecretKey, keys_of, read_members
from fanroute_runtime.plan import Algorithm, Plan, StoreEntry


def document_algorithms(entry: StoreEntry, plan: Plan) -> tuple[Algorithm, ...]:
    """Returns the algorithms for which the routes use an entry as a JWKS document, () if they do not."""
    sets = [key_set for auth in distinct_auths(plan.routes) for key_set in auth.key_sets if key_set.material == entry]
    return tuple(dict.fromkeys(algorithm for key_set in sets for algorithm in key_set.algorithms))


def judge_document(subject: str, entry: StoreEntry, value: str | bytes, algorithms: tuple[Algorithm, ...]) -> Finding:
    """Returns how many keys of a JWKS document are used, and which are not and why."""
    try:
        members = read_members(value.encode() if isinstance(value, str) else value)
    except ValueError as error:
        text = f"{entry_text(entry)} is not a JWKS document, so a local edge answers 500: {error}"
        return Finding(subject, "warning", text, "Store the document that the issuer publishes.")
    unused: list[str] = []
    secrets = False
    for number, jwk in enumerate(members, 1):
        try:
            keys_of(jwk, algorithms, secret=entry.kind == "secret")
        except ValueError as error:
            unused.append(f"key {number} is not used: {error}")
            secrets = secrets or isinstance(error, SecretKey)
    used = len(members) - len(unused)
    text = "; ".join([f"{entry_text(entry)} has {counted(used, 'key')} for {' or '.join(algorithms)}", *unused])
    if secrets:
        fix = "Remove them from the document, and replace them at the issuer: whoever reads them can make tokens."
        return Finding(subject, "warning", text, fix)
    return Finding(subject, "ok", text) if used else Finding(subject, "warning", text, "Store a document with such a key.")


def entry_text(entry: StoreEntry) -> str:
    """Returns how a message calls an entry."""
    return f"the {'entry' if entry.kind == 'config' else 'secret'} '{entry.name}'"
