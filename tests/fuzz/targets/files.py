"""Fuzzes files: `fanroute check` reports where any routes.yaml is wrong."""

from tests.fuzz.target import Target
from tests.fuzz.test_check import SPECIAL, TEXTS, assert_well_reported

TARGETS = [Target("files", assert_well_reported, TEXTS, SPECIAL)]
