"""Default properties of a connection or a Libra for its jobs, and the limits of their resources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from libra_provider.core.errors import BadInput
from libra_provider.core.job import SparkJob
from libra_provider.core.properties import CORES_MAX, PROPERTY_OF, whole_number
from libra_provider.core.units import size_in_bytes, spark_size

_MEMORY = ("spark.driver.memory", "spark.executor.memory")
_DEFAULT_MEMORY = "1g"  # Spark's


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceLimits:
    """Defaults and limits of *owner*, which errors name: "connection spark_default".

    ``defaults`` are properties that a job gets unless it sets them. ``max_cores`` limits the
    executors of a job together (``spark.cores.max``), and its driver; ``max_memory`` ("8g") its
    driver, and each executor.
    """

    owner: str
    parameter: str = "conf"
    """The name of the job's properties in errors."""
    defaults: Mapping[str, str] = field(default_factory=dict)
    max_cores: int | str | None = None
    max_memory: str | None = None

    def __post_init__(self) -> None:
        if self.max_cores is not None:
            cores = whole_number("max_cores", self.max_cores)
            object.__setattr__(self, "max_cores", int(cores))
        if self.max_memory is not None:
            size = spark_size(self.max_memory, parameter="max_memory")
            object.__setattr__(self, "max_memory", size)
        self._limit(dict(self.defaults))

    def complete(self, job: SparkJob) -> SparkJob:
        """*job* with defaults for what it does not set; raises BadInput if it exceeds a limit."""
        given = {PROPERTY_OF[name] for name in PROPERTY_OF if getattr(job, name)}
        unset = {key: value for key, value in self.defaults.items() if key not in given}
        conf = {**unset, **job.conf}
        self._limit(conf)
        return job.trusted(conf=conf)

    def _limit(self, conf: dict[str, str]) -> None:
        self._limit_cores(conf)
        self._limit_memory(conf)

    def _limit_cores(self, conf: dict[str, str]) -> None:
        if self.max_cores is None:
            return
        limit = int(self.max_cores)
        conf.setdefault(CORES_MAX, str(limit))
        for key in (CORES_MAX, "spark.driver.cores"):
            if key in conf and int(conf[key]) > limit:
                raise self._too_much(key, conf[key], f"max_cores={self.max_cores}")

    def _limit_memory(self, conf: dict[str, str]) -> None:
        if self.max_memory is None:
            return
        limit = size_in_bytes(self.max_memory)
        for key in _MEMORY:
            if key not in conf and size_in_bytes(_DEFAULT_MEMORY) > limit:
                conf[key] = self.max_memory
            if key in conf and size_in_bytes(conf[key]) > limit:
                raise self._too_much(key, conf[key], f"max_memory={self.max_memory}")

    def _too_much(self, key: str, value: str, limit: str) -> BadInput:
        return BadInput(f"{self.parameter}[{key!r}]", value, f"{self.owner} allows at most {limit}")
