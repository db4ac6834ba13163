"""What a query would read and return, from Spark's statistics, without running it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from py4j.java_gateway import is_instance_of  # type: ignore[import-untyped]  # py4j has no types
from pyspark.sql import SparkSession

from libra_provider.jobs.parameters import bound
from libra_provider.jobs.spark_errors import failure_of
from libra_provider.server.driver.messages import EstimateQuery, EstimateResult

_PLANS = "org.apache.spark.sql.catalyst.plans.logical"
# Plans that Spark executes while it analyzes them.
_ACTING = (
    f"{_PLANS}.Command",
    f"{_PLANS}.ParsedStatement",
    f"{_PLANS}.CompoundPlanStatement",
)
_ACTS = "only a query can be estimated, not a command"
_RELATION = "org.apache.spark.sql.execution.datasources.LogicalRelation"


def estimate(session: SparkSession, asked: EstimateQuery) -> EstimateResult:
    """Return Spark's statistics of the query, or an ``error`` for a wrong query or a command."""
    try:
        if _acts(session, asked.code):
            return EstimateResult(key=asked.key, error=_ACTS)
        frame: Any = session.sql(asked.code, args=bound(session, asked.parameters))
        return _estimated(session, asked.key, frame._jdf.queryExecution().optimizedPlan())  # noqa: SLF001
    except Exception as error:  # noqa: BLE001  # any error of Spark is the answer
        why = failure_of(error)
        return EstimateResult(
            key=asked.key,
            error=why.sentence,
            error_class=why.error_class,
            sql_state=why.sql_state,
        )


def _acts(session: SparkSession, code: str) -> bool:
    """Return whether analyzing *code* would execute it, such as INSERT."""
    java: Any = session._jsparkSession  # noqa: SLF001  # the parser has no Python side
    return any(
        is_instance_of(session._sc._gateway, node, each)  # noqa: SLF001
        for node in _tree(java.sessionState().sqlParser().parsePlan(code))
        for each in _ACTING
    )


def _tree(plan: Any) -> Iterator[Any]:
    yield plan
    children = plan.children()
    for position in range(children.size()):
        yield from _tree(children.apply(position))


def _estimated(session: SparkSession, key: str, plan: Any) -> EstimateResult:
    stats = plan.stats()
    leaves = plan.collectLeaves()
    known = (_is_known(session, leaves.apply(position)) for position in range(leaves.size()))
    return EstimateResult(
        key=key,
        bytes=int(stats.sizeInBytes()),
        rows=int(stats.rowCount().get()) if stats.rowCount().isDefined() else None,
        guessed=not all(known),
    )


def _is_known(session: SparkSession, leaf: Any) -> bool:
    if leaf.stats().rowCount().isDefined():
        return True
    if not is_instance_of(session._sc._gateway, leaf, _RELATION):  # noqa: SLF001
        return False
    table = leaf.catalogTable()
    return bool(table.isDefined() and table.get().stats().isDefined())
