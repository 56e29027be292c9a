"""The commands, in the order in which one meets them.

What only some of them need is imported late, here and elsewhere: half of the time of a `fanroute check` of few routes is imports.
"""

import shlex
import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from fanroute import __version__

# How much of a command's first sentence the list of them shows, in characters.
MAX_SUMMARY = 200
# Every command, by what one is about. Each is in the module of its name.
SECTIONS = {
    "Write": ["init", "check", "fmt"],
    "Ask": ["routes", "match", "test", "diff"],
    "Run": ["build", "serve"],
    "More": ["explain", "schema", "completion", "install"],
}
_COMMANDS = [name for names in SECTIONS.values() for name in names]


class _Sections(click.Group):
    """A group whose help lists the commands by section, in order. A command is imported where it is asked for."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Names the program as it was called, if the shell does not find it by its name: so usage can be typed as printed."""
        called = Path(sys.argv[0])
        if info_name == called.name and shutil.which(info_name) != str(called.absolute()):
            info_name = shlex.quote(sys.argv[0])
        return super().make_context(info_name, args, parent, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return _COMMANDS

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"fanroute.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, _COMMANDS))
        for section, names in SECTIONS.items():
            commands = ((name, self.get_command(ctx, name)) for name in names)
            rows = [(f"{name:{width}}", command.get_short_help_str(MAX_SUMMARY)) for name, command in commands if command]
            with formatter.section(section):
                formatter.write_dl(rows)


@click.group(
    cls=_Sections,
    epilog="`fanroute COMMAND --help` has examples. Exit codes: 0 done, 1 something is wrong with the input, 2 wrong usage.",
)
@click.version_option(__version__)
def main() -> None:
    """Realtime push at Fastly's edge, described in routes.yaml."""
