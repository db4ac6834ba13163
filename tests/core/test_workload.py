from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from libra_provider.core import Workload
from libra_provider.core.decision import Confidence, Fact, Facts
from libra_provider.core.errors import BadInput


def test_what_an_author_writes_is_read_with_its_units() -> None:
    told = Workload(
        collects="3 GB", expected_duration="4 min", task_seconds="200 ms", broadcast="20 MB"
    )

    assert told.collected_bytes == 3 * 2**30
    assert told.duration == 240
    assert told.task_duration == 0.2
    assert told.broadcast_bytes == 20 * 2**20


def test_a_duration_may_be_a_timedelta_and_task_seconds_a_number_of_them() -> None:
    told = Workload(expected_duration=timedelta(minutes=4), task_seconds=0.5)

    assert (told.duration, told.task_duration) == (240, 0.5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"collects": "3"},
        {"collects": 3},
        {"collects": "-3 GB"},
        {"collects": "much"},
        {"expected_duration": 240},
        {"expected_duration": "240"},
        {"expected_duration": "soon"},
        {"expected_duration": timedelta(seconds=-1)},
        {"task_seconds": -0.1},
        {"task_seconds": float("nan")},
        {"tasks": 0},
        {"tasks": -1},
        {"tasks": 1.5},
        {"tasks": True},
        {"broadcast": "20"},
        {"iterations": 0},
        {"must_survive": "yes"},
    ],
)
def test_what_is_no_size_no_duration_or_negative_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        Workload(**wrong)

    assert [caught.value.parameter] == list(wrong)


def test_a_workload_may_be_a_dict() -> None:
    assert Workload.of({"collects": "3 GB"}) == Workload(collects="3 GB")
    assert Workload.of(None) == Workload()


@pytest.mark.parametrize("wrong", [{"collect": "3 GB"}, {1: 2}, "3 GB", ["3 GB"]])
def test_a_dict_that_says_something_else_is_refused(wrong: Any) -> None:
    with pytest.raises(BadInput, match="workload"):
        Workload.of(wrong)


def test_each_fact_has_its_source_and_only_what_is_unknown_is_asked_elsewhere() -> None:
    told = Facts.of(Workload(collects="3 GB"))
    measured = Facts(
        collects=Fact(5, "measured in 4 earlier runs"),
        duration=Fact(60.0, "the median of 4 earlier runs", Confidence.MEDIUM),
    )

    facts = told.or_else(measured)

    assert facts.to_json() == {
        "collects": {"value": 3 * 2**30, "source": "set in workload", "confidence": "high"},
        "duration": {
            "value": 60.0,
            "source": "the median of 4 earlier runs",
            "confidence": "medium",
        },
    }
