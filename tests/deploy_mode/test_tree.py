"""The whole tree, rule by rule, on both sides of each boundary."""

from __future__ import annotations

from typing import Any

import pytest

from libra_provider.core.decision import Confidence, Fact, Facts, Locality, Place, WorkerShare
from libra_provider.core.errors import BadInput
from libra_provider.core.job import SparkJob
from libra_provider.core.units import GIB, MIB
from libra_provider.deploy_mode.cost import CostModel
from libra_provider.deploy_mode.decide import decide, explain
from libra_provider.deploy_mode.policy import Policy
from libra_provider.deploy_mode.rules import RULES

S, CLIENT, CLUSTER = Place.SHARED, Place.ISOLATED_CLIENT, Place.ISOLATED_CLUSTER
SQL = SparkJob(kind="sql", code="SELECT 1")
PYTHON = SparkJob(kind="python", code="1")
LONG = SQL.replace(parameters={"n": "x" * 70_000})
FILE = SparkJob(kind="python-file", application="etl.py")
JAR = SparkJob(kind="jar", application="etl.jar", java_class="Etl")
CLASS = SparkJob(kind="jar-class", application="etl.jar", java_class="Etl")
SIZED = {"spark.driver.memory": "4g"}


def known(**values: Any) -> Facts:
    return Facts(**{name: Fact(value, "as given") for name, value in values.items()})


FAR = {"round_trip": 0.05}
SHORT = {**FAR, "duration": 60.0}


@pytest.mark.parametrize(
    ("job", "facts", "place", "rule"),
    [
        # 2: mode= and deploy_mode=, whatever else holds
        (SQL.replace(mode="shared"), {"collects": 9 * GIB}, S, "placement-set"),
        (SQL.replace(deploy_mode="client"), {"collects": 9 * GIB}, S, "placement-set"),
        (FILE.replace(deploy_mode="client"), {"collects": 9 * GIB}, CLIENT, "placement-set"),
        (SQL.replace(conf=SIZED, deploy_mode="client"), {}, CLIENT, "placement-set"),
        (SQL.replace(mode="isolated", deploy_mode="client"), {}, CLIENT, "placement-set"),
        (SQL.replace(deploy_mode="cluster"), {"round_trip": 0.0}, CLUSTER, "placement-set"),
        (SQL.replace(mode="isolated"), {}, CLIENT, "same-site"),
        (SQL.replace(mode="isolated"), {"collects": 9 * GIB}, CLUSTER, "large-collect"),
        # 3: what only one place has
        (SQL.replace(session="mine"), {"collects": 9 * GIB}, S, "only-one-place"),
        (LONG, {"collects": 9 * GIB}, S, "only-one-place"),
        (LONG, {"has_libra": False}, CLUSTER, "only-one-place"),
        (FILE.replace(env_vars={"A": "1"}), {}, CLUSTER, "only-one-place"),
        (FILE.replace(supervise=True), {}, CLUSTER, "only-one-place"),
        (FILE.replace(driver_timeout=60.0), {}, CLUSTER, "only-one-place"),
        # 3: the only way that there is, whatever speaks against it
        (SQL, {"has_libra": False}, CLUSTER, "only-one-place"),
        (SQL, {"has_workers": False, "must_survive": True}, S, "only-one-place"),
        (FILE, {"has_workers": False, "collects": 9 * GIB}, CLIENT, "only-one-place"),
        (SQL.replace(mode="isolated"), {"has_workers": False}, CLIENT, "only-one-place"),
        (SQL.replace(mode="isolated"), {"has_libra": False}, CLUSTER, "only-one-place"),
        (SQL, {"has_libra": True, "has_workers": True}, S, "same-site"),
        # 3: kinds and settings that are never SHARED
        (FILE, {}, CLIENT, "same-site"),
        (JAR, {}, CLIENT, "same-site"),
        (CLASS, {}, S, "same-site"),
        (CLASS.replace(conf=SIZED), {}, CLIENT, "same-site"),
        (PYTHON.replace(py_files=["a.py"]), {}, CLIENT, "same-site"),
        # 3: a driver that no worker can hold
        (
            FILE,
            {"largest_worker": WorkerShare(1, GIB), "collects": 9 * GIB},
            CLUSTER,
            "large-collect",
        ),
        (FILE, {"largest_worker": WorkerShare(1, GIB - 1)}, CLIENT, "too-large-for-workers"),
        (SQL, {"largest_worker": WorkerShare(0, GIB)}, S, "too-large-for-workers"),
        (
            SQL.replace(conf=SIZED),
            {"largest_worker": WorkerShare(8, GIB)},
            CLIENT,
            "too-large-for-workers",
        ),
        # 4: production
        (SQL, {"must_survive": True}, CLUSTER, "must-survive"),
        (SQL, {"must_survive": False}, S, "same-site"),
        # 5: large results
        (SQL, {"collects": GIB}, S, "same-site"),
        (SQL, {"collects": GIB + 1}, CLUSTER, "large-collect"),
        # 5: what was too large for Libra's own driver before
        (SQL, {"collects": 64 * MIB, "too_much": 64 * MIB}, CLUSTER, "large-collect"),
        (SQL, {"collects": 64 * MIB - 1, "too_much": 64 * MIB}, S, "same-site"),
        (SQL, {"too_much": 64 * MIB}, S, "same-site"),
        (FILE, {"collects": 64 * MIB, "too_much": 64 * MIB}, CLIENT, "same-site"),
        # 6: one data centre
        (SQL, {"round_trip": 0.00199}, S, "same-site"),
        (SQL, {"round_trip": 0.002}, CLUSTER, "otherwise"),
        (SQL, {"round_trip": 9.0, "locality": Locality.SAME}, S, "same-site"),
        (SQL, {"round_trip": 0.0, "locality": Locality.REMOTE}, CLUSTER, "otherwise"),
        # 7: much use of a long way
        (SQL, {"round_trip": 0.1, "duration": 3600.0}, S, "long-job"),
        (SQL, {"round_trip": 0.1001, "duration": 3600.0}, CLUSTER, "network"),
        (SQL, {**FAR, "duration": 3600.0, "tasks": 9_999}, S, "long-job"),
        (SQL, {**FAR, "duration": 3600.0, "tasks": 10_000}, CLUSTER, "network"),
        (SQL, {**FAR, "duration": 3600.0, "task_seconds": 1.0}, S, "long-job"),
        (SQL, {**FAR, "duration": 3600.0, "task_seconds": 0.99}, CLUSTER, "network"),
        (SQL, {**FAR, "duration": 3600.0, "broadcast": 100 * MIB}, S, "long-job"),
        (
            SQL,
            {**FAR, "duration": 3600.0, "broadcast": 100 * MIB + 1},
            CLUSTER,
            "network",
        ),
        (SQL, {"round_trip": 0.001, "tasks": 10_000}, S, "same-site"),
        # 8: long jobs
        (SQL, {**FAR, "duration": 600.0}, CLUSTER, "otherwise"),
        (SQL, {**FAR, "duration": 600.1}, S, "long-job"),
        (FILE, {**FAR, "duration": 600.1}, CLIENT, "long-job"),
        # 9: nothing else is known
        (SQL, FAR, CLUSTER, "otherwise"),
        (SQL, {}, S, "same-site"),
    ],
)
def test_the_first_rule_with_an_opinion_decides(
    job: SparkJob, facts: dict[str, Any], place: Place, rule: str
) -> None:
    decision = decide(job, known(**facts))

    assert (decision.place, decision.rule) == (place, rule)


