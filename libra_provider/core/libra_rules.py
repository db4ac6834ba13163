"""Which of Libra's drivers runs a job, and what the job may set there."""

from __future__ import annotations

from libra_provider.core import field_rules
from libra_provider.core.field_rules import check_at_libra, check_mode, check_reserved, names
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Kind


def why_isolated(job: SparkJob) -> str:
    """What in *job* needs a dedicated driver; empty if the shared one can run it."""
    return field_rules.why_isolated(Kind(job.kind), job.mode, job.conf)


def check_statement(job: SparkJob) -> None:
    """Raise BadInput for what any Libra would refuse or ignore in *job*."""
    kind, isolated = Kind(job.kind), why_isolated(job)
    check_mode(kind, job.mode, isolated, names(kind))
    check_reserved(job.conf, names(kind))
    check_at_libra(kind, job.given, isolated, names(kind))
