"""A short night of `make chaos`: everything that can die dies once, among the tasks themselves."""

from __future__ import annotations

from tests.chaos.night import morning, night, orphans
from tests.chaos.stage import stage

SEED = 20261120


def test_after_a_night_of_kills_each_logical_run_has_had_one_success() -> None:
    with stage(jobs=4, seconds=5) as theatre:
        run_id, kills = night(theatre, SEED, kills=10)
        fates = morning(theatre, run_id, within=1500)
        left = orphans(theatre)

    assert {each.victim for each in kills} == {*theatre.victims, "task process"}
    assert [each for each in fates if each.problems] == []
    assert len(fates) == 4
    assert left == []
