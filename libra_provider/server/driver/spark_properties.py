"""The Spark properties of the shared driver, and the files that carry them to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from libra_provider.core.properties import CORES_MAX
from libra_provider.core.units import MIB, size_in_bytes
from libra_provider.server.model.pools import allocations
from libra_provider.server.settings import Settings

# Added to what users set as spark.driver.extraJavaOptions.
JAVA_OPTIONS = "spark.driver.defaultJavaOptions"
_DEFAULTS: Mapping[str, str] = {
    "spark.app.name": "Libra",
    "spark.scheduler.mode": "FAIR",
    # Leave cores for ISOLATED jobs on the same cluster.
    CORES_MAX: "2",
    "spark.driver.memory": "1g",
    "spark.executor.memory": "1g",
    "spark.log.level": "WARN",
    "spark.ui.showConsoleProgress": "false",
    # Executors keep the classes of the last main classes, and of those that still run.
    "spark.executor.isolatedSessionCache.size": "50",
}
_DYNAMIC = "spark.dynamicAllocation.enabled"
# An idle Libra releases its executors after a minute, all but one: without any, the next statement
# would wait seconds for the first one.
_GIVING_BACK: Mapping[str, str] = {
    _DYNAMIC: "true",
    "spark.dynamicAllocation.minExecutors": "1",
    "spark.dynamicAllocation.executorIdleTimeout": "60s",
    "spark.dynamicAllocation.shuffleTracking.enabled": "true",
    # Without it, an executor that ever took part in a shuffle stays. Jobs that still need its
    # files keep it in either case.
    "spark.dynamicAllocation.shuffleTracking.timeout": "60s",
}
_MOST_EXECUTOR_CORES = 5
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"})


def properties(settings: Settings, folder: Path) -> dict[str, str]:
    """Return all properties of the driver; ``[spark]`` overrides the defaults."""
    # A driver that continues after an OutOfMemoryError stalls every statement.
    options = f"-XX:+ExitOnOutOfMemoryError {scratch(folder)}"
    given = {JAVA_OPTIONS: options, **_DEFAULTS, **loopback(settings), **settings.spark}
    given = {**_giving_back(settings.master, given), **given}
    # A result above a quarter of the heap stalls the other statements.
    heap = size_in_bytes(given["spark.driver.memory"], parameter="spark.driver.memory")
    return {
        "spark.driver.maxResultSize": f"{heap // 4 // MIB}m",
        "spark.sql.warehouse.dir": str(settings.data_dir / "warehouse"),
        **given,
        "spark.master": settings.master,
        "spark.scheduler.allocation.file": str(folder / "pools.xml"),
    }


def scratch(folder: Path) -> str:
    """Return the option for temporary files in *folder*: a killed JVM leaves them."""
    return f'"-Djava.io.tmpdir={folder}"'


def _giving_back(master: str, given: Mapping[str, str]) -> dict[str, str]:
    # Local masters have no executors to release.
    if not master.startswith("spark://") or given.get(_DYNAMIC, "true") != "true":
        return {}
    # Spark's default, one executor per worker with all its cores, leaves nothing to release.
    cores = int(given[CORES_MAX]) // 4
    return {**_GIVING_BACK, "spark.executor.cores": str(min(max(cores, 1), _MOST_EXECUTOR_CORES))}


def loopback(settings: Settings) -> dict[str, str]:
    """Return what keeps the driver of a Libra on loopback on loopback, too."""
    if not settings.is_loopback:
        return {}
    return {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}


def write(settings: Settings, folder: Path) -> Path:
    """Write the file with the properties, readable only by this user, and pools.xml beside it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "pools.xml").write_text(allocations(settings.pools))
    path = folder / "spark.properties"
    path.touch(mode=0o600)
    path.write_text(as_java_properties(properties(settings, folder)))
    return path


def as_java_properties(values: Mapping[str, str]) -> str:
    """Return *values* in the format of ``java.util.Properties``: Latin-1 with escapes."""
    return "".join(f"{_key(key)}={_value(value)}\n" for key, value in values.items())


def _key(key: str) -> str:
    key = _value(key)
    return "".join(f"\\{each}" if each in ":= #!" else each for each in key)


def _value(value: str) -> str:
    escaped = value.translate(_ESCAPES)
    padded = f"\\{escaped}" if escaped.startswith(" ") else escaped
    return "".join(each if ord(each) < 127 else _unicode(each) for each in padded)


def _unicode(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
