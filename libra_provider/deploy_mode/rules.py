"""The rules of the decision tree, in order.

Each rule checks one thing. It returns a placement, or the reason why it does not apply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from libra_provider.core.decision import Confidence, Fact, Facts, Locality, Place
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import DeployMode, Mode
from libra_provider.core.units import readable_duration, readable_latency, readable_size
from libra_provider.deploy_mode.constraints import (
    Constraint,
    driver_size,
    has_room_for,
    readable_share,
)
from libra_provider.deploy_mode.cost import CostModel, Prediction, predict
from libra_provider.deploy_mode.policy import Policy

CLUSTER = Place.ISOLATED_CLUSTER
N = TypeVar("N", int, float)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleInput:
    """A job, the facts about it, and its possible placements.

    ``driver`` is *job* with its preset applied.
    """

    job: SparkJob
    driver: SparkJob
    facts: Facts
    policy: Policy
    costs: CostModel
    places: Sequence[Place]
    constraints: Sequence[Constraint]

    @property
    def client(self) -> Place:
        """The placement on Libra's host: the shared driver if possible, else a dedicated one."""
        return next((each for each in self.places if each is not CLUSTER), Place.ISOLATED_CLIENT)

    @property
    def locality(self) -> Fact[Locality]:
        """Where Libra is relative to the cluster; if unknown, the same data center."""
        declared, round_trip = self.facts.locality, self.facts.round_trip
        if declared is not None:
            return declared
        if round_trip is None:
            source = "assumed"
            return Fact(Locality.SAME, source, Confidence.LOW)
        is_near = round_trip.value < self.policy.same_site_round_trip
        source = f"round trip {readable_latency(round_trip.value)}, {round_trip.source}"
        return Fact(Locality.SAME if is_near else Locality.REMOTE, source, round_trip.confidence)

    @property
    def is_remote(self) -> bool:
        """Whether Libra is remote from the cluster."""
        return self.locality.value is Locality.REMOTE

    def predict(self, place: Place) -> Prediction:
        """The predicted time of the job at *place*."""
        return predict(place, self.facts, is_remote=self.is_remote, costs=self.costs)


@dataclass(frozen=True, slots=True)
class Opinion:
    """Where a rule places the driver, or None if the rule does not apply, and why."""

    place: Place | None
    reason: str
    confidence: Confidence = Confidence.HIGH


@dataclass(frozen=True, slots=True)
class Rule:
    """One question of the tree; ``then`` is the placement if the answer is yes."""

    name: str
    question: str
    then: str
    apply: Callable[[RuleInput], Opinion]


def placement_set(case: RuleInput) -> Opinion:
    """``mode`` and ``deploy_mode``; ``mode='isolated'`` alone does not determine the place."""
    job = case.job
    if job.deploy_mode is DeployMode.CLUSTER:
        return Opinion(CLUSTER, "deploy_mode='cluster' is set")
    if job.deploy_mode is DeployMode.CLIENT:
        return Opinion(case.client, "deploy_mode='client' is set")
    if job.mode is Mode.SHARED:
        return Opinion(Place.SHARED, "mode='shared' is set")
    if job.mode is Mode.ISOLATED:
        return Opinion(None, "mode='isolated' is set, which allows either deploy mode")
    return Opinion(None, "neither mode nor deploy_mode is set")


def only_one_place(case: RuleInput) -> Opinion:
    """The kind of job, its parameters or the available servers leave only one placement."""
    why = " and ".join(each.why for each in case.constraints)
    if len(case.places) == 1 or CLUSTER not in case.places:
        return Opinion(case.places[0], why)
    return Opinion(None, why or "every placement is possible")


def too_large_for_workers(case: RuleInput) -> Opinion:
    """A driver larger than every worker would wait forever."""
    largest, requested = case.facts.largest_worker, driver_size(case.driver)
    if largest is None:
        reason = f"the driver requests {readable_share(requested)}; worker sizes are unknown"
        return Opinion(None, reason)
    has = readable_share(largest.value)
    reason = f"the driver requests {readable_share(requested)}; the largest worker has {has}"
    fits = has_room_for(largest.value, requested)
    return Opinion(None if fits else case.client, reason, largest.confidence)


def must_survive(case: RuleInput) -> Opinion:
    """Only a driver on a worker outlives Libra and Airflow."""
    if case.facts.must_survive and case.facts.must_survive.value:
        return Opinion(CLUSTER, "the job must outlive Libra and Airflow")
    return Opinion(None, "must_survive is not set")


def large_collect(case: RuleInput) -> Opinion:
    """A large result should not cross a slow network to the driver."""
    found, limit = case.facts.collects, case.policy.large_collect
    if found is None:
        return Opinion(None, "the result size is unknown, assumed small", _LOW)
    known = f"the result is {_sourced(found, readable_size)}"
    if found.value > limit:
        return Opinion(CLUSTER, f"{known}, more than {readable_size(limit)}", found.confidence)
    burst = case.facts.too_much
    if burst and found.value >= burst.value and case.client is Place.SHARED:
        reason = f"{known}, and {readable_size(burst.value)} was too large for the shared driver"
        return Opinion(CLUSTER, reason, found.confidence)
    return Opinion(None, f"{known}, no more than {readable_size(limit)}", found.confidence)


