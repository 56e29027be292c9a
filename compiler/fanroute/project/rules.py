"""Lists the rules from FR517 on, about the folder of a build."""

from fanroute.diagnostics.rule import Rule

FR517 = Rule(
    "FR517",
    "error",
    "no link or other file is where Fanroute writes",
    "A build writes and removes files in `bin/` and `build/` and writes `fastly.toml`, and `init` writes into a new "
    "folder. If one of these were a link, files elsewhere would be overwritten or removed, and a link can come with a "
    "repository that you cloned. So no link below the folder is followed, and a file is not replaced by a folder. `fmt` "
    "follows a link only within the folder.",
    None,
    "Look at what is in that place, and move it away.",
)
