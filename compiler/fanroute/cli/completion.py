"""`fanroute completion`: completes commands in shells."""

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
    """Print a script that lets SHELL complete commands, options, files, templates and codes.

    For bash and zsh, add the line below to ~/.bashrc or ~/.zshrc. For fish, run the command once.
    """
    completer = SHELLS[shell](context.find_root().command, {}, PROGRAM, f"_{PROGRAM.upper()}_COMPLETE")
    # Not the method of the subclass: for bash, that runs the installed bash to ask for its version.
    say_text(ShellComplete.source(completer).rstrip("\n"))