def same_site(case: RuleInput) -> Opinion:
    """In the same data center, a driver on Libra's host has no network penalty and may be warm."""
    found = case.locality
    if found.value is Locality.REMOTE:
        return Opinion(None, f"Libra is remote from the cluster ({found.source})", found.confidence)
    reason = f"Libra and the cluster are in the same data center ({found.source})"
    return Opinion(case.client, reason, found.confidence)


def network_sensitive(case: RuleInput) -> Opinion:
    """A job that depends on latency or bandwidth should not have a remote driver."""
    if not case.is_remote:
        return Opinion(None, "Libra is not remote from the cluster", case.locality.confidence)
    if against := list(_against(case)):
        confidence = Confidence.lowest(each for _, each in against)
        return Opinion(CLUSTER, " and ".join(reason for reason, _ in against), confidence)
    unknown = case.facts.tasks is None or case.facts.broadcast is None
    reason = "round trip, task count and broadcast size, as far as known, allow a remote driver"
    return Opinion(None, reason, Confidence.MEDIUM if unknown else Confidence.HIGH)


def long_job(case: RuleInput) -> Opinion:
    """For a long job, the cost of a remote driver is small."""
    found, limit = case.facts.duration, case.policy.long_job
    if found is None:
        return Opinion(None, "the duration is unknown, assumed short", _LOW)
    known = f"the job takes {_sourced(found, readable_duration)}"
    if found.value > limit:
        reason = f"{known}, longer than {readable_duration(limit)}"
        return Opinion(case.client, reason, found.confidence)
    return Opinion(None, f"{known}, no longer than {readable_duration(limit)}", found.confidence)


def predicted(case: RuleInput) -> Opinion:
    """Measurements of this cluster are better than a rule of thumb."""
    if not case.costs.is_measured:
        return Opinion(None, "this cluster is not calibrated")
    client, cluster = (case.predict(each).seconds for each in (case.client, CLUSTER))
    times = f"{readable_duration(client)} on Libra's host, {readable_duration(cluster)} on a worker"
    place = case.client if client < cluster else CLUSTER
    return Opinion(place, f"predicted: {times} (based on {case.costs.source})")


def otherwise(_case: RuleInput) -> Opinion:
    """A short job on a remote cluster starts and schedules faster near the executors."""
    return Opinion(CLUSTER, "for a short job on a remote cluster, startup time dominates")


_LOW = Confidence.LOW
_CLIENT = "client: SHARED, or ISOLATED if it needs a dedicated driver"
RULES: tuple[Rule, ...] = (
    Rule("placement-set", "Is mode or deploy_mode set?", "as set", placement_set),
    Rule("only-one-place", "Is only one placement possible?", "that one", only_one_place),
    Rule(
        "too-large-for-workers",
        "Is the driver too large for every worker?",
        _CLIENT,
        too_large_for_workers,
    ),
    Rule("must-survive", "Must it outlive Libra and Airflow?", str(CLUSTER), must_survive),
    Rule("large-collect", "Does it return a large result?", str(CLUSTER), large_collect),
    Rule("same-site", "Is Libra in the cluster's data center?", _CLIENT, same_site),
    Rule(
        "network",
        "Is it sensitive to network latency or bandwidth?",
        str(CLUSTER),
        network_sensitive,
    ),
    Rule("long-job", "Is it a long job?", _CLIENT, long_job),
    Rule("predicted", "Is this cluster calibrated?", "wherever it is predicted faster", predicted),
    Rule("otherwise", "Otherwise", str(CLUSTER), otherwise),
)


def _against(case: RuleInput) -> Iterator[tuple[str, Confidence]]:
    """Each reason against a remote driver, with its confidence."""
    facts, policy = case.facts, case.policy
    if (trip := facts.round_trip) and trip.value > policy.long_round_trip:
        limit = readable_latency(policy.long_round_trip)
        reason = f"a round trip takes {_sourced(trip, readable_latency)}, longer than {limit}"
        yield reason, trip.confidence
    if (tasks := facts.tasks) and tasks.value >= policy.many_tasks:
        reason = f"it has {tasks.value} tasks ({tasks.source}), at least {policy.many_tasks}"
        yield reason, tasks.confidence
    if (each := facts.task_seconds) and each.value < policy.short_task:
        limit = readable_duration(policy.short_task)
        reason = f"its tasks take {_sourced(each, readable_duration)}, shorter than {limit}"
        yield reason, each.confidence
    if (sent := facts.broadcast) and sent.value > policy.large_broadcast:
        limit = readable_size(policy.large_broadcast)
        yield f"it broadcasts {_sourced(sent, readable_size)}, more than {limit}", sent.confidence


def _sourced(fact: Fact[N], readable: Callable[[N], str]) -> str:
    return f"{readable(fact.value)} ({fact.source})"
