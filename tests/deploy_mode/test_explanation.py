from __future__ import annotations

from libra_provider.core.decision import Fact, Facts
from libra_provider.core.job import SparkJob
from libra_provider.core.units import GIB
from libra_provider.deploy_mode.decide import decide
from libra_provider.deploy_mode.explanation import log_block

SQL = SparkJob(kind="sql", code="SELECT 1")
LARGE = Facts(collects=Fact(2 * GIB, "measured in 4 earlier runs"))


def test_the_block_in_the_log_begins_with_the_decision_and_has_the_path_below_it() -> None:
    sentence, *below = log_block(decide(SQL, LARGE))

    assert sentence == (
        "Driver placement: ISOLATED cluster, on a worker, because the result is 2 GiB "
        "(measured in 4 earlier runs), more than 1 GiB."
    )
    assert below[0] == "  Is mode or deploy_mode set? No: neither mode nor deploy_mode is set."
    assert below[4].startswith("  Does it return a large result? ISOLATED cluster, on a worker: ")


def test_the_block_says_what_the_tree_would_have_said_and_what_the_choice_costs() -> None:
    must = Facts(collects=LARGE.collects, must_survive=Fact(True, "set in workload"))
    lines = log_block(decide(SQL.replace(mode="shared"), must))

    assert lines[0].endswith("because mode='shared' is set.")
    assert lines[-2].startswith("  Without mode and deploy_mode: ISOLATED cluster, on a worker,")
    assert lines[-1].startswith("  Warning: must_survive cannot be honored")


def test_the_block_says_when_it_rests_on_an_assumption() -> None:
    lines = log_block(decide(SQL, Facts()))

    assert "excluding processing time" in lines[-2]
    assert lines[-1].startswith("  Confidence: low (based on assumptions")
