"""A Libra and a SparkSession with the same settings, each with a process that asks it.

Both run their tasks in the driver's own JVM: what a cluster would add is the same for both, and
would make Libra's own share look smaller.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import session
from benchmarks.answers import Answers, of_tasks, of_threads
from benchmarks.cpu import cpu_of
from benchmarks.figures import milliseconds
from benchmarks.load import Load
from benchmarks.process import Process
from benchmarks.question import Question
from libra_provider.clients.http.client import Client
from libra_provider.clients.http.credentials import BearerToken
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.libra.contract import Contract
from libra_provider.cluster.libra import LocalLibra
from libra_provider.server.driver import spark_properties
from libra_provider.server.settings import Settings

MASTER = "local[2]"
# A compiler of the JVM is done when further asking saves less than this, so many times.
_SETTLED = 0.97
_PATIENCE = 2
_LONGEST_WARM_UP = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Who is asked, and who asks; *folder* is where tables may be."""

    folder: Path
    own: Process
    client: Process
    libra: LocalLibra

    def in_process(self, question: Question, *, clients: int, duration: float) -> Load:
        """The load of *clients* threads of the process that holds the SparkSession."""
        ask = partial(session.ask, question, clients=clients, duration=duration)
        return _load(self.own, ask, {self.own.pid: "client"})

    def by_libra(self, question: Question, *, clients: int, duration: float) -> Load:
        """The load of as many clients of Libra: one blocks as a task, many share an event loop."""
        address = address_of(self.libra)
        ask = partial(ask_libra, address, question, clients=clients, duration=duration)
        return _load(self.client, ask, {self.client.pid: "client", self.libra.process.pid: "API"})

    def table(self, name: str, sql: str) -> Path:
        """The Parquet files that *sql* was written to, which both sides can read."""
        path = self.folder / name
        self.own.call(partial(session.write_table, path, sql))
        return path


@contextlib.contextmanager
def sides() -> Iterator[Sides]:
    """Both, started; they are stopped at the end."""
    with contextlib.ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="libra-bench-")))
        settings = Settings(master=MASTER, data_dir=folder)
        file = spark_properties.write(settings, folder / "session")
        own = Process(partial(session.start, file))
        undo.callback(own.close)
        client = Process()
        undo.callback(client.close)
        libra = undo.enter_context(LocalLibra(MASTER))
        yield Sides(folder=folder, own=own, client=client, libra=libra)


def address_of(libra: LocalLibra) -> ServerAddress:
    """Where *libra* is, with its token."""
    return ServerAddress(url=libra.url, authorization=BearerToken(libra.token))


def warm_up(ask: Callable[[], Load]) -> None:
    """Ask until an answer costs no less CPU than before, compilers included."""
    least, in_vain = float("inf"), 0
    for _ in range(_LONGEST_WARM_UP):
        used = ask().cpu_in_all
        print(f"warming up: {milliseconds(used)} of CPU per answer", file=sys.stderr)
        in_vain = 0 if used < least * _SETTLED else in_vain + 1
        least = min(least, used)
        if in_vain == _PATIENCE:
            return


def ask_libra(
    address: ServerAddress, question: Question, *, clients: int, duration: float
) -> Answers:
    """Ask Libra at *address*, over connections that are kept."""
    client = Client([address])
    if clients == 1:
        with contextlib.closing(client):
            ask = partial(_once, client, Contract(), question)
            return of_threads(ask, clients=1, duration=duration)
    return asyncio.run(_ask_libra(client, question, clients=clients, duration=duration))


def _once(client: Client, contract: Contract, question: Question) -> None:
    client.run(question.of_libra(contract))


async def _ask_libra(
    client: Client, question: Question, *, clients: int, duration: float
) -> Answers:
    contract = Contract()
    async with contextlib.aclosing(client):
        return await of_tasks(
            lambda: client.arun(question.of_libra(contract)), clients=clients, duration=duration
        )


def _load(process: Process, ask: Callable[[], Answers], watched: Mapping[int, str]) -> Load:
    before = cpu_of(watched)
    answers = process.call(ask)
    used = {kind: seconds - before[kind] for kind, seconds in cpu_of(watched).items()}
    return Load.of(answers, used)
