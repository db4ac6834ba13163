"""What holds for every job and all facts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra_provider.core.decision import Decision, Fact, Facts, Locality, Place, WorkerShare
from libra_provider.core.errors import BadInput
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import DeployMode, Kind, Mode
from libra_provider.core.units import GIB
from libra_provider.deploy_mode.cost import REFERENCE, CostModel, predict
from libra_provider.deploy_mode.decide import decide, explain
from libra_provider.deploy_mode.explanation import log_block
from libra_provider.deploy_mode.policy import Policy
from libra_provider.deploy_mode.presets import PRESETS

MATERIAL: dict[Kind, dict[str, str]] = {
    Kind.SQL: {"code": "SELECT 1"},
    Kind.PYTHON: {"code": "1"},
    Kind.PYTHON_FILE: {"application": "job.py"},
    Kind.JAR: {"application": "job.jar", "java_class": "Main"},
    Kind.JAR_CLASS: {"application": "job.jar", "java_class": "Main"},
}


def facts_of(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | value.map(lambda each: Fact(each, "as given"))


sizes = st.integers(0, 20 * GIB)
seconds = st.floats(0, 1.0)
durations = st.floats(0, 10_000.0)
shares = st.builds(WorkerShare, st.integers(0, 16), st.integers(0, 32 * GIB))
some_facts = st.builds(
    Facts,
    collects=facts_of(sizes),
    too_much=facts_of(sizes),
    duration=facts_of(durations),
    must_survive=facts_of(st.booleans()),
    tasks=facts_of(st.integers(1, 100_000)),
    task_seconds=facts_of(st.floats(0, 100.0)),
    broadcast=facts_of(sizes),
    iterations=facts_of(st.integers(1, 100)),
    has_libra=facts_of(st.sampled_from([True, True, False])),
    has_workers=facts_of(st.sampled_from([True, True, False])),
    locality=facts_of(st.sampled_from(Locality)),
    round_trip=facts_of(seconds),
    bandwidth=facts_of(st.floats(1e3, 1e12)),
    largest_worker=facts_of(shares),
    roomiest_worker=facts_of(shares),
)


@st.composite
def some_jobs(draw: st.DrawFn) -> SparkJob:
    kind = draw(st.sampled_from(Kind))
    own = kind in (Kind.PYTHON_FILE, Kind.JAR)
    return SparkJob(
        kind=kind,
        mode=draw(st.none() | st.sampled_from(Mode)),
        deploy_mode=draw(st.none() | st.sampled_from(DeployMode)),
        session=draw(st.none() | st.just("mine")),
        conf=draw(st.sampled_from([{}, {}, {"spark.driver.memory": "4g"}])),
        env_vars=draw(st.sampled_from([{}, {}, {"A": "1"}])),
        supervise=own and draw(st.booleans()),
        **MATERIAL[kind],  # type: ignore[arg-type]  # each is a field of text
    )


measured = st.builds(
    CostModel,
    is_measured=st.just(True),
    site_round_trip=st.floats(0, 0.01),
    site_bandwidth=st.floats(1e6, 1e11),
    remote_round_trip=st.floats(0, 0.2),
    remote_bandwidth=st.floats(1e6, 1e11),
    client_driver_start=st.floats(0, 20.0),
    cluster_driver_start=st.floats(0, 20.0),
)
some_costs = st.just(REFERENCE) | measured
some_policies = st.builds(
    Policy,
    large_collect=sizes,
    same_site_round_trip=st.floats(0, 0.05),
    long_round_trip=st.floats(0.05, 0.5),
    many_tasks=st.integers(1, 50_000),
    short_task=st.floats(0, 10.0),
    large_broadcast=sizes,
    long_job=durations,
)
some_settings = st.tuples(some_policies, st.none() | st.sampled_from(list(PRESETS)), some_costs)


# So rarely drawn by chance that it is drawn on purpose: nothing but the prediction decides.
only_predicted = st.tuples(
    st.just(SparkJob(kind="sql", code="SELECT 1")),
    st.builds(
        Facts,
        collects=facts_of(sizes),
        locality=st.just(Fact(Locality.REMOTE, "as given")),
        round_trip=facts_of(st.floats(0, 0.1)),
        bandwidth=facts_of(st.floats(1e3, 1e12)),
        tasks=facts_of(st.integers(1, 9_999)),
    ),
    st.tuples(st.just(Policy(large_collect=20 * GIB)), st.none(), measured),
)
any_case = st.tuples(some_jobs(), some_facts, some_settings) | only_predicted


def decided(job: SparkJob, facts: Facts, settings: tuple[Any, ...]) -> Decision | None:
    policy, preset, costs = settings
    try:
        return decide(job, facts, policy, preset=preset, costs=costs)
    except BadInput:
        return None


def changed(facts: Facts, name: str, value: float) -> Facts:
    return Facts(**{name: Fact(value, "changed")}).or_else(facts)  # type: ignore[arg-type]  # by name


@given(some_jobs(), some_facts, some_settings)
def test_every_combination_is_decided_or_bad_input(
    job: SparkJob, facts: Facts, settings: tuple[Any, ...]
) -> None:
    decision = decided(job, facts, settings)
    if decision is None:
        return
    policy, preset, costs = settings
    answers = explain(job, facts, policy, preset=preset, costs=costs)

    assert decision.path == tuple(answers[: len(decision.path)])
    assert not any(answer.place for answer in decision.path[:-1])
    assert decision.path[-1].place is decision.place
    assert all(said >= 0 for said in decision.predicted_seconds.values())
    assert all(line.isprintable() for line in log_block(decision))


@given(some_jobs(), some_facts, some_settings)
def test_what_the_author_says_of_the_place_is_what_happens(
    job: SparkJob, facts: Facts, settings: tuple[Any, ...]
) -> None:
    decision = decided(job, facts, settings)
    if decision is None:
        return

    assert job.mode in (None, decision.mode)
    assert job.deploy_mode in (None, decision.deploy_mode)


FAR_COSTS_MORE = pytest.mark.parametrize(
    ("fact", "values"),
    [
        ("collects", sizes),
        ("round_trip", seconds),
        ("tasks", st.integers(1, 100_000)),
        ("broadcast", sizes),
    ],
)


@FAR_COSTS_MORE
def test_more_to_send_or_a_longer_way_never_makes_a_worker_the_worse_place(
    fact: str, values: st.SearchStrategy[float]
) -> None:
    @given(only_predicted, values, values)
    def more_of_it(case: tuple[SparkJob, Facts, tuple[Any, ...]], one: float, other: float) -> None:
        (_, facts, (_, _, costs)), (low, high) = case, sorted((one, other))
        less, more = (lead_of_a_worker(changed(facts, fact, each), costs) for each in (low, high))

        assert more >= less - 0.001 - 1e-6 * abs(less)  # what floats lose

    more_of_it()


def lead_of_a_worker(facts: Facts, costs: CostModel) -> float:
    client, cluster = (
        predict(place, facts, is_remote=True, costs=costs).seconds
        for place in (Place.SHARED, Place.ISOLATED_CLUSTER)
    )
    return client - cluster


@FAR_COSTS_MORE
def test_more_to_send_or_a_longer_way_never_moves_a_job_from_cluster_to_client(
    fact: str, values: st.SearchStrategy[float]
) -> None:
    @given(any_case, values, values)
    def more_of_it(case: tuple[SparkJob, Facts, tuple[Any, ...]], one: float, other: float) -> None:
        (job, facts, settings), (low, high) = case, sorted((one, other))
        less, more = (decided(job, changed(facts, fact, each), settings) for each in (low, high))
        if less and less.deploy_mode is DeployMode.CLUSTER:
            assert more is not None
            assert more.deploy_mode is DeployMode.CLUSTER

    more_of_it()


@given(some_jobs(), some_facts, some_settings, durations, durations)
def test_a_longer_job_never_moves_from_client_to_cluster(
    job: SparkJob, facts: Facts, settings: tuple[Any, ...], one: float, other: float
) -> None:
    low, high = sorted((one, other))
    shorter = decided(job, replace(facts, duration=Fact(low, "")), settings)
    longer = decided(job, replace(facts, duration=Fact(high, "")), settings)
    if shorter and shorter.deploy_mode is DeployMode.CLIENT:
        assert longer is not None
        assert longer.deploy_mode is DeployMode.CLIENT


@given(some_jobs(), some_facts, some_settings)
def test_what_must_survive_runs_on_a_worker_or_says_why_not(
    job: SparkJob, facts: Facts, settings: tuple[Any, ...]
) -> None:
    decision = decided(job, replace(facts, must_survive=Fact(True, "as given")), settings)
    if decision is None or decision.deploy_mode is DeployMode.CLUSTER:
        return

    assert any("must_survive cannot be honored" in warning for warning in decision.warnings)


@given(some_jobs(), some_facts, some_settings)
def test_what_needs_a_driver_of_its_own_is_never_shared(
    job: SparkJob, facts: Facts, settings: tuple[Any, ...]
) -> None:
    decision = decided(job, facts, settings)
    if decision is None or not (job.conf or job.kind in (Kind.PYTHON_FILE, Kind.JAR)):
        return

    assert decision.mode is Mode.ISOLATED
