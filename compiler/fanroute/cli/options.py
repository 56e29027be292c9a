"""Arguments and options that several commands share, and the routes.yaml that they name."""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

import click
from click.core import ParameterSource

from fanroute.cli.output import conceal, exit_if_failed, exit_on_failure, print_diagnostics, warn
from fanroute.diagnostics.diagnostic import Invalid
from fanroute.diagnostics.shell import path_word, shell_word
from fanroute.pipeline import Checked, Compiled, check_routes, compile_routes
from fanroute.project.processes import find
from fanroute.project.workspace import DEFAULT_ROUTES, Workspace
from fanroute.spec.document import PRODUCTION, check_environment
from fanroute.spec.inputs import Inputs

# The file name that means standard input.
PIPED = "-"
# The id of a service at Fastly.
_SERVICE = re.compile(r"[A-Za-z0-9]{1,64}")

routes_argument = click.argument("routes", type=click.Path(path_type=Path), default=DEFAULT_ROUTES)
routes_option = click.option("--routes", type=click.Path(path_type=Path), default=DEFAULT_ROUTES, show_default=True)


def _environment(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    return value if value is None or value == PRODUCTION else _checked(value)


def _environments(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_checked, values))


def _checked(value: str) -> str:
    from fanroute.cli.request_options import checked  # late: most calls choose no environment

    return checked(check_environment, value, "--env")


env_option = click.option(
    "--env",
    "environment",
    metavar="NAME",
    default=PRODUCTION,
    show_default=True,
    callback=_environment,
    help="One of the environments in routes.yaml.",
)
# For commands that go through all of them.
one_env_option = click.option(
    "--env", "environment", metavar="NAME", callback=_environment, help="One of the environments in routes.yaml, instead of all."
)
two_envs_option = click.option(
    "--env",
    "names",
    metavar="NAME",
    multiple=True,
    callback=_environments,
    help="One of the environments. Twice for OLD and NEW.",
)


def check_service(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Returns the id of a service at Fastly, the value of an option. Raises click.BadParameter."""
    if value is not None and not _SERVICE.fullmatch(value):
        raise click.BadParameter("a service's id has only letters and digits: see service_id in fastly.toml")
    return value


def env_words(environment: str) -> str:
    """Returns the option that chooses an environment, with a space before it. That of production is left out."""
    return "" if environment == PRODUCTION else f" --env {shell_word(environment)}"


def own_command() -> str:
    """Returns the words that run this program in a shell, in any folder."""
    called = Path(sys.argv[0])
    if find("fanroute"):
        return "fanroute"
    if called.name == "fanroute":
        return path_word(called.absolute())
    return f"{shell_word(sys.executable)} -P -m fanroute"


def is_on_command_line(option: str) -> bool:
    """Returns True if the user wrote an option, so that it is neither a default nor from a variable of the environment."""
    return click.get_current_context().get_parameter_source(option) is ParameterSource.COMMANDLINE


def examples(*commands: str) -> str:
    """Returns the examples that a command's help ends with."""
    return "\n".join(["\b", "Examples:", *(f"  {command}" for command in commands)])


def compile_or_exit(routes: Path, environment: str = PRODUCTION) -> Compiled:
    """Compiles a routes.yaml. If it has errors, prints them and exits."""
    workspace = Workspace(routes, environment=environment)
    with exit_on_failure(workspace):
        compiled = compile_routes(workspace.read_routes(), workspace.inputs())
    conceal(compiled.source.unexpanded)
    return compiled


def check_or_exit(workspace: Workspace, environment: str | None = None, form: str = "text") -> Checked:
    """Compiles a routes.yaml in one of its environments, or in all. If it has errors, prints them and exits."""
    (checked,) = check_all_or_exit([(workspace, workspace.inputs(), environment)], form)
    return checked


def check_all_or_exit(files: Iterable[tuple[Workspace, Inputs, str | None]], form: str = "text") -> list[Checked]:
    """Compiles several files, each in one of its environments, or in all. If any has errors, prints those of all and exits."""
    results: list[Checked] = []
    failed = False
    for workspace, inputs, environment in files:
        try:
            result = check_routes(workspace.read_routes(), inputs, environment)
            errors = [one for one in result.diagnostics if one.severity == "error"]
        except Invalid as invalid:
            errors = invalid.diagnostics
        else:
            results.append(result)
            for compiled in result.compiled.values():
                conceal(compiled.source.unexpanded)
        if errors:
            print_diagnostics(errors, workspace, form)
            failed = True
    exit_if_failed(failed)
    return results


def compile_if_valid(workspace: Workspace) -> Compiled | None:
    """Compiles the routes.yaml of a folder. Returns None if it is missing, and with a warning if it has errors.

    What it says about backends and hosts must not be printed: it has the values of variables.
    """
    if not workspace.routes.exists():
        return None
    try:
        return compile_routes(workspace.read_routes(), workspace.inputs())
    except Invalid:
        warn(f"{workspace.routes} is not used, because it has errors: `fanroute check` shows them")
        return None
