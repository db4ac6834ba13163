"""A decision as people read it in a log."""

from __future__ import annotations

from libra_provider.core.decision import Confidence, Decision, RuleAnswer
from libra_provider.core.units import readable_duration

_CONFIDENCE = {
    Confidence.HIGH: "it rests on what was said or measured",
    Confidence.MEDIUM: "it rests on an estimate",
    Confidence.LOW: "it rests on an assumption, because nobody knows better",
}


def log_block(decision: Decision) -> list[str]:
    """The decision as a block: one sentence, below it how it came about, and what it means."""
    sentence, *rest = summary(decision)
    return [sentence, *(f"  {line}" for line in (*map(_asked, decision.path), *rest))]


def summary(decision: Decision) -> list[str]:
    """The decision in one sentence, then prediction, confidence and warnings."""
    lines = [_sentence("The driver runs", decision), _prediction(decision)]
    lines.append(f"Confidence: {decision.confidence}; {_CONFIDENCE[decision.confidence]}.")
    if decision.unless_chosen:
        lines.append(_sentence("Left open, it would run", decision.unless_chosen))
    return lines + [f"Warning: {each}." for each in decision.warnings]


def _prediction(decision: Decision) -> str:
    seconds = decision.predicted_seconds
    client, cluster = map(readable_duration, (seconds["client"], seconds["cluster"]))
    known = "" if decision.predicted["client"]["processing"] else ", the work itself not counted"
    return f"Predicted: {client} with its driver beside Libra, {cluster} on a worker{known}."


def _sentence(start: str, decision: Decision) -> str:
    return f"{start} {decision.place}, because {decision.reason}."


def _asked(answer: RuleAnswer) -> str:
    says = "no" if answer.place is None else str(answer.place)
    return f"{answer.question} {says}: {answer.reason}."
