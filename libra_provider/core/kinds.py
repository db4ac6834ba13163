"""What a job can be made of, and whose driver can run it where."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """Whose driver runs the job."""

    SHARED = "shared"  # Libra's long-lived driver
    ISOLATED = "isolated"  # a dedicated driver


class DeployMode(StrEnum):
    """Where a dedicated driver runs."""

    CLIENT = "client"  # beside Libra
    CLUSTER = "cluster"  # on a worker


class Kind(StrEnum):
    """What a job is made of."""

    SQL = "sql"
    PYTHON = "python"
    PYTHON_FILE = "python-file"
    JAR = "jar"
    JAR_CLASS = "jar-class"


TEXTS = frozenset({Kind.SQL, Kind.PYTHON})
"""Kinds that are sent as text; the others are files."""
JARS = frozenset({Kind.JAR, Kind.JAR_CLASS})
