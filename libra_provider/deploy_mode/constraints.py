"""The placements that a job's parameters and the available servers allow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from libra_provider.core.decision import Facts, Place, WorkerShare
from libra_provider.core.errors import BadInput
from libra_provider.core.field_rules import why_shared
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import DeployMode, Kind, Mode
from libra_provider.core.masking import MASK
from libra_provider.core.properties import RESOURCES, whole_number
from libra_provider.core.units import MIB, readable_size, size_in_bytes

_ANYWHERE = frozenset(Place)
_DEDICATED = frozenset({Place.ISOLATED_CLIENT, Place.ISOLATED_CLUSTER})
_DEDICATED_KINDS = {Kind.PYTHON_FILE: "a Python file", Kind.JAR: "a JAR"}
_ONLY_DEDICATED = ("py_files", "jars", "files", "archives", "packages")
_ONLY_MASTERS = ("env_vars", "supervise", "driver_timeout")
_LIBRA_HOST = frozenset({Place.SHARED, Place.ISOLATED_CLIENT})
_WORKER = frozenset({Place.ISOLATED_CLUSTER})
_MEANINGS = {
    Mode.SHARED: (frozenset({Place.SHARED}), "the shared driver"),
    Mode.ISOLATED: (_DEDICATED, "a dedicated driver"),
    DeployMode.CLIENT: (_LIBRA_HOST, "a driver on Libra's host"),
    DeployMode.CLUSTER: (_WORKER, "a driver on a worker"),
}
# Spark's defaults for a driver without these properties.
_DRIVER_MEMORY, _DRIVER_CORES = "1g", "1"


@dataclass(frozen=True, slots=True)
class Constraint:
    """The placements that a job's *parameter*, or a fact of this name, allows, and why."""

    parameter: str
    value: object
    places: frozenset[Place]
    why: str


def possible_places(job: SparkJob, facts: Facts) -> tuple[list[Place], list[Constraint]]:
    """The placements that can run *job* as requested, and the constraints that exclude the others.

    Raises BadInput if none is left, naming the two parameters that contradict each other.
    """
    constraints: list[Constraint] = []
    for each in (*_of_facts(facts), *_of_size(job, facts), *_constraints(job)):
        _check(each, constraints)
        constraints.append(each)
    if facts.must_survive and facts.must_survive.value:
        _check_outlives(job, constraints)
    left = _ANYWHERE.intersection(*(each.places for each in constraints))
    return [place for place in Place if place in left], constraints


def _check(new: Constraint, others: list[Constraint]) -> None:
    """Raise BadInput if *new* contradicts one of *others*.

    Each constraint is an interval of the ordered placements, so if all of them together leave
    nothing, two of them already contradict each other.
    """
    for other in others:
        if not new.places & other.places:
            raise BadInput(new.parameter, new.value, other.why)


def _check_outlives(job: SparkJob, constraints: list[Constraint]) -> None:
    """Raise BadInput if *job* must outlive the only driver that can run it."""
    if job.session:
        expected = "sessions exist only in the shared driver, but must_survive requires a worker"
        raise BadInput("session", job.session, expected)
    for each in constraints:
        if each.parameter == "parameters":
            expected = (
                f"must_survive requires a worker, but {each.why}; put the values into a table"
            )
            raise BadInput("parameters", each.value, expected)


def _of_size(job: SparkJob, facts: Facts) -> Iterator[Constraint]:
    # Without Libra, the submission says what is too large.
    if facts.has_libra and not facts.has_libra.value:
        return
    if why := why_shared(job.given):
        yield Constraint("parameters", MASK, frozenset({Place.SHARED}), why)


def _of_facts(facts: Facts) -> Iterator[Constraint]:
    if (libra := facts.has_libra) and not libra.value:
        yield Constraint("has_libra", libra.value, _WORKER, libra.source)
    if (workers := facts.has_workers) and not workers.value:
        yield Constraint("has_workers", workers.value, _LIBRA_HOST, workers.source)


def _constraints(job: SparkJob) -> Iterator[Constraint]:
    if what := _DEDICATED_KINDS.get(Kind(job.kind)):
        yield Constraint("kind", str(job.kind), _DEDICATED, f"{what} requires a dedicated driver")
    if job.conf:
        key = next((each for each in RESOURCES if each in job.conf), next(iter(job.conf)))
        why = f"conf[{key!r}] requires a dedicated driver"
        yield Constraint("conf", sorted(job.conf), _DEDICATED, why)
    yield from _of_parameters(job, _ONLY_DEDICATED, _DEDICATED, "requires a dedicated driver")
    yield from _of_parameters(job, _ONLY_MASTERS, _WORKER, "requires a driver on a worker")
    if job.session:
        why = f"session={job.session!r} exists only in the shared driver"
        yield Constraint("session", job.session, frozenset({Place.SHARED}), why)
    for parameter in ("mode", "deploy_mode"):
        if value := getattr(job, parameter):
            places, what = _MEANINGS[value]
            yield Constraint(parameter, str(value), places, f"{parameter}='{value}' means {what}")


def _of_parameters(
    job: SparkJob, names: tuple[str, ...], places: frozenset[Place], why: str
) -> Iterator[Constraint]:
    for name in names:
        if getattr(job, name):
            # Values of env_vars may be secrets, so no value is shown.
            yield Constraint(name, "…", places, f"{name} {why}")


def driver_size(job: SparkJob) -> WorkerShare:
    """The cores and memory that a dedicated driver for *job* requests."""
    memory = job.conf.get("spark.driver.memory", _DRIVER_MEMORY)
    cores = job.conf.get("spark.driver.cores", _DRIVER_CORES)
    count = int(whole_number("conf['spark.driver.cores']", cores))
    return WorkerShare(count, size_in_bytes(memory, parameter="conf['spark.driver.memory']"))


def has_room_for(worker: WorkerShare, driver: WorkerShare) -> bool:
    """Whether *driver* fits on *worker*; Spark's master counts memory in whole MiB."""
    return worker.cores >= driver.cores and worker.memory // MIB >= driver.memory // MIB


def readable_share(share: WorkerShare) -> str:
    """*share* as a phrase: "2 cores and 4 GiB"."""
    cores = "1 core" if share.cores == 1 else f"{share.cores} cores"
    return f"{cores} and {readable_size(share.memory)}"
