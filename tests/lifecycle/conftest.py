"""The fakes of the operators' tests: a job's life is lived by an operator."""

from __future__ import annotations

from tests.operators.conftest import libra, master, runner

__all__ = ["libra", "master", "runner"]
