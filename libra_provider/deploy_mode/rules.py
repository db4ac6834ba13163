"""The rules, in their order: each looks at one thing, and has an opinion or says why it has none.

reference/libra.md has the tree that they are made from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from libra_provider.core.decision import Confidence, Fact, Facts, Locality, Place
from libra_provider.core.job import DeployMode, Mode, SparkJob
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
    """A job, what is known of it, and what is left of the places; ``driver`` is *job* as sized."""

    job: SparkJob
    driver: SparkJob
    facts: Facts
    policy: Policy
    costs: CostModel
    places: Sequence[Place]
    constraints: Sequence[Constraint]

    @property
    def client(self) -> Place:
        """Libra's own driver, or one beside it where the job needs its own."""
        return next((each for each in self.places if each is not CLUSTER), Place.ISOLATED_CLIENT)

    @property
    def locality(self) -> Fact[Locality]:
        """Where Libra is, seen from the cluster; unknown counts as the same data centre."""
        declared, round_trip = self.facts.locality, self.facts.round_trip
        if declared is not None:
            return declared
        if round_trip is None:
            source = "as far as anybody knows"
            return Fact(Locality.SAME, source, Confidence.LOW)
        is_near = round_trip.value < self.policy.same_site_round_trip
        source = f"a round trip of {readable_latency(round_trip.value)}, {round_trip.source}"
        return Fact(Locality.SAME if is_near else Locality.REMOTE, source, round_trip.confidence)

    @property
    def is_remote(self) -> bool:
        """Whether Libra is far from the cluster."""
        return self.locality.value is Locality.REMOTE

    def predict(self, place: Place) -> Prediction:
        """What the job would take at *place*."""
        return predict(place, self.facts, is_remote=self.is_remote, costs=self.costs)


@dataclass(frozen=True, slots=True)
class Opinion:
    """Where a rule wants the driver, None for no opinion, and why."""

    place: Place | None
    reason: str
    confidence: Confidence = Confidence.HIGH


@dataclass(frozen=True, slots=True)
class Rule:
    """One question of the tree; ``then`` is what follows from a yes."""

    name: str
    question: str
    then: str
    ask: Callable[[RuleInput], Opinion]


def author_chose(case: RuleInput) -> Opinion:
    """``mode`` and ``deploy_mode``; ``mode='isolated'`` alone leaves open where."""
    job = case.job
    if job.deploy_mode is DeployMode.CLUSTER:
        return Opinion(CLUSTER, "the author chose deploy_mode='cluster'")
    if job.deploy_mode is DeployMode.CLIENT:
        return Opinion(case.client, "the author chose deploy_mode='client'")
    if job.mode is Mode.SHARED:
        return Opinion(Place.SHARED, "the author chose mode='shared'")
    if job.mode is Mode.ISOLATED:
        return Opinion(None, "the author chose mode='isolated', which leaves open where it runs")
    return Opinion(None, "the author left it open")


def only_one_place(case: RuleInput) -> Opinion:
    """What the job is, or asks for, that only one place has, or where the only way leads."""
    why = " and ".join(each.why for each in case.constraints)
    if len(case.places) == 1 or CLUSTER not in case.places:
        return Opinion(case.places[0], why)
    return Opinion(None, why or "SHARED and ISOLATED drivers could all run it")


def no_worker_holds_it(case: RuleInput) -> Opinion:
    """A driver larger than every worker would wait for ever."""
    largest, asked = case.facts.largest_worker, driver_size(case.driver)
    if largest is None:
        reason = (
            f"its driver asks {readable_share(asked)}, and nobody knows how large the workers are"
        )
        return Opinion(None, reason)
    reason = f"its driver asks {readable_share(asked)}, the largest worker has {readable_share(largest.value)}"
    fits = has_room_for(largest.value, asked)
    return Opinion(None if fits else case.client, reason, largest.confidence)


def must_survive(case: RuleInput) -> Opinion:
    """Only a driver on a worker outlives Libra and Airflow."""
    if case.facts.must_survive and case.facts.must_survive.value:
        return Opinion(CLUSTER, "it must survive the loss of Libra and Airflow")
    return Opinion(None, "nobody says that it must survive the loss of Libra")


def large_collect(case: RuleInput) -> Opinion:
    """What comes back to the driver should not cross a slow network."""
    found, limit = case.facts.collects, case.policy.large_collect
    if found is None:
        return Opinion(None, "nobody knows what it collects, which counts as little", _LOW)
    known = f"it collects {_said(found, readable_size)}"
    if found.value > limit:
        return Opinion(CLUSTER, f"{known}, more than {readable_size(limit)}", found.confidence)
    burst = case.facts.too_much
    if burst and found.value >= burst.value and case.client is Place.SHARED:
        reason = f"{known}, and {readable_size(burst.value)} were too much for Libra's driver"
        return Opinion(CLUSTER, reason, found.confidence)
    return Opinion(None, f"{known}, no more than {readable_size(limit)}", found.confidence)


