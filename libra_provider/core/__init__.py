"""The vocabulary every other part speaks; standard library only."""

from __future__ import annotations

from libra_provider.core.workload import Workload

__all__ = ["Workload"]
