"""Files: whatever stands in a routes.yaml, `fanroute check` says where it is wrong."""

from tests.fuzz.target import Target
from tests.fuzz.test_check import SPECIAL, TEXTS, assert_told_well

TARGETS = [Target("files", assert_told_well, TEXTS, SPECIAL)]
