from __future__ import annotations

from typing import Any

import pytest

from libra_provider.core.errors import BadInput
from libra_provider.deploy_mode.policy import THRESHOLDS, Policy
from libra_provider.get_provider_info import get_provider_info


def test_a_threshold_is_set_with_its_unit_and_the_last_word_counts() -> None:
    policy = Policy.of({"large_collect": "2 GB", "long_job": "5 min"}, {"long_job": "1 h"})

    assert policy == Policy(large_collect=2 * 2**30, long_job=3600.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"large_collect": "2"},
        {"large_collect": 2},
        {"large_broadcast": "-1 MB"},
        {"same_site_round_trip": 2},
        {"long_round_trip": "far"},
        {"many_tasks": "0"},
        {"many_tasks": -5},
        {"short_task": True},
        {"long_job": "10"},
        {"long_round_trip": "1 ms"},
    ],
)
def test_a_threshold_that_is_none_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        Policy.of(wrong)

    assert [caught.value.parameter] == list(wrong)


def test_an_unknown_threshold_is_answered_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match="expected one of large_collect, same_site_round_trip"):
        Policy.of({"collect_limit": "1 GB"})


def test_airflow_is_told_of_each_threshold_with_its_default() -> None:
    options = get_provider_info()["config"]["libra"]["options"]

    assert tuple(options) == THRESHOLDS
    assert Policy.of({name: each["example"] for name, each in options.items()}) == Policy()
    assert {each["default"] for each in options.values()} == {None}
