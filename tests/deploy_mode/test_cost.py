from __future__ import annotations

from typing import Any

import pytest

from libra_provider.core.decision import Fact, Facts, Place
from libra_provider.core.units import GIB, MIB
from libra_provider.deploy_mode.cost import CostModel, Prediction, predict

FAR = {"round_trip": 0.05}


def predicted(place: Place, **values: Any) -> Prediction:
    facts = Facts(**{name: Fact(value, "as given") for name, value in values.items()})
    return predict(place, facts, is_remote=bool(facts.round_trip))


@pytest.mark.parametrize(
    ("step", "facts", "client", "cluster"),
    [
        ("submission", {}, 0.5, 0.1),
        ("DAG creation", {}, 1.2, 0.3),
        ("scheduling", {"tasks": 1000}, 3.0, 1.5),
        ("processing", {"duration": 120.0}, 120, 120),
        ("collect", {"collects": 8}, 0.1, 0.05),
        ("collect", {"collects": 100 * MIB}, 5, 0.5),
        ("collect", {"collects": 10 * GIB}, 180, 10),
    ],
)
def test_each_step_of_the_reference_measurement_is_met_within_a_fifth(
    step: str, facts: dict[str, Any], client: float, cluster: float
) -> None:
    """docs/architecture.md: 100 GB, 1000 tasks, 50 executors; remote is about 50 ms."""
    beside = predicted(Place.ISOLATED_CLIENT, **facts, **FAR)
    on_a_worker = predicted(Place.ISOLATED_CLUSTER, **facts, **FAR)

    assert beside.steps[step] == pytest.approx(client, rel=0.2)
    assert on_a_worker.steps[step] == pytest.approx(cluster, rel=0.2)


def test_the_whole_measured_job_is_met_too_but_for_the_start_of_its_driver() -> None:
    whole = {"tasks": 1000, "duration": 120.0, "collects": 100 * MIB}
    beside = predicted(Place.SHARED, **whole, **FAR)

    assert beside.seconds == pytest.approx(0.5 + 1.2 + 3.0 + 120 + 5, rel=0.02)


def test_a_warm_driver_starts_at_once_and_one_of_its_own_does_not() -> None:
    starts = {place: predicted(place).steps["driver start"] for place in Place}

    assert starts[Place.SHARED] == 0
    assert min(starts[Place.ISOLATED_CLIENT], starts[Place.ISOLATED_CLUSTER]) > 1


def test_a_broadcast_is_paid_in_each_iteration() -> None:
    once = predicted(Place.SHARED, broadcast=20 * MIB, **FAR).steps["broadcast"]
    often = predicted(Place.SHARED, broadcast=20 * MIB, iterations=7, **FAR).steps["broadcast"]

    assert often == pytest.approx(7 * once)
    assert predicted(Place.SHARED, **FAR).steps["broadcast"] == 0


def test_a_measured_bandwidth_is_what_a_large_collect_waits_for() -> None:
    slow = predicted(Place.SHARED, collects=GIB, bandwidth=1e8, **FAR).steps["collect"]

    assert slow == pytest.approx(GIB * 8 / 1e8, rel=0.05)


def test_a_worker_is_never_farther_from_the_executors_than_libra() -> None:
    facts = {"collects": GIB, "round_trip": 0.0001, "bandwidth": 100e9}

    assert (
        predicted(Place.ISOLATED_CLUSTER, **facts).steps["collect"]
        == predicted(Place.SHARED, **facts).steps["collect"]
    )


def test_the_constants_are_replaced_by_what_was_measured() -> None:
    measured = CostModel(client_driver_start=3.5, is_measured=True)
    found = predict(Place.ISOLATED_CLIENT, Facts(), is_remote=False, costs=measured)

    assert found.steps["driver start"] == 3.5
