"""FR4xx: what is valid and may not be meant."""

from fanroute.rules.rule import START, Rule

RULES = (
    Rule(
        "FR410",
        "note",
        "what needs no realtime is forwarded",
        "A request that is handed off goes through Fanout to the backend, and Fastly caches no answer to it. "
        "A last route that hands off whatever is left is the safe beginning; it costs the cache for every page and picture.",
        START + "routes:\n  - handoff: origin\n",
        "Say what the backend may hold, as in `match: {path: /live/*}`, and let a last route `forward` the rest.",
    ),
)
