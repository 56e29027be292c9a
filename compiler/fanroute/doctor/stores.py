"""Checks that the stores of local edges have the entries that routes.yaml names."""

from fanroute.devserver.stores import read_local_stores
from fanroute.doctor.documents import document_algorithms, entry_text, judge_document
from fanroute.doctor.finding import Examined, Finding, Findings
from fanroute.plan.routes import publishing_of
from fanroute.project.folder import read
from fanroute.project.workspace import BadManifest
from fanroute_runtime.plan import Plan, StoreEntry


async def check_stores(examined: Examined) -> Findings:
    """Reports the entries that local edges do not have, or that are empty."""
    assert examined.compiled is not None
    if examined.manifest_error:
        yield Finding("local stores", "skipped", "fastly.toml cannot be used", "Correct fastly.toml first.")
        return
    plan, folder = examined.compiled.plan, examined.workspace.manifest.parent
    # Local edges publish without a token.
    entries = [entry for entry in store_entries(plan) if entry not in _publish_tokens(plan)]
    try:
        stores = read_local_stores(examined.manifest or "", lambda path: read(folder / path), examined.environment)
    except BadManifest as bad:
        yield Finding("local stores", "error", f"fastly.toml: {bad}", "Correct it, as docs/local.md shows.")
        return
    for entry in entries:
        subject = f"local {entry.kind} store '{entry.store}'"
        value = (stores.config if entry.kind == "config" else stores.secret).get(entry.store, {}).get(entry.name)
        if value:
            algorithms = document_algorithms(entry, examined.compiled.plan)
            if algorithms:
                yield judge_document(subject, entry, value, algorithms)
            else:
                yield Finding(subject, "ok", f"it has {entry_text(entry)}")
        else:
            text = (
                f"{entry_text(entry)} is {'missing' if value is None else 'empty'}, so {_effect(entry, examined.compiled.plan)}"
            )
            yield Finding(subject, "warning", text, f"Set it in fastly.toml, at local_server.{entry.kind}_stores.{entry.store}.")
    if not entries:
        yield Finding("local stores", "ok", "routes.yaml names no entries of stores")


def store_entries(plan: Plan) -> list[StoreEntry]:
    """Returns the entries of stores that the routes name, each once."""
    auths = [route.auth for route in plan.routes if route.auth]
    keys = [*plan.grip_sig.keys, *(key for auth in auths for key in auth.keys)]
    sets = [key_set for auth in auths for key_set in auth.key_sets]
    headers = [entry for route in plan.routes for _, _, entry in route.secret_headers]
    named = [plan.debug, *(key.material for key in keys), *(key_set.material for key_set in sets), *headers]
    named += _publish_tokens(plan)
    return [*dict.fromkeys(entry for entry in named if isinstance(entry, StoreEntry))]


def _publish_tokens(plan: Plan) -> list[StoreEntry]:
    return [publish.token for route in plan.routes if (publish := publishing_of(route.action))]


def _effect(entry: StoreEntry, plan: Plan) -> str:
    """Returns what a local edge does if it does not have an entry."""
    return "nobody is told why" if entry == plan.debug else "a local edge answers 500"
