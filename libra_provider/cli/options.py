"""Options that several commands share, and the parsing of their values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from libra_provider.core.errors import BadInput
from libra_provider.core.kinds import Mode
from libra_provider.core.units import duration_in_seconds

Timeout = Annotated[
    str | None, typer.Option(help='Kill the job after this time, such as "10 min".')
]
Pool = Annotated[str | None, typer.Option(help="Scheduler pool of the shared driver.")]
Session = Annotated[
    str | None, typer.Option(help="Session whose temporary views and variables it uses.")
]
Conf = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=VALUE", help="Spark property of a dedicated driver; repeatable."),
]
Isolated = Annotated[bool, typer.Option("--isolated", help="Run in a dedicated driver.")]
Deploy = Annotated[
    str | None,
    typer.Option(
        "--deploy-mode",
        metavar="client|cluster",
        help="Run a dedicated driver on Libra's host or on a worker (default: Libra's setting).",
    ),
]


def timeout_seconds(timeout: str | None) -> float | None:
    """``--timeout`` in seconds; raises BadInput."""
    return None if timeout is None else duration_in_seconds(timeout, parameter="--timeout")


def mode(*, isolated: bool) -> Mode | None:
    """ISOLATED if the flag is set, or None: then kind and properties decide."""
    return Mode.ISOLATED if isolated else None


def key_values(option: str, given: Sequence[str]) -> dict[str, str]:
    """The keys and values of a repeated *option*; raises BadInput for one without ``=``."""
    found = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise BadInput(option, text, "expected KEY=VALUE")
        found[key] = value
    return found
