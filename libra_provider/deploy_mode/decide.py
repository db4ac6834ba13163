"""Where a job's driver should run, and what every rule says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from libra_provider.core.decision import Alternative, Decision, Facts, Place, RuleAnswer
from libra_provider.core.job import DeployMode, SparkJob
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
    """Ask each rule in turn; the first with an opinion decides.

    *preset* sizes a driver of the job's own (presets.py). Raises BadInput for a job that no place
    can run as its author wants it.
    """
    case = _case(job, facts, policy, preset, costs)
    path = tuple(_down_to_an_opinion(case))
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
    left_open = job.replace(mode=None, deploy_mode=None)
    tree = decide(left_open, facts, policy, preset=preset, costs=costs)
    return replace(decision, unless_chosen=tree)


def explain(
    job: SparkJob,
    facts: Facts,
    policy: Policy = DEFAULT,
    *,
    preset: str | None = None,
    costs: CostModel = REFERENCE,
) -> list[RuleAnswer]:
    """What every rule says of *job*, also those below the one that decides; raises BadInput."""
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
    opinion = rule.ask(case)
    return RuleAnswer(
        rule=rule.name,
        question=rule.question,
        place=opinion.place,
        reason=opinion.reason,
        confidence=opinion.confidence,
    )


def _down_to_an_opinion(case: RuleInput) -> Iterator[RuleAnswer]:
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
    return f"possible: {readable_duration(case.predict(place).seconds)} predicted"


def _warnings(case: RuleInput, place: Place) -> Iterator[str]:
    """What the job asks for and will not have at *place*."""
    facts, asked = case.facts, driver_size(case.driver)
    if place.deploy_mode is DeployMode.CLIENT:
        if facts.must_survive and facts.must_survive.value:
            yield "it must survive its submitter, and will not: its driver ends with Libra"
    elif facts.largest_worker and not has_room_for(facts.largest_worker.value, asked):
        largest = readable_share(facts.largest_worker.value)
        yield f"its driver asks {readable_share(asked)}, and waits: the largest worker has {largest}"
    elif facts.roomiest_worker and not has_room_for(facts.roomiest_worker.value, asked):
        free = readable_share(facts.roomiest_worker.value)
        yield f"its driver asks {readable_share(asked)}, and waits: the roomiest worker has {free} free"
