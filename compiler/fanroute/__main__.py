"""Runs the commands: python -P -m fanroute. Without -P, Python has looked for this package in the current folder first."""

import sys

if not sys.flags.safe_path:
    sys.path.pop(0)  # the current folder: no other module is to come from there

import shlex

from fanroute.cli import main

# Usage names the Python that was called, so that what it says can be typed.
main(prog_name=f"{shlex.quote(sys.orig_argv[0])} -P -m fanroute")
