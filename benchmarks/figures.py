"""Figures as people read them."""

from __future__ import annotations


def milliseconds(seconds: float) -> str:
    """*seconds* with the digits that mean something."""
    return f"{seconds * 1000:,.0f} ms" if seconds >= 0.1 else f"{seconds * 1000:.1f} ms"


def number(value: float) -> str:
    """*value* with the digits that mean something."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
