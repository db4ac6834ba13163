"""What waits in the triggerer."""

from __future__ import annotations

from libra_provider.triggers.job import JobTrigger

__all__ = ["JobTrigger"]
