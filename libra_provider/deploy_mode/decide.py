"""Decide where a job's driver should run, and explain the result of every rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from libra_provider.core.decision import Alternative, Decision, Facts, Place, RuleAnswer
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import DeployMode
from libra_provider.core.units import readable_duration
from libra_provider.deploy_mode.constraints import (
    driver_size,
    has_room_for,
    possible_places,
    readable_share,
)
from libra_provider.deploy_mode.cost import REFERENCE, CostModel
from libra_provider.deploy_mode.policy import Policy
from libra_provider.deploy_mode.presets import sized
from libra_provider.deploy_mode.rules import CLUSTER, RULES, Rule, RuleInput

DEFAULT = Policy()


def decide(
    job: SparkJob,
    facts: Facts,
    policy: Policy = DEFAULT,
    *,
    preset: str | None = None,
    costs: CostModel = REFERENCE,
) -> Decision:
    """The placement by the first rule that applies.

    *preset* sizes a dedicated driver (presets.py). Raises BadInput if the parameters of the job
    contradict each other, so that no placement is possible.
    """
    case = _case(job, facts, policy, preset, costs)
    path = tuple(_answers_until_decided(case))
    place = path[-1].place
    assert place is not None  # noqa: S101 - the last rule always has one
    decision = Decision(
        place=place,
        path=path,
        alternatives=tuple(_alternatives(case, place)),
        predicted=_predicted(case, place),
        is_remote=case.is_remote,
        warnings=tuple(_warnings(case, place)),
    )
    if len(path) > 1:
        return decision
    without_choice = job.replace(mode=None, deploy_mode=None)
    tree = decide(without_choice, facts, policy, preset=preset, costs=costs)
    return replace(decision, unless_chosen=tree)


def explain(
    job: SparkJob,
    facts: Facts,
    policy: Policy = DEFAULT,
    *,
    preset: str | None = None,
    costs: CostModel = REFERENCE,
) -> list[RuleAnswer]:
    """The result of every rule for *job*, also after the deciding one; raises BadInput."""
    case = _case(job, facts, policy, preset, costs)
    return [_answer(rule, case) for rule in RULES]


def _case(
    job: SparkJob, facts: Facts, policy: Policy, preset: str | None, costs: CostModel
) -> RuleInput:
    places, constraints = possible_places(job, facts)
    return RuleInput(
        job=job,
        driver=sized(job, preset),
        facts=facts,
        policy=policy,
        costs=costs,
        places=places,
        constraints=constraints,
    )


def _answer(rule: Rule, case: RuleInput) -> RuleAnswer:
    opinion = rule.apply(case)
    return RuleAnswer(
        rule=rule.name,
        question=rule.question,
        place=opinion.place,
        reason=opinion.reason,
        confidence=opinion.confidence,
    )


def _answers_until_decided(case: RuleInput) -> Iterator[RuleAnswer]:
    for rule in RULES:
        answer = _answer(rule, case)
        yield answer
        if answer.place is not None:
            return


def _predicted(case: RuleInput, chosen: Place) -> dict[str, Mapping[str, float]]:
    client = case.client if chosen is CLUSTER else chosen
    return {"client": case.predict(client).steps, "cluster": case.predict(CLUSTER).steps}


def _alternatives(case: RuleInput, chosen: Place) -> Iterator[Alternative]:
    for place in Place:
        if place is not chosen:
            yield Alternative(place=place, reason=_why_not(case, place))


def _why_not(case: RuleInput, place: Place) -> str:
    against = [each.why for each in case.constraints if place not in each.places]
    if against:
        return f"not possible: {' and '.join(against)}"
    return f"possible, predicted to take {readable_duration(case.predict(place).seconds)}"


def _warnings(case: RuleInput, place: Place) -> Iterator[str]:
    """What the job requests but will not get at *place*."""
    facts, driver = case.facts, driver_size(case.driver)
    if place.deploy_mode is DeployMode.CLIENT:
        if facts.must_survive and facts.must_survive.value:
            yield "must_survive cannot be honored: the driver ends with Libra"
    elif facts.largest_worker and not has_room_for(facts.largest_worker.value, driver):
        largest = f"the largest worker has {readable_share(facts.largest_worker.value)}"
        yield f"the driver requests {readable_share(driver)} and will wait: {largest}"
    elif facts.roomiest_worker and not has_room_for(facts.roomiest_worker.value, driver):
        free = f"the roomiest worker has {readable_share(facts.roomiest_worker.value)} free"
        yield f"the driver requests {readable_share(driver)} and will wait: {free}"
