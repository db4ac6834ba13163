"""Shows a decision in the terminal: the tree with its path, every rule, the prediction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from libra_provider.core.decision import Decision, RuleAnswer
from libra_provider.core.units import readable_duration
from libra_provider.deploy_mode.rules import RULES, Rule

_TAKEN, _PASSED, _BELOW = "bold green", "bold", "dim"


def tree_as_text(decision: Decision) -> Text:
    """The tree from top to bottom: filled dots mark checked rules, an arrow the chosen branch."""
    return Text("\n").join([*_lines(decision)])


def _lines(decision: Decision) -> Iterator[Text]:
    *passed, taken = decision.path
    for rule, answer in zip(RULES, passed, strict=False):
        yield Text(f"● {rule.question}", _PASSED)
        yield Text(f"┃ ├─ {_branch(rule, rule.then)}", _BELOW)
        yield Text(f"┃ no: {answer.reason}")
    yield Text(f"● {RULES[len(passed)].question}", _PASSED)
    yield Text(f"┗━━▶ {_branch(RULES[len(passed)], str(taken.place))}: {taken.reason}", _TAKEN)
    for rule in RULES[len(decision.path) :]:
        yield Text(f"○ {rule.question}", _BELOW)
        yield Text(f"│ ├─ {_branch(rule, rule.then)}", _BELOW)


def _branch(rule: Rule, then: str) -> str:
    return f"yes → {then}" if rule.question.endswith("?") else f"→ {then}"


def answers_as_table(answers: Sequence[RuleAnswer], decision: Decision) -> Table:
    """The result of every rule, including those after the deciding one."""
    table = Table("rule", "placement", "reason")
    for answer in answers:
        placement = "does not apply" if answer.place is None else str(answer.place)
        style = _TAKEN if answer.rule == decision.rule else ""
        cells = (Text(each) for each in (answer.rule, placement, answer.reason))
        table.add_row(*cells, style=style)
    return table


def prediction_as_table(decision: Decision) -> Table:
    """The predicted time of each step for client and cluster deploy mode."""
    table = Table("predicted", show_footer=True)
    table.columns[0].footer = "total"
    for side, total in decision.predicted_seconds.items():
        table.add_column(side, readable_duration(total), justify="right")
    for step in decision.predicted["client"]:
        table.add_row(step, *(_seconds(each[step]) for each in decision.predicted.values()))
    return table


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value < 10 else readable_duration(value)
