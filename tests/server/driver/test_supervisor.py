from __future__ import annotations

import asyncio
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


def test_no_error_of_its_listener_ends_a_supervisor(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    settings = Settings(data_dir=tmp_path)

    async def heard() -> list[str]:
        listener, supervisor = Clumsy(), Supervisor(settings, command=FAKE_HOST)
        supervisor.start(listener)
        await asyncio.wait_for(listener.served.wait(), 300)
        await supervisor.stop()
        return listener.heard

    first, second, ready, ended, *later = asyncio.run(heard())

    assert (first, second, ready) == ("begins", "begins", "ready 2")
    assert "what nobody foresaw" in ended
    assert later == ["begins", "ready 5"]
    assert not (tmp_path / "run").exists()
