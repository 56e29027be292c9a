"""Runs the commands: python -P -m fanroute. Without -P, Python has looked for this package in the current folder first."""

import sys

if not sys.flags.safe_path:
    sys.path.pop(0)  # the current folder: no other module is to come from there

from fanroute.cli import main

main(prog_name="python -P -m fanroute")
