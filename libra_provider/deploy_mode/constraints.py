"""Which places could run a job at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from libra_provider.core.decision import Facts, Place, WorkerShare
from libra_provider.core.errors import BadInput
from libra_provider.core.job import DeployMode, Kind, Mode, SparkJob
from libra_provider.core.properties import RESOURCES, whole_number
from libra_provider.core.units import MIB, readable_size, size_in_bytes

_ANYWHERE = frozenset(Place)
_OWN_DRIVER = frozenset({Place.ISOLATED_CLIENT, Place.ISOLATED_CLUSTER})
_OWN_KINDS = {Kind.PYTHON_FILE: "a Python file", Kind.JAR: "a JAR"}
_ONLY_OWN_DRIVERS = ("py_files", "jars", "files", "archives", "packages")
_ONLY_MASTERS = ("env_vars", "supervise", "driver_timeout")
_AT_LIBRA = frozenset({Place.SHARED, Place.ISOLATED_CLIENT})
_WORKER = frozenset({Place.ISOLATED_CLUSTER})
_WISHES = {
    Mode.SHARED: (frozenset({Place.SHARED}), "Libra's own driver"),
    Mode.ISOLATED: (_OWN_DRIVER, "a driver of the job's own"),
    DeployMode.CLIENT: (_AT_LIBRA, "one beside Libra"),
    DeployMode.CLUSTER: (_WORKER, "a driver on a worker"),
}
# What Spark asks of a worker for a driver that says nothing.
_DRIVER_MEMORY, _DRIVER_CORES = "1g", "1"


@dataclass(frozen=True, slots=True)
class Constraint:
    """What a *parameter* of a job, or a fact of this name, leaves of the places, and why."""

    parameter: str
    value: object
    places: frozenset[Place]
    why: str


def possible_places(job: SparkJob, facts: Facts) -> tuple[list[Place], list[Constraint]]:
    """The places that could run *job* as its author wants it, and what excludes the others.

    Raises BadInput where nothing is left, naming the two wishes that contradict each other.
    """
    constraints: list[Constraint] = []
    for each in (*_of_facts(facts), *_constraints(job)):
        _check(each, constraints)
        constraints.append(each)
    if job.session and facts.must_survive and facts.must_survive.value:
        expected = "sessions are Libra's own driver's, and must_survive asks for one on a worker"
        raise BadInput("session", job.session, expected)
    left = _ANYWHERE.intersection(*(each.places for each in constraints))
    return [place for place in Place if place in left], constraints


def _check(new: Constraint, others: list[Constraint]) -> None:
    """Each constraint is an interval of the places, so a contradiction is always one of two."""
    for other in others:
        if not new.places & other.places:
            raise BadInput(new.parameter, new.value, other.why)


def _of_facts(facts: Facts) -> Iterator[Constraint]:
    if (libra := facts.has_libra) and not libra.value:
        yield Constraint("has_libra", libra.value, _WORKER, libra.source)
    if (workers := facts.has_workers) and not workers.value:
        yield Constraint("has_workers", workers.value, _AT_LIBRA, workers.source)


def _constraints(job: SparkJob) -> Iterator[Constraint]:
    if what := _OWN_KINDS.get(Kind(job.kind)):
        yield Constraint("kind", str(job.kind), _OWN_DRIVER, f"{what} needs a driver of its own")
    if job.conf:
        key = next((each for each in RESOURCES if each in job.conf), next(iter(job.conf)))
        why = f"conf[{key!r}] needs a driver of its own"
        yield Constraint("conf", sorted(job.conf), _OWN_DRIVER, why)
    yield from _of_parameters(job, _ONLY_OWN_DRIVERS, _OWN_DRIVER, "needs a driver of its own")
    yield from _of_parameters(job, _ONLY_MASTERS, _WORKER, "needs a driver on a worker")
    if job.session:
        why = f"session={job.session!r} is one of Libra's own driver"
        yield Constraint("session", job.session, frozenset({Place.SHARED}), why)
    for parameter in ("mode", "deploy_mode"):
        if wish := getattr(job, parameter):
            places, what = _WISHES[wish]
            yield Constraint(parameter, str(wish), places, f"{parameter}='{wish}' means {what}")


def _of_parameters(
    job: SparkJob, names: tuple[str, ...], places: frozenset[Place], why: str
) -> Iterator[Constraint]:
    for name in names:
        if getattr(job, name):
            # Values of env_vars may be secrets, so none is shown.
            yield Constraint(name, "…", places, f"{name} {why}")


def driver_size(job: SparkJob) -> WorkerShare:
    """The cores and the memory that a driver of *job*'s own asks of a worker."""
    memory = job.conf.get("spark.driver.memory", _DRIVER_MEMORY)
    cores = job.conf.get("spark.driver.cores", _DRIVER_CORES)
    count = int(whole_number("conf['spark.driver.cores']", cores))
    return WorkerShare(count, size_in_bytes(memory, parameter="conf['spark.driver.memory']"))


def has_room_for(worker: WorkerShare, driver: WorkerShare) -> bool:
    """Whether *driver* has room on *worker*; the master counts in whole MiB."""
    return worker.cores >= driver.cores and worker.memory // MIB >= driver.memory // MIB


def readable_share(share: WorkerShare) -> str:
    """*share* for people: "2 cores and 4 GiB"."""
    cores = "1 core" if share.cores == 1 else f"{share.cores} cores"
    return f"{cores} and {readable_size(share.memory)}"
