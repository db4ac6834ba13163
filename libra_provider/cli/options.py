"""What the commands that run statements share: their options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from libra_provider.core.errors import BadInput
from libra_provider.core.kinds import Mode
from libra_provider.core.units import duration_in_seconds

Timeout = Annotated[
    str | None, typer.Option(help='How long it may run, such as "10 min"; then Libra ends it.')
]
Pool = Annotated[str | None, typer.Option(help="Libra's scheduler pool.")]
Session = Annotated[str | None, typer.Option(help="Whose temporary views and variables it sees.")]
Conf = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=VALUE", help="A Spark property of a driver of its own."),
]
Isolated = Annotated[bool, typer.Option("--isolated", help="In a driver of its own.")]
Deploy = Annotated[
    str | None,
    typer.Option(
        "--deploy-mode",
        metavar="client|cluster",
        help="A driver of its own runs beside Libra, or on a worker; default: as Libra is set.",
    ),
]


def timeout_seconds(timeout: str | None) -> float | None:
    """``--timeout`` in seconds; raises BadInput."""
    return None if timeout is None else duration_in_seconds(timeout, parameter="--timeout")


def mode(*, isolated: bool) -> Mode | None:
    """What the flag says; without it, kind and properties decide."""
    return Mode.ISOLATED if isolated else None


def key_values(option: str, given: Sequence[str]) -> dict[str, str]:
    """The keys and values of a repeated *option*; raises BadInput for one without ``=``."""
    found = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise BadInput(option, text, "it looks like KEY=VALUE")
        found[key] = value
    return found
