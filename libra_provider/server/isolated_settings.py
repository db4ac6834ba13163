"""How ISOLATED statements are run: the table ``[isolated]`` of Libra's settings."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

from libra_provider.core.errors import BadInput, one_of
from libra_provider.core.kinds import DeployMode
from libra_provider.core.limits import ResourceLimits
from libra_provider.core.masking import MASK, masked_conf
from libra_provider.core.properties import CORES_MAX, spark_conf
from libra_provider.core.units import MIB, size_in_bytes

_MEMORY_PER_DRIVER = 4096 * MIB
_MOST_BESIDE_LIBRA = 8


def _drivers_this_host_holds() -> int:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(_MOST_BESIDE_LIBRA, memory // _MEMORY_PER_DRIVER))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class IsolatedSettings:
    """Where the drivers of ISOLATED statements run, how many, and what they may take."""

    deploy_mode: str = DeployMode.CLIENT
    """Where a statement that does not say it gets its driver."""
    max_client: int = field(default_factory=_drivers_this_host_holds)
    """Drivers on Libra's host at the same time: one for 4 GiB of its memory, eight at most."""
    max_cluster: int = 100
    """Drivers at the master at the same time, waiting for a worker or running."""
    defaults: Mapping[str, str] = field(default_factory=lambda: {CORES_MAX: "2"})
    """Properties of a statement that does not set them; without a spark.cores.max, a job would
    take every free core of the cluster."""
    max_cores: int | None = None
    """The most cores that the executors of a statement together, and its driver, may ask for."""
    max_memory: str | None = None
    """The most memory that a driver, and each executor, may ask for."""
    rest_urls: Sequence[str] = ()
    """The masters' REST ports; empty: port 6066 of each host in ``master``."""
    ui_urls: Sequence[str] = ()
    """The masters' web pages; empty: port 8080 of each host in ``master``."""
    master_secret: str | None = None
    """The masters' JWS secret key, base64url."""
    verify: bool | str = True
    """Of https: whether certificates are checked, or the file with those to trust."""
    log_max_bytes: int = 16 * MIB
    """Of stdout and stderr each; the beginning and the end are kept."""

    def __post_init__(self) -> None:
        if self.deploy_mode not in list(DeployMode):
            raise BadInput("isolated.deploy_mode", self.deploy_mode, one_of(DeployMode))
        for name in ("max_client", "max_cluster", "log_max_bytes"):
            if getattr(self, name) < 1:
                raise BadInput(f"isolated.{name}", getattr(self, name), "expected at least 1")
        defaults = spark_conf(self.defaults, parameter="isolated.defaults")
        object.__setattr__(self, "defaults", defaults)
        _ = self.caps  # raises BadInput for limits that cannot work

    @property
    def caps(self) -> ResourceLimits:
        """Defaults and limits, as they are applied to a job."""
        return ResourceLimits(
            owner="this Libra",
            parameter="sparkConfig",
            defaults=self.defaults,
            max_cores=self.max_cores,
            max_memory=self.max_memory,
        )

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Self:
        """The settings in *table*; raises BadInput."""
        if unknown := table.keys() - {each.name for each in fields(cls)}:
            known = ", ".join(each.name for each in fields(cls))
            raise BadInput("isolated", min(unknown), f"expected one of its settings: {known}")
        given = dict(table)
        for name in ("max_client", "max_cluster"):
            if name in given and not isinstance(given[name], int):
                raise BadInput(f"isolated.{name}", given[name], "expected a whole number")
        if isinstance(size := given.get("log_max_bytes"), str):
            given["log_max_bytes"] = size_in_bytes(size, parameter="isolated.log_max_bytes")
        return cls(**given)

    def __repr__(self) -> str:
        shown: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        shown["master_secret"] = MASK if self.master_secret else None
        shown["defaults"] = masked_conf(self.defaults)
        listed = ", ".join(f"{name}={value!r}" for name, value in shown.items())
        return f"IsolatedSettings({listed})"
