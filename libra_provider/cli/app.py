"""The commands together, and what their errors become: a red line and an exit code."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from libra_provider import __version__
from libra_provider.cli import (
    cluster,
    decide,
    doctor,
    jobs,
    python,
    result,
    run,
    serve,
    sql,
    submit,
)
from libra_provider.cli.console import say_error
from libra_provider.core.errors import BadInput, LibraError

FAILED, BAD_USAGE, INTERRUPTED = 1, 2, 130


class Commands(TyperGroup):
    """Ends with 1 after a LibraError, 2 after bad usage, 130 after an interrupt."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command; no traceback for what is said on purpose."""
        try:
            return super().invoke(ctx)
        except LibraError as error:
            say_error(error)
            raise typer.Exit(BAD_USAGE if isinstance(error, BadInput) else FAILED) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


# Rich tracebacks are for the authors of a command; they would show a user's own values.
app = typer.Typer(
    cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
app.command()(cluster.cluster)
app.command()(serve.serve)
app.command()(sql.sql)
# What follows the application is the application's own, options too.
_OF_THE_APPLICATION = {"ignore_unknown_options": True}
app.command(context_settings=_OF_THE_APPLICATION)(submit.submit)
app.command(context_settings=_OF_THE_APPLICATION)(run.run)
app.command()(python.python)
app.command()(jobs.status)
app.command()(jobs.logs)
app.command()(jobs.kill)
app.command()(result.result)
app.command()(doctor.doctor)
app.command()(decide.decide)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"libra {__version__}")
        raise typer.Exit


@app.callback()
def libra(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    """Run Spark jobs, SQL and Python on Libra or on a standalone cluster."""


def main() -> NoReturn:
    """Run the command of this process's arguments; exits."""
    signal.signal(signal.SIGTERM, _interrupt)
    app(prog_name="libra")
    raise AssertionError("a Typer application exits")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """SIGTERM ends a command as Ctrl-C does: what it watches over is stopped."""
    raise KeyboardInterrupt
