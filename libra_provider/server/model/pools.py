"""The FAIR scheduler pools of the shared driver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from libra_provider.core.errors import BadInput

DEFAULT_POOL = "default"


@dataclass(frozen=True, slots=True)
class Pool:
    """A FAIR pool: its share relative to others, and its minimum number of cores."""

    weight: int = 1
    min_share: int = 0

    def __post_init__(self) -> None:
        if self.weight < 1 or self.min_share < 0:
            raise BadInput(
                "pools", self, "expected a weight of at least 1 and a min_share of at least 0"
            )


STANDARD_POOLS: Mapping[str, Pool] = {
    DEFAULT_POOL: Pool(weight=1, min_share=2),
    "high-priority": Pool(weight=3, min_share=4),
    "low-priority": Pool(weight=1, min_share=1),
    "interactive": Pool(weight=2, min_share=2),
}


def allocations(pools: Mapping[str, Pool]) -> str:
    """Return the content of Spark's ``spark.scheduler.allocation.file`` for *pools*."""
    root = ElementTree.Element("allocations")
    for name, pool in pools.items():
        element = ElementTree.SubElement(root, "pool", name=name)
        ElementTree.SubElement(element, "schedulingMode").text = "FAIR"
        ElementTree.SubElement(element, "weight").text = str(pool.weight)
        ElementTree.SubElement(element, "minShare").text = str(pool.min_share)
    return ElementTree.tostring(root, encoding="unicode")
