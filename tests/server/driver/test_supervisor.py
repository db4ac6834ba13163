from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from libra_provider.server.driver.messages import (
    DriverReady,
    EstimateResult,
    SessionHolds,
    StatementEnded,
    StatementProgress,
)
from libra_provider.server.driver.supervisor import Supervisor
from libra_provider.server.model.statement import Epoch
from libra_provider.server.settings import Settings
from libra_provider.server.timing import DriverTiming
from tests.server.running import FAKE_HOST


class Clumsy:
    """A listener that fails at first: when an epoch begins, and when one is ready."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.served = asyncio.Event()

    async def epoch_begins(self) -> Epoch:
        self.heard.append("begins")
        if len(self.heard) == 1:
            raise RuntimeError("no such table: epochs")
        return Epoch(number=len(self.heard), tag=f"tag {len(self.heard)}")

    def epoch_ready(self, epoch: Epoch, ready: DriverReady) -> None:
        del ready
        self.heard.append(f"ready {epoch.number}")
        if epoch.number == 2:
            raise KeyError("what nobody foresaw")
        self.served.set()

    def epoch_ended(self, reason: str) -> None:
        self.heard.append(reason.partition(";")[0])

    def epoch_resumes(self) -> None: ...
    def session_holds(self, held: SessionHolds) -> None: ...
    def statement_ended(self, ended: StatementEnded) -> None: ...
    def statement_progressed(self, progressed: StatementProgress) -> None: ...
    def estimated(self, estimated: EstimateResult) -> None: ...


NEWER_HOST = """
import socket, sys
channel = socket.socket(fileno=int(sys.argv[sys.argv.index("--channel") + 1]))
channel.sendall(b'["DriverReady", {"version": 2, "place": "host:1"}]\\n')
channel.recv(1)
"""


class Patient(Clumsy):
    """A listener that waits for the end of the first epoch."""

    async def epoch_begins(self) -> Epoch:
        return Epoch(number=1, tag="of a newer host")

    def epoch_ended(self, reason: str) -> None:
        super().epoch_ended(reason)
        self.served.set()


def test_a_host_of_another_version_is_ended_with_both_versions_and_what_to_do(
    tmp_path: Path,
) -> None:
    """The package may be replaced while Libra runs; the next host is started from the new one."""
    (tmp_path / "logs").mkdir()
    command = (sys.executable, "-c", NEWER_HOST)

    async def heard() -> str:
        listener = Patient()
        supervisor = Supervisor(Settings(data_dir=tmp_path), command=command)
        supervisor.start(listener)
        await asyncio.wait_for(listener.served.wait(), 300)
        await supervisor.stop()
        return listener.heard[0]

    assert asyncio.run(heard()) == (
        "the driver host sends messages of version 2, and this API process reads version 1:"
        " the package was replaced while Libra ran"
    )


def test_no_error_of_its_listener_ends_a_supervisor(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    settings = Settings(data_dir=tmp_path)

    async def heard() -> list[str]:
        timing = DriverTiming(try_again=0.01)
        listener, supervisor = Clumsy(), Supervisor(settings, command=FAKE_HOST, timing=timing)
        supervisor.start(listener)
        await asyncio.wait_for(listener.served.wait(), 300)
        await supervisor.stop()
        return listener.heard

    first, second, ready, ended, *later = asyncio.run(heard())

    assert (first, second, ready) == ("begins", "begins", "ready 2")
    assert "what nobody foresaw" in ended
    assert later == ["begins", "ready 5"]
    assert not (tmp_path / "run").exists()
