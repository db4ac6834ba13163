"""Where a driver may run, the facts that matter for it, and what was decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import Enum, StrEnum
from typing import Any, Generic, Self, TypeVar

from libra_provider.core.kinds import DeployMode, Mode
from libra_provider.core.workload import Workload

T = TypeVar("T")


class Place(Enum):
    """Where a driver runs: whose it is, and on which side of the network.

    SHARED is on the client side: it runs in Libra.
    """

    SHARED = (Mode.SHARED, DeployMode.CLIENT)
    ISOLATED_CLIENT = (Mode.ISOLATED, DeployMode.CLIENT)
    ISOLATED_CLUSTER = (Mode.ISOLATED, DeployMode.CLUSTER)

    @property
    def mode(self) -> Mode:
        """Whose driver it is."""
        return self.value[0]

    @property
    def deploy_mode(self) -> DeployMode:
        """Whether it runs beside Libra or on a worker."""
        return self.value[1]

    def __str__(self) -> str:
        return _PLACE_WORDS[self]


_PLACE_WORDS = {
    Place.SHARED: "SHARED, in Libra",
    Place.ISOLATED_CLIENT: "ISOLATED client, on Libra's host",
    Place.ISOLATED_CLUSTER: "ISOLATED cluster, on a worker",
}


class Locality(StrEnum):
    """Whether Libra's driver and the cluster are in one data centre."""

    SAME = "same"
    REMOTE = "remote"


class Confidence(StrEnum):
    """How well the facts behind a decision are known; the first is the best."""

    HIGH = "high"  # set by the user, declared or measured
    MEDIUM = "medium"  # estimated
    LOW = "low"  # assumed, because it is unknown

    @classmethod
    def lowest(cls, given: Iterable[Confidence]) -> Confidence:
        """The lowest of *given*; HIGH if there is none."""
        return max(given, key=list(cls).index, default=cls.HIGH)


@dataclass(frozen=True, slots=True)
class Fact(Generic[T]):
    """A value, and where it comes from: ``source`` completes "3.2 GiB (…)"."""

    value: T
    source: str
    confidence: Confidence = Confidence.HIGH


@dataclass(frozen=True, slots=True)
class WorkerShare:
    """The cores of a worker, and its memory in bytes."""

    cores: int
    memory: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known about a job, and the link between Libra and its cluster; None is unknown."""

    collects: Fact[int] | None = None
    """Bytes that are returned to the driver."""
    too_much: Fact[int] | None = None
    """Bytes that Libra's shared driver could not hold when the job ran there."""
    duration: Fact[float] | None = None
    """Seconds that the work itself takes."""
    must_survive: Fact[bool] | None = None
    """Whether the job must continue when its submitter stops."""
    tasks: Fact[int] | None = None
    """Tasks of all its stages."""
    task_seconds: Fact[float] | None = None
    """Seconds that each of them takes."""
    broadcast: Fact[int] | None = None
    """Bytes that the driver sends to the executors at a time."""
    iterations: Fact[int] | None = None
    """How often it sends them; unknown is once."""
    has_libra: Fact[bool] | None = None
    """Whether there is a Libra that could run it; unknown is yes."""
    has_workers: Fact[bool] | None = None
    """Whether something can submit to workers, with or without Libra; unknown is yes."""
    locality: Fact[Locality] | None = None
    """What was declared; it takes precedence over measurements."""
    round_trip: Fact[float] | None = None
    """Seconds from Libra's driver to the cluster and back."""
    bandwidth: Fact[float] | None = None
    """Bits per second between them."""
    largest_worker: Fact[WorkerShare] | None = None
    """Of the workers that are alive, the one that could hold the largest driver."""
    roomiest_worker: Fact[WorkerShare] | None = None
    """What the worker with the most room has free at the moment."""

    @classmethod
    def of(cls, workload: Workload, source: str = "set in workload") -> Self:
        """The facts in *workload*, each with *source*."""
        given = {
            "collects": workload.collected_bytes,
            "duration": workload.duration,
            "must_survive": workload.must_survive,
            "tasks": workload.tasks,
            "task_seconds": workload.task_duration,
            "broadcast": workload.broadcast_bytes,
            "iterations": workload.iterations,
        }
        known: dict[str, Any] = {
            name: Fact(value, source) for name, value in given.items() if value is not None
        }
        return cls(**known)

    def or_else(self, others: Facts) -> Facts:
        """These facts, completed by those of *others*."""
        unknown = [each.name for each in fields(self) if getattr(self, each.name) is None]
        return replace(self, **{name: getattr(others, name) for name in unknown})

    def to_json(self) -> dict[str, Any]:
        """Value, source and confidence of each fact that is known."""
        facts = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: asdict(fact) for name, fact in facts.items() if fact is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleAnswer:
    """The answer of one rule for one job: ``place`` is None if the rule does not decide."""

    rule: str
    question: str
    place: Place | None
    reason: str
    confidence: Confidence

    def to_json(self) -> dict[str, Any]:
        """The answer as XCom and ``libra decide --json`` show it."""
        return {
            "rule": self.rule,
            "question": self.question,
            "answer": "no" if self.place is None else str(self.place),
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """A place that was not chosen, and why not."""

    place: Place
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Where the driver runs, and why.

    ``path`` holds the answers of the rules down to the one that decided, ``predicted`` the seconds
    of each step with the driver on the "client" side and on the "cluster", ``warnings`` what the
    job requests but will not get. ``is_remote``: Libra is far from the cluster. ``unless_chosen``
    is what the rules would have decided for a job that sets its own mode.
    """

    place: Place
    path: tuple[RuleAnswer, ...]
    alternatives: tuple[Alternative, ...]
    predicted: Mapping[str, Mapping[str, float]]
    is_remote: bool
    warnings: tuple[str, ...] = ()
    unless_chosen: Decision | None = None

    @property
    def mode(self) -> Mode:
        """Whose driver runs the job."""
        return self.place.mode

    @property
    def deploy_mode(self) -> DeployMode:
        """On which side of the network it runs; SHARED is on the client's."""
        return self.place.deploy_mode

    @property
    def rule(self) -> str:
        """The rule that decided."""
        return self.path[-1].rule

    @property
    def reason(self) -> str:
        """Why, as one sentence without its period."""
        return self.path[-1].reason

    @property
    def predicted_seconds(self) -> dict[str, float]:
        """All steps together, for "client" and "cluster"."""
        return {name: round(sum(steps.values()), 3) for name, steps in self.predicted.items()}

    @property
    def confidence(self) -> Confidence:
        """That of the weakest answer on the path."""
        return Confidence.lowest(answer.confidence for answer in self.path)

    def to_json(self) -> dict[str, Any]:
        """The decision as XCom and ``libra decide --json`` show it."""
        found: dict[str, Any] = {
            "mode": str(self.mode),
            "deploy_mode": str(self.deploy_mode),
            "rule": self.rule,
            "reason": self.reason,
            "path": [answer.to_json() for answer in self.path],
            "alternatives": [
                {"mode": str(a.place.mode), "deploy_mode": str(a.place.deploy_mode)}
                | {"reason": a.reason}
                for a in self.alternatives
            ],
            "predicted_seconds": self.predicted_seconds,
            "confidence": str(self.confidence),
            "warnings": list(self.warnings),
        }
        if self.unless_chosen:
            found["unless_chosen"] = self.unless_chosen.to_json()
        return found
