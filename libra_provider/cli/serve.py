"""``libra serve``: Libra in the foreground, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from libra_provider.core.errors import LibraError


def serve(
    *,
    master: Annotated[
        str | None,
        typer.Option(help="Spark master: spark://host:7077 or local[N] (default: $LIBRA_MASTER)."),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on. Any address but loopback requires a token."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on (default: $LIBRA_PORT, else 8990).")
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="Directory for the ledger, results and logs; not shared between servers."
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(help="Bearer token. Prefer $LIBRA_TOKEN: other users can see options."),
    ] = None,
) -> None:
    """Run a Libra server until Ctrl-C.

    All other settings come from LIBRA_* environment variables or the file in LIBRA_CONFIG.
    """
    with _server_extra_required():
        from libra_provider.server import Settings, serve  # noqa: PLC0415 - only this needs it

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    with contextlib.suppress(KeyboardInterrupt):
        settings = Settings.load(
            master=master, host=host, port=port, data_dir=data_dir, token=token
        )
        serve(settings)


@contextlib.contextmanager
def _server_extra_required() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("libra_provider"):
            raise
        install = "pip install 'airflow-provider-libra[server]'"
        problem = f"libra serve requires {error.name}, which is not installed: {install}"
        raise LibraError(problem) from error
