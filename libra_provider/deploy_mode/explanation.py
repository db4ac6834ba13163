"""A decision as a block of log lines."""

from __future__ import annotations

from libra_provider.core.decision import Confidence, Decision, RuleAnswer
from libra_provider.core.units import readable_duration

_CONFIDENCE = {
    Confidence.HIGH: "based on declared or measured values",
    Confidence.MEDIUM: "based on estimates",
    Confidence.LOW: "based on assumptions, because the values are unknown",
}


def log_block(decision: Decision) -> list[str]:
    """The decision in one sentence, then the rules that were checked, prediction and warnings."""
    sentence, *rest = summary(decision)
    return [sentence, *(f"  {line}" for line in (*map(_rule_result, decision.path), *rest))]


def summary(decision: Decision) -> list[str]:
    """The decision in one sentence, then prediction, confidence and warnings."""
    lines = [_sentence("Driver placement:", decision), _prediction(decision)]
    lines.append(f"Confidence: {decision.confidence} ({_CONFIDENCE[decision.confidence]}).")
    if decision.unless_chosen:
        lines.append(_sentence("Without mode and deploy_mode:", decision.unless_chosen))
    return lines + [f"Warning: {each}." for each in decision.warnings]


def _prediction(decision: Decision) -> str:
    seconds = decision.predicted_seconds
    client, cluster = map(readable_duration, (seconds["client"], seconds["cluster"]))
    known = "" if decision.predicted["client"]["processing"] else ", excluding processing time"
    return f"Predicted: {client} with the driver on Libra's host, {cluster} on a worker{known}."


def _sentence(start: str, decision: Decision) -> str:
    return f"{start} {decision.place}, because {decision.reason}."


def _rule_result(answer: RuleAnswer) -> str:
    result = "No" if answer.place is None else str(answer.place)
    return f"{answer.question} {result}: {answer.reason}."
