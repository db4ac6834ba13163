"""``libra cluster``: a real Spark standalone cluster in the foreground, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Annotated

import typer

from libra_provider.cli.console import facts_as_table, print_data, print_message
from libra_provider.core.errors import ServerUnreachable

if TYPE_CHECKING:
    from libra_provider.cluster.standalone import StandaloneCluster

_POLL_INTERVAL = 0.5  # seconds
# Spark's defaults for the master, its REST API and its web UI. A free port replaces a taken one.
_USUAL_PORTS = (7077, 6066, 8080)


def cluster(
    *,
    workers: Annotated[int, typer.Option(help="Number of workers.")] = 1,
    cores: Annotated[int, typer.Option(help="Cores per worker.")] = 4,
    memory: Annotated[str, typer.Option(help="Memory per worker, such as 4g.")] = "4g",
) -> None:
    """Run a Spark standalone cluster on this machine until Ctrl-C."""
    # Only this command needs these; a top-level import would slow down `libra --help`.
    from libra_provider.cluster.ports import is_free  # noqa: PLC0415
    from libra_provider.cluster.standalone import StandaloneCluster  # noqa: PLC0415

    with contextlib.suppress(KeyboardInterrupt):
        port, rest_port, ui_port = (number if is_free(number) else None for number in _USUAL_PORTS)
        made = StandaloneCluster(
            workers, cores=cores, memory=memory, port=port, rest_port=rest_port, ui_port=ui_port
        )
        print_message("Starting a Spark master and its workers...")
        with made as running:
            print_data(facts_as_table(_addresses(running)))
            print_message("Press Ctrl-C to stop the cluster. To use it from other terminals, run:")
            print_message(_exports(running))
            _wait_while_alive(running)
    print_message("Cluster stopped.")


def _addresses(cluster: StandaloneCluster) -> dict[str, str | None]:
    workers = {f"worker {n}": each.url for n, each in enumerate(cluster.workers, start=1)}
    return {
        "master": cluster.master_url,
        "REST": cluster.rest_url,
        "web UI": cluster.ui_url,
        **workers,
        "logs": str(cluster.home),
    }


def _exports(cluster: StandaloneCluster) -> str:
    return (
        f"export LIBRA_MASTER={cluster.master_url} LIBRA_MASTER_REST={cluster.rest_url} "
        f"LIBRA_MASTER_UI={cluster.ui_url}"
    )


def _wait_while_alive(cluster: StandaloneCluster) -> None:
    parts = [cluster.master, *cluster.workers]
    while all(part.is_alive for part in parts):
        time.sleep(_POLL_INTERVAL)
    for part in parts:
        if not part.is_alive:
            problem = f"it exited with code {part.exit_code}. End of its log:\n{part.log_tail()}"
            raise ServerUnreachable(part.name, problem)
