"""`make chaos`: a night of kills, as many as asked for, and a table of what became of each job."""

from __future__ import annotations

import argparse
import sys
import time

from rich.console import Console
from rich.table import Table

from tests.chaos.night import Fate, Kill, morning, night, orphans
from tests.chaos.stage import stage


def main() -> int:
    """Exit code 0 if each logical run had one success, and nothing is left running."""
    asked = _arguments()
    screen = Console()
    screen.print(f"Seed {asked.seed}: {asked.jobs} jobs, {asked.kills} kills")
    with stage(jobs=asked.jobs, seconds=asked.seconds) as theatre:
        run_id, kills = night(theatre, asked.seed, kills=asked.kills)
        screen.print(_table_of_kills(kills))
        fates = morning(theatre, run_id, within=asked.within)
        screen.print(_table_of_fates(fates))
        left = orphans(theatre)
    wrong = [each.task_id for each in fates if each.problems]
    screen.print(f"{len(fates)} logical runs, {len(wrong)} with a problem, {len(left)} orphans")
    return 1 if wrong or left else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--jobs", type=int, default=24)
    parser.add_argument("--seconds", type=int, default=15, help="how long each job takes")
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--within", type=float, default=1200, help="seconds after the last kill")
    return parser.parse_args()


def _table_of_kills(kills: list[Kill]) -> Table:
    table = Table("at", "killed", "gone for", title="The night")
    for each in kills:
        table.add_row(f"{each.at:.0f} s", each.victim, f"{each.gone:.1f} s")
    return table


def _table_of_fates(fates: list[Fate]) -> Table:
    table = Table("logical run", "task", "tries", "its jobs", "problems", title="The morning")
    for each in fates:
        jobs = ", ".join(f"{number} {state}" for state, number in sorted(each.jobs.items()))
        table.add_row(each.task_id, each.state, str(each.tries), jobs, "; ".join(each.problems))
    return table


if __name__ == "__main__":
    sys.exit(main())