@pytest.mark.parametrize(
    ("job", "facts", "parameter", "why"),
    [
        (SQL.replace(mode="shared", deploy_mode="cluster"), {}, "deploy_mode", "mode='shared'"),
        (FILE.replace(mode="shared"), {}, "mode", "a Python file requires a dedicated driver"),
        (JAR.replace(mode="shared"), {}, "mode", "a JAR requires a dedicated driver"),
        (SQL.replace(mode="shared", conf=SIZED), {}, "mode", r"conf\['spark.driver.memory'\]"),
        (
            SQL.replace(mode="shared", jars=["a.jar"]),
            {},
            "mode",
            "jars requires a dedicated driver",
        ),
        (
            FILE.replace(supervise=True, deploy_mode="client"),
            {},
            "deploy_mode",
            "supervise requires",
        ),
        (SQL.replace(session="s", conf=SIZED), {}, "session", "requires a dedicated driver"),
        (SQL.replace(session="s", mode="isolated"), {}, "mode", "session='s' exists only in"),
        (SQL.replace(session="s"), {"must_survive": True}, "session", "must_survive requires"),
        (LONG, {"must_survive": True}, "parameters", "a dedicated driver takes up to 48 KiB"),
        (LONG.replace(mode="isolated"), {}, "mode", "up to 48 KiB of parameters, and these are 68"),
        (SQL.replace(session="s"), {"has_libra": False}, "session", "as given"),
        (SQL.replace(mode="shared"), {"has_libra": False}, "mode", "as given"),
        (FILE.replace(env_vars={"A": "1"}), {"has_workers": False}, "env_vars", "as given"),
    ],
)
def test_wishes_that_contradict_each_other_are_bad_input(
    job: SparkJob, facts: dict[str, Any], parameter: str, why: str
) -> None:
    with pytest.raises(BadInput, match=why) as caught:
        decide(job, known(**facts))

    assert caught.value.parameter == parameter


def test_an_unknown_preset_is_bad_input() -> None:
    with pytest.raises(BadInput, match="expected one of etl, analytics, ml"):
        decide(SQL, Facts(), preset="huge")


def test_a_preset_counts_when_it_is_asked_whether_a_worker_holds_the_driver() -> None:
    worker = known(largest_worker=WorkerShare(4, 4 * GIB), must_survive=True)

    assert decide(FILE, worker, preset="analytics").rule == "must-survive"
    assert decide(FILE, worker, preset="ml").rule == "too-large-for-workers"


def test_what_the_author_chose_is_told_beside_what_the_tree_would_have_said() -> None:
    decision = decide(SQL.replace(mode="shared"), known(collects=2 * GIB))

    assert decision.unless_chosen is not None
    assert decision.unless_chosen.place is CLUSTER
    assert decision.unless_chosen.rule == "large-collect"
    assert decide(SQL, Facts()).unless_chosen is None


