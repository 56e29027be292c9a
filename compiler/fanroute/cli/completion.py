"""Completion in shells: `completion`."""

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from fanroute.cli.options import examples
from fanroute.cli.output import say_text

PROGRAM = "fanroute"
SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command(
    epilog=examples(
        'eval "$(fanroute completion bash)"',
        'eval "$(fanroute completion zsh)"',
        "fanroute completion fish > ~/.config/fish/completions/fanroute.fish",
    )
)
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script with which SHELL completes commands, options, files, templates and codes.

    The first two of these stand in ~/.bashrc or ~/.zshrc; the third is done once.
    """
    completer = SHELLS[shell](context.find_root().command, {}, PROGRAM, f"_{PROGRAM.upper()}_COMPLETE")
    # Not the shell's own `source`, which asks the bash there is for its version.
    say_text(ShellComplete.source(completer).rstrip("\n"))
