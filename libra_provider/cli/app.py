"""Assembles the commands, and turns their errors into a red line and an exit code."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from importlib import import_module
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from libra_provider import __version__
from libra_provider.core.errors import BadInput, LibraError

FAILED, BAD_USAGE, INTERRUPTED = 1, 2, 130
COMMANDS: Mapping[str, tuple[str, str]] = {
    "cluster": ("cluster", "Run a Spark standalone cluster on this machine."),
    "serve": ("serve", "Run a Libra server."),
    "sql": ("sql", "Run a SQL statement on Libra and print its rows."),
    "submit": ("submit", "Submit an application to a Spark master, in cluster mode."),
    "run": ("run", "Run a Python file or a JAR on Libra."),
    "python": ("python", "Run Python code on Libra."),
    "status": ("jobs", "Print the state of a job and where its driver runs."),
    "logs": ("jobs", "Print the log of a job."),
    "kill": ("jobs", "Kill a job and verify its end."),
    "result": ("result", "Print the result of a statement or job."),
    "doctor": ("doctor", "Check the connection to servers, step by step."),
    "decide": ("decide", "Explain where a job's driver should run."),
}
"""Each command: the module of its function, and its line in ``libra --help``."""
# Everything after the application is passed to it, including unknown options.
_TAKE_OPTIONS_APPLICATION_ARGS = ("submit", "run")


class Commands(TyperGroup):
    """A command group that exits with 1 on LibraError, 2 on bad usage and 130 on an interrupt."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that *args* name; only its module is imported."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, listed and command(str(listed.name)), rest

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command; expected errors are shown without a traceback."""
        try:
            return super().invoke(ctx)
        except LibraError as error:
            from libra_provider.cli.console import print_error  # noqa: PLC0415 - --help needs none

            print_error(error)
            raise typer.Exit(BAD_USAGE if isinstance(error, BadInput) else FAILED) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


def command(name: str) -> Any:
    """The command *name*, with its options and its help."""
    from libra_provider.cli.option_names import Command  # noqa: PLC0415 - --help needs none

    module, _ = COMMANDS[name]
    function = getattr(import_module(f"libra_provider.cli.{module}"), name)
    settings = {"ignore_unknown_options": name in _TAKE_OPTIONS_APPLICATION_ARGS}
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name, cls=Command, context_settings=settings)(function)
    return typer.main.get_command(alone)


# Rich tracebacks show the values of variables, which may be secrets.
# Help is plain text: Typer's boxes need Rich with Markdown and Pygments, which alone cost more CPU
# than all else that `libra --help` imports.
app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _name, (_, _line) in COMMANDS.items():
    app.command(_name, help=_line)(lambda: None)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"libra {__version__}")
        raise typer.Exit


@app.callback()
def libra(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Run Spark jobs, SQL and Python on Libra or on a standalone cluster."""


def main() -> NoReturn:
    """Run the command given by the arguments of this process, then exit."""
    signal.signal(signal.SIGTERM, _interrupt)
    app(prog_name="libra")
    raise AssertionError("a Typer application exits")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Handle SIGTERM like Ctrl-C, so that a command stops the job it follows."""
    raise KeyboardInterrupt