@pytest.mark.parametrize(
    ("facts", "confidence"),
    [
        (Facts(), Confidence.LOW),
        (known(collects=1), Confidence.LOW),
        (known(collects=1, round_trip=0.001), Confidence.HIGH),
        (Facts(must_survive=Fact(True, "as given")), Confidence.HIGH),
        (known(collects=1, round_trip=0.05), Confidence.LOW),
        (known(collects=1, round_trip=0.05, duration=60.0), Confidence.MEDIUM),
        (
            known(collects=1, round_trip=0.05, duration=60.0, tasks=9, broadcast=1),
            Confidence.HIGH,
        ),
        (Facts(collects=Fact(9 * GIB, "estimated", Confidence.MEDIUM)), Confidence.MEDIUM),
    ],
)
def test_the_confidence_is_that_of_the_weakest_answer(facts: Facts, confidence: Confidence) -> None:
    assert decide(SQL, facts).confidence is confidence


def test_the_path_ends_with_the_rule_that_decided_and_has_those_before_it() -> None:
    decision = decide(SQL, known(**SHORT, tasks=10_000))

    assert [answer.rule for answer in decision.path] == [rule.name for rule in RULES[:7]]
    assert [answer.place for answer in decision.path[:-1]] == [None] * 6


def test_every_rule_can_be_heard_also_those_below_the_one_that_decides() -> None:
    answers = explain(SQL, known(**SHORT, collects=9 * GIB, tasks=10_000))
    opinions = {answer.rule: answer.place for answer in answers if answer.place}

    assert [answer.rule for answer in answers] == [rule.name for rule in RULES]
    assert opinions == {
        "large-collect": CLUSTER,
        "network": CLUSTER,
        "otherwise": CLUSTER,
    }


def test_a_fact_in_a_reason_is_told_with_its_source() -> None:
    facts = Facts(collects=Fact(3 * GIB + GIB // 5, "measured in 4 earlier runs"))
    reason = decide(SQL, facts).reason

    assert reason == "the result is 3.2 GiB (measured in 4 earlier runs), more than 1 GiB"


def test_the_places_not_taken_say_why_not() -> None:
    decision = decide(FILE, Facts())
    reasons = {each.place: each.reason for each in decision.alternatives}

    assert reasons.keys() == {S, CLUSTER}
    assert reasons[S] == "not possible: a Python file requires a dedicated driver"
    assert reasons[CLUSTER].startswith("possible, ")


@pytest.mark.parametrize(
    ("job", "facts", "warning"),
    [
        (SQL.replace(mode="shared"), {"must_survive": True}, "the driver ends with Libra"),
        (
            FILE.replace(deploy_mode="cluster"),
            {"largest_worker": WorkerShare(8, GIB // 2)},
            "requests 1 core and 1 GiB and will wait: the largest worker has 8 cores and 512 MiB",
        ),
        (
            FILE,
            {"must_survive": True, "roomiest_worker": WorkerShare(0, 0)},
            "will wait: the roomiest worker has 0 cores and 0 bytes free",
        ),
    ],
)
def test_what_a_job_asks_for_and_will_not_have_is_a_warning(
    job: SparkJob, facts: dict[str, Any], warning: str
) -> None:
    [found] = decide(job, known(**facts)).warnings

    assert warning in found


MEASURED = CostModel(source="libra calibrate", is_measured=True)


@pytest.mark.parametrize(
    ("collects", "place"),
    [(0, S), (900 * MIB, CLUSTER)],
)
def test_on_a_measured_cluster_the_smaller_prediction_decides(collects: int, place: Place) -> None:
    decision = decide(SQL, known(**SHORT, collects=collects), costs=MEASURED)
    client, cluster = decision.predicted_seconds.values()

    assert (decision.place, decision.rule) == (place, "predicted")
    assert (client < cluster) is (place is S)


@pytest.mark.parametrize(
    ("threshold", "facts", "default", "place"),
    [
        ({"large_collect": "5 MB"}, {"collects": 6 * MIB}, S, CLUSTER),
        ({"same_site_round_trip": "60 ms"}, FAR, CLUSTER, S),
        ({"long_round_trip": "40 ms"}, {**FAR, "duration": 601.0}, S, CLUSTER),
        ({"many_tasks": 100}, {**FAR, "duration": 601.0, "tasks": 100}, S, CLUSTER),
        ({"short_task": "5 s"}, {**FAR, "duration": 601.0, "task_seconds": 4.0}, S, CLUSTER),
        ({"large_broadcast": "1 MB"}, {**FAR, "duration": 601.0, "broadcast": 2 * MIB}, S, CLUSTER),
        ({"long_job": "30 s"}, SHORT, CLUSTER, S),
    ],
)
def test_each_threshold_can_be_set(
    threshold: dict[str, Any], facts: dict[str, Any], default: Place, place: Place
) -> None:
    assert decide(SQL, known(**facts)).place is default
    assert decide(SQL, known(**facts), Policy.of(threshold)).place is place
