"""Collects all fuzz targets, by name."""

from tests.fuzz.target import Target
from tests.fuzz.targets import channels, entries, events, files, headers, keys, lines, published, tokens, uris

TARGETS: dict[str, Target] = {
    target.name: target
    for module in (entries, events, uris, channels, headers, tokens, keys, files, published, lines)
    for target in module.TARGETS
}
