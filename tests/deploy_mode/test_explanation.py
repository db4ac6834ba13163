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
        "The driver runs ISOLATED cluster, on a worker, because it collects 2 GiB "
        "(measured in 4 earlier runs), more than 1 GiB."
    )
    assert below[0] == "  Did the author choose? no: the author left it open."
    assert below[4].startswith("  Does it collect much? ISOLATED cluster, on a worker: ")


def test_the_block_says_what_the_tree_would_have_said_and_what_the_choice_costs() -> None:
    must = Facts(collects=LARGE.collects, must_survive=Fact(True, "the author says so"))
    lines = log_block(decide(SQL.replace(mode="shared"), must))

    assert lines[0].endswith("because the author chose mode='shared'.")
    assert lines[-2].startswith("  Left open, it would run ISOLATED cluster, on a worker, because")
    assert lines[-1].startswith("  Warning: it must survive its submitter, and will not")


def test_the_block_says_when_it_rests_on_an_assumption() -> None:
    lines = log_block(decide(SQL, Facts()))

    assert "the work itself not counted" in lines[-2]
    assert lines[-1].startswith("  Confidence: low; it rests on an assumption")
