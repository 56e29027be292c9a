"""All targets, by name."""

from tests.fuzz.target import Target
from tests.fuzz.targets import channels, events, files, headers, uris

TARGETS: dict[str, Target] = {
    target.name: target for module in (events, uris, channels, headers, files) for target in module.TARGETS
}
