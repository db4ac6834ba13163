"""The operators that you use in a Dag."""

from __future__ import annotations

from libra_provider.operators.cluster_job import SparkClusterJobOperator
from libra_provider.operators.libra import LibraOperator
from libra_provider.operators.statement import LibraStatementOperator

__all__ = ["LibraOperator", "LibraStatementOperator", "SparkClusterJobOperator"]
