"""The parts of one running server."""

from __future__ import annotations

from functools import partial

from libra_provider.server.artifacts.in_use import needed
from libra_provider.server.artifacts.store import ArtifactStore
from libra_provider.server.driver.supervisor import Supervisor
from libra_provider.server.external_jobs.upload import UploadFolder
from libra_provider.server.ledger.ledger import Ledger
from libra_provider.server.network_probe import NetworkProbe
from libra_provider.server.settings import Settings
from libra_provider.server.signed_urls import Signer
from libra_provider.server.statements.service import StatementService
from libra_provider.server.timing import ServerTiming


class Libra:
    """The parts of one running server."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        driver: Supervisor,
        signer: Signer,
        timing: ServerTiming,
    ) -> None:
        self.settings = settings
        self.signer = signer
        self.ledger = ledger
        self.driver = driver
        self.artifacts = ArtifactStore(
            settings,
            partial(needed, settings.artifacts_dir, ledger),
            in_use_for=timing.artifact_in_use,
        )
        self.statements = StatementService(settings, ledger, driver, self.artifacts, timing=timing)
        self.uploads = UploadFolder(settings.data_dir / "incoming")
        self.network_probe = NetworkProbe(settings, timing.probe)
