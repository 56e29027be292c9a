"""The commands, in the order in which one meets them."""

import click

from fanroute import __version__
from fanroute.cli import asking, checking, comparing, completing, serving, starting, testing, writing

# How much of a command's first sentence the list of them shows, in characters.
MAX_SUMMARY = 200
# Every command, by what one is about.
SECTIONS = {
    "Write": (starting.init, checking.check, writing.fmt),
    "Ask": (asking.routes, asking.match, testing.test, comparing.diff),
    "Run": (serving.build, serving.serve),
    "More": (checking.explain, writing.schema, completing.completion, serving.install),
}


class _Sections(click.Group):
    """A group whose help lists the commands by section, in order."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.commands))
        for section, commands in SECTIONS.items():
            rows = [(command.name or "", command.get_short_help_str(limit=MAX_SUMMARY)) for command in commands]
            with formatter.section(section):
                formatter.write_dl([(f"{name:{width}}", text) for name, text in rows])


@click.group(
    cls=_Sections,
    commands=[command for commands in SECTIONS.values() for command in commands],
    epilog="`fanroute COMMAND --help` has examples. Exit codes: 0 done, 1 something is wrong with the input, 2 wrong usage.",
)
@click.version_option(__version__)
def main() -> None:
    """Realtime push at Fastly's edge, described in routes.yaml."""
