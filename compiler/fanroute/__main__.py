"""Runs the commands: `python -P -m fanroute`. Without -P, Python looks for this package in the current folder first."""

import sys

if not sys.flags.safe_path:
    sys.path.pop(0)  # the current folder, from which no other module must come

import shlex

from fanroute.cli import main

# Usage lines name the Python that was called, so that they can be typed as they are.
main(prog_name=f"{shlex.quote(sys.orig_argv[0])} -P -m fanroute")
