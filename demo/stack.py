"""Starts Spark, Libra and Airflow one after the other, and stops them together."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from libra_provider.cluster.airflow import LocalAirflow
from libra_provider.cluster.libra import LocalLibra
from libra_provider.cluster.standalone import StandaloneCluster
from libra_provider.core.units import readable_duration

DAGS = Path(__file__).parent.parent / "dags_examples"
# Enough for Libra and two small drivers with one executor each, on any machine.
CORES, MEMORY = 6, "6g"
LIBRA_SPARK = {
    "spark.cores.max": "2",
    "spark.driver.memory": "1g",
    "spark.executor.memory": "1g",
    "spark.sql.shuffle.partitions": "4",
}


@dataclass(frozen=True, slots=True)
class Stack:
    """The three running servers."""

    cluster: StandaloneCluster
    libra: LocalLibra
    airflow: LocalAirflow


S = TypeVar("S", bound=contextlib.AbstractContextManager[object])


@contextlib.contextmanager
def running_stack(folder: Path, console: Console) -> Iterator[Stack]:
    """Start everything in *folder*; stop it on leaving the context."""
    with contextlib.ExitStack() as servers:

        def start(name: str, server: S) -> S:
            began = time.monotonic()
            with console.status(f"Starting {name} …"):
                servers.enter_context(server)
            seconds = readable_duration(time.monotonic() - began)
            console.print(f"[green]✓[/] {name} [dim]in {seconds}[/]")
            return server

        servers.callback(console.print, "[dim]Everything has been stopped.[/]")
        cluster = start(
            "Spark: a master and a worker",
            StandaloneCluster(cores=CORES, memory=MEMORY, home=folder / "spark"),
        )
        libra = start(
            "Libra: the shared driver",
            LocalLibra(cluster.master_url, spark=LIBRA_SPARK, data_dir=folder / "libra"),
        )
        airflow = start(
            "Airflow: its four components",
            LocalAirflow(
                folder / "airflow",
                DAGS,
                connections={
                    "libra_default": libra.connection(),
                    "spark_master_default": cluster.connection(),
                },
                env={"FLIGHTS_HOME": str(folder / "flights")},
                parallelism=4,
            ),
        )
        yield Stack(cluster, libra, airflow)
