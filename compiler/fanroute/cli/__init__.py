"""The commands, in the order in which a user meets them.

Modules that only some commands need are imported late, here and elsewhere, because imports take half of the time of a short
`fanroute check`.
"""

import shlex
import shutil
import sys
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from typing import Any

import click

# How much of a command's first sentence the list of commands shows, in characters.
MAX_SUMMARY = 200
# Every command, by what its user wants to do. Each is in the module of its name, with "_" for "-" and after a word of Python.
SECTIONS = {
    "Write": ["init", "import", "check", "fmt"],
    "Inspect": ["routes", "match", "test", "diff"],
    "Run": ["build", "serve", "publish", "listen", "grip-url", "token", "verify", "doctor"],
    "More": ["explain", "schema", "lsp", "export", "completion", "install"],
}
_COMMANDS = [name for names in SECTIONS.values() for name in names]


class _Sections(click.Group):
    """Represents all commands. Their list in the help has sections, and each command is imported when it is needed."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Runs a command. If nobody reads what it prints, it ends quietly with code 1."""
        try:
            return super().main(*args, **options)
        except BrokenPipeError:  # click ends the command itself, unless it was about to print an error
            from fanroute.cli.output import exit_unread

            exit_unread()

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Names the program in usage messages as it was called, if a shell would not find its bare name."""
        called = Path(sys.argv[0])
        if info_name == called.name and shutil.which(info_name) != str(called.absolute()):
            info_name = shlex.quote(sys.argv[0])
        return super().make_context(info_name, args, parent, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return _COMMANDS

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"fanroute.cli.{name}"), name)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggests a command in place of an unknown one."""
        if args[0] not in _COMMANDS and not ctx.resilient_parsing:
            from fanroute.spec.validate import did_you_mean

            ctx.fail(f"there is no command {args[0]!r}; {did_you_mean(args[0], _COMMANDS, 'commands')}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, _COMMANDS))
        for section, names in SECTIONS.items():
            commands = ((name, self.get_command(ctx, name)) for name in names)
            rows = [(f"{name:{width}}", command.get_short_help_str(MAX_SUMMARY)) for name, command in commands if command]
            with formatter.section(section):
                formatter.write_dl(rows)


def _print_versions(context: click.Context, option: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        from fanroute.cli.output import say
        from fanroute.cli.versions import version_lines

        for line in version_lines():
            say(line)
        raise click.exceptions.Exit


@click.group(
    cls=_Sections,
    epilog="`fanroute COMMAND --help` shows examples. Exit codes: 0 done, 1 the input is wrong, 2 the usage is wrong.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_versions,
    help="Show the version, and those of the tools that are used, and exit.",
)
def main() -> None:
    """Realtime push at Fastly's edge, configured in routes.yaml."""
