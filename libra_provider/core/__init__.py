"""The vocabulary that all other parts share; standard library only."""

from __future__ import annotations

from libra_provider.core.workload import Workload

__all__ = ["Workload"]
