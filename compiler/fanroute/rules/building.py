"""Lists the rules from FR517 on, about the folder of a build."""

from fanroute.rules.rule import Rule

RULES = (
    Rule(
        "FR517",
        "error",
        "nothing stands where Fanroute writes its own files",
        "A build writes and removes files in `bin/` and `build/`, writes `fastly.toml`, and `init` writes into a new folder. "
        "If a link stood in one of these places, files elsewhere would be overwritten or removed, and a link can come with a "
        "repository that you cloned. So no link below the folder is followed there, and a file does not give way to a folder. "
        "`fmt` follows a link within the folder only.",
        None,
        "Look at what is in the place that is named, and move it away.",
    ),
)