def same_site(case: RuleInput) -> Opinion:
    """In one data centre, a driver in Libra costs nothing and is warm."""
    found = case.locality
    if found.value is Locality.REMOTE:
        return Opinion(None, f"Libra is far from the cluster ({found.source})", found.confidence)
    reason = f"Libra and the cluster are in one data centre ({found.source})"
    return Opinion(case.client, reason, found.confidence)


def costly_way(case: RuleInput) -> Opinion:
    """From afar, what makes much use of the way is better not driven over it."""
    if not case.is_remote:
        return Opinion(None, "Libra is not far from the cluster", case.locality.confidence)
    if against := list(_against(case)):
        confidence = Confidence.lowest(each for _, each in against)
        return Opinion(CLUSTER, ", and ".join(said for said, _ in against), confidence)
    unknown = case.facts.tasks is None or case.facts.broadcast is None
    reason = "neither round trip, nor tasks, nor broadcasts speak against it, as far as is known"
    return Opinion(None, reason, Confidence.MEDIUM if unknown else Confidence.HIGH)


def long_job(case: RuleInput) -> Opinion:
    """Of a long job, the way to its driver is a small part."""
    found, limit = case.facts.duration, case.policy.long_job
    if found is None:
        return Opinion(None, "nobody knows how long it takes, which counts as short", _LOW)
    known = f"it takes {_said(found, readable_duration)}"
    if found.value > limit:
        reason = f"{known}, longer than {readable_duration(limit)}"
        return Opinion(case.client, reason, found.confidence)
    return Opinion(None, f"{known}, no longer than {readable_duration(limit)}", found.confidence)


def predicted(case: RuleInput) -> Opinion:
    """What was measured on this cluster says more than a rule of thumb."""
    if not case.costs.is_measured:
        return Opinion(None, "nobody has measured this cluster")
    client, cluster = (case.predict(each).seconds for each in (case.client, CLUSTER))
    shown = f"{readable_duration(client)} there, {readable_duration(cluster)} on a worker"
    place = case.client if client < cluster else CLUSTER
    return Opinion(place, f"predicted are {shown}, by {case.costs.source}")


def otherwise(_case: RuleInput) -> Opinion:
    """A short job from afar: its start and its scheduling are better near the executors."""
    return Opinion(CLUSTER, "of a short job from afar, the start-up counts")


_LOW = Confidence.LOW
_CLIENT = "client: SHARED, or ISOLATED where it needs its own driver"
RULES: tuple[Rule, ...] = (
    Rule("author-chose", "Did the author choose?", "as chosen", author_chose),
    Rule("only-one-place", "Can only one place run it?", "that one", only_one_place),
    Rule("no-worker-holds-it", "Is it too large for each worker?", _CLIENT, no_worker_holds_it),
    Rule("must-survive", "Must it survive its submitter?", str(CLUSTER), must_survive),
    Rule("large-collect", "Does it collect much?", str(CLUSTER), large_collect),
    Rule("same-site", "Is Libra in the cluster's data centre?", _CLIENT, same_site),
    Rule("costly-way", "Would it make much use of the way?", str(CLUSTER), costly_way),
    Rule("long-job", "Is it a long job?", _CLIENT, long_job),
    Rule("predicted", "Is this cluster measured?", "where it is predicted faster", predicted),
    Rule("otherwise", "Otherwise", str(CLUSTER), otherwise),
)


def _against(case: RuleInput) -> Iterator[tuple[str, Confidence]]:
    """Each way of using the way that is too much for a long one."""
    facts, policy = case.facts, case.policy
    if (trip := facts.round_trip) and trip.value > policy.long_round_trip:
        limit = readable_latency(policy.long_round_trip)
        said = f"a round trip takes {_said(trip, readable_latency)}, longer than {limit}"
        yield said, trip.confidence
    if (tasks := facts.tasks) and tasks.value >= policy.many_tasks:
        said = f"it has {tasks.value} tasks ({tasks.source}), {policy.many_tasks} or more"
        yield said, tasks.confidence
    if (each := facts.task_seconds) and each.value < policy.short_task:
        limit = readable_duration(policy.short_task)
        said = f"its tasks take {_said(each, readable_duration)}, shorter than {limit}"
        yield said, each.confidence
    if (sent := facts.broadcast) and sent.value > policy.large_broadcast:
        limit = readable_size(policy.large_broadcast)
        yield f"it broadcasts {_said(sent, readable_size)}, more than {limit}", sent.confidence


def _said(fact: Fact[N], readable: Callable[[N], str]) -> str:
    return f"{readable(fact.value)} ({fact.source})"
