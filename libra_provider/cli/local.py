"""``libra cluster`` and ``libra serve``: servers in the foreground, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from libra_provider.cli.console import facts_as_table, say, show
from libra_provider.core.errors import LibraError, ServerUnreachable

if TYPE_CHECKING:
    from libra_provider.cluster.standalone import StandaloneCluster

_LOOK_EVERY = 0.5  # seconds
# Spark's own for master, REST and web page; one that is taken is replaced by a free one.
_USUAL_PORTS = (7077, 6066, 8080)


def cluster(
    *,
    workers: Annotated[int, typer.Option(help="How many workers.")] = 1,
    cores: Annotated[int, typer.Option(help="Cores of each worker.")] = 4,
    memory: Annotated[str, typer.Option(help="Memory of each worker.")] = "4g",
) -> None:
    """Run a real Spark standalone cluster on this machine until Ctrl-C."""
    # What only this command needs is imported only here.
    from libra_provider.cluster.ports import is_free  # noqa: PLC0415
    from libra_provider.cluster.standalone import StandaloneCluster  # noqa: PLC0415

    with contextlib.suppress(KeyboardInterrupt):
        port, rest_port, ui_port = (number if is_free(number) else None for number in _USUAL_PORTS)
        made = StandaloneCluster(
            workers, cores=cores, memory=memory, port=port, rest_port=rest_port, ui_port=ui_port
        )
        say("Starting a master and its workers …")
        with made as running:
            show(facts_as_table(_addresses(running)))
            say("Ctrl-C stops all of it. For other terminals:")
            say(_exports(running))
            _stay_while_it_lives(running)
    say("The cluster is stopped.")


def _addresses(cluster: StandaloneCluster) -> dict[str, str | None]:
    workers = {f"worker {n}": each.url for n, each in enumerate(cluster.workers, start=1)}
    return {
        "master": cluster.master_url,
        "REST": cluster.rest_url,
        "web page": cluster.ui_url,
        **workers,
        "logs": str(cluster.home),
    }


def _exports(cluster: StandaloneCluster) -> str:
    return (
        f"export LIBRA_MASTER={cluster.master_url} LIBRA_MASTER_REST={cluster.rest_url} "
        f"LIBRA_MASTER_UI={cluster.ui_url}"
    )


def _stay_while_it_lives(cluster: StandaloneCluster) -> None:
    parts = [cluster.master, *cluster.workers]
    while all(part.is_alive for part in parts):
        time.sleep(_LOOK_EVERY)
    for part in parts:
        if not part.is_alive:
            said = f"it ended with exit code {part.exit_code}; its log ends:\n{part.log_tail()}"
            raise ServerUnreachable(part.name, said)


def serve(
    *,
    master: Annotated[
        str | None, typer.Option(help="spark://host:7077, or local[N]; or LIBRA_MASTER.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Where to listen; beyond this machine a token is needed.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="8990 unless LIBRA_PORT says so.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="For the ledger, results and logs; one Libra each.")
    ] = None,
    token: Annotated[
        str | None, typer.Option(help="Others can see an option: prefer LIBRA_TOKEN.")
    ] = None,
) -> None:
    """Run Libra until Ctrl-C; LIBRA_… variables and LIBRA_CONFIG say all the rest."""
    with _extra_is_there():
        from libra_provider.server import Settings, serve  # noqa: PLC0415 - only this needs it

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    with contextlib.suppress(KeyboardInterrupt):
        settings = Settings.load(
            master=master, host=host, port=port, data_dir=data_dir, token=token
        )
        serve(settings)


@contextlib.contextmanager
def _extra_is_there() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("libra_provider"):
            raise
        advice = "pip install 'airflow-provider-libra[server]'"
        raise LibraError(f"libra serve needs {error.name}, which is not here: {advice}") from error
