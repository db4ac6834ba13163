"""The decision tree on a screen, with the path that was taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from libra_provider.core.decision import Decision, RuleAnswer
from libra_provider.core.units import readable_duration
from libra_provider.deploy_mode.rules import RULES, Rule

_TAKEN, _ON_THE_WAY, _BELOW = "bold green", "bold", "dim"


def tree_as_text(decision: Decision) -> Text:
    """The questions from top to bottom: those asked are filled, the branch taken has an arrow."""
    return Text("\n").join([*_lines(decision)])


def _lines(decision: Decision) -> Iterator[Text]:
    *passed, taken = decision.path
    for rule, answer in zip(RULES, passed, strict=False):
        yield Text(f"● {rule.question}", _ON_THE_WAY)
        yield Text(f"┃ ├─ {_branch(rule, rule.then)}", _BELOW)
        yield Text(f"┃ no: {answer.reason}")
    yield Text(f"● {RULES[len(passed)].question}", _ON_THE_WAY)
    yield Text(f"┗━━▶ {_branch(RULES[len(passed)], str(taken.place))}: {taken.reason}", _TAKEN)
    for rule in RULES[len(decision.path) :]:
        yield Text(f"○ {rule.question}", _BELOW)
        yield Text(f"│ ├─ {_branch(rule, rule.then)}", _BELOW)


def _branch(rule: Rule, then: str) -> str:
    return f"yes → {then}" if rule.question.endswith("?") else f"→ {then}"


def answers_as_table(answers: Sequence[RuleAnswer], decision: Decision) -> Table:
    """What every rule says, also those below the one that decided."""
    table = Table("rule", "says", "because")
    for answer in answers:
        says = "no opinion" if answer.place is None else str(answer.place)
        style = _TAKEN if answer.rule == decision.rule else ""
        cells = (Text(each) for each in (answer.rule, says, answer.reason))
        table.add_row(*cells, style=style)
    return table


def prediction_as_table(decision: Decision) -> Table:
    """The predicted seconds, step by step, on both sides of the network."""
    table = Table("predicted", show_footer=True)
    table.columns[0].footer = "in all"
    for side, total in decision.predicted_seconds.items():
        table.add_column(side, readable_duration(total), justify="right")
    for step in decision.predicted["client"]:
        table.add_row(step, *(_seconds(each[step]) for each in decision.predicted.values()))
    return table


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value < 10 else readable_duration(value)
