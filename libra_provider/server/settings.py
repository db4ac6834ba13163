"""How one Libra is set up: read once, then frozen.

Sources, the later ones win: defaults, the TOML file named by ``LIBRA_CONFIG``, ``LIBRA_*``
variables, explicit arguments. ``[spark]`` (or ``LIBRA_SPARK_CONF``, a JSON object) takes any Spark
property, ``[pools.NAME]`` (or ``LIBRA_POOLS``) the weight and min_share of a pool, ``[isolated]``
(or ``LIBRA_ISOLATED``) what IsolatedSettings says.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import socket
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from libra_provider.core.errors import BadInput
from libra_provider.core.masking import MASK, masked_conf
from libra_provider.core.properties import check_master, spark_conf
from libra_provider.core.units import MIB, duration_in_seconds, size_in_bytes
from libra_provider.server.isolated_settings import IsolatedSettings
from libra_provider.server.model.pools import DEFAULT_POOL, STANDARD_POOLS, Pool

_MASTER = re.compile(r"local(\[[^\]]+\])?|local-cluster\[[^\]]+\]|spark://\S+:\d+")
_TOKEN = re.compile(r"[!-~]+")
_PASSWORD_IN_URL = re.compile(r"(?<=://)[^/@]*(?=@)")
_PUBLIC_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_POSITIVE = (
    *("result_limit", "result_max_bytes", "max_running", "max_pending", "max_sessions"),
    *("python_memory", "max_python_sessions"),
    *("retention_seconds", "retention_count", "session_idle_seconds", "max_request_bytes"),
    *("announced_seconds", "artifact_max_bytes", "artifacts_max_bytes", "artifact_seconds"),
)


def _state_folder() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "libra"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Settings:
    """The settings of one Libra; raises BadInput for invalid values before anything is started."""

    host: str = "127.0.0.1"
    port: int = 8990
    """0 means any free port."""
    public_url: str = ""
    """Where drivers on the cluster reach this Libra; empty means ``host`` and ``port``."""
    token: str | None = None
    """What clients send as ``Authorization: Bearer``; required unless Libra listens on loopback."""
    master: str = "local[2]"
    data_dir: Path = field(default_factory=_state_folder)
    """The folder for ledger, results and drivers' logs; used by one running Libra at a time."""
    ledger_url: str = ""
    """An SQLAlchemy URL; empty means SQLite in ``data_dir``."""
    pools: Mapping[str, Pool] = field(default_factory=lambda: dict(STANDARD_POOLS))
    spark: Mapping[str, str] = field(default_factory=dict)
    isolated: IsolatedSettings = field(default_factory=IsolatedSettings)
    file_roots: Sequence[Path] = ()
    """The folders below which statements may name files; none: only URLs may be named."""
    result_limit: int = 1000
    """Rows a statement may return unless it sets another limit."""
    result_max_bytes: int = 64 * MIB
    max_running: int = 32
    """Statements that run at the same time; others wait."""
    max_pending: int = 1000
    retention_seconds: float = 7 * 24 * 3600.0
    """How long an ended statement and its result are kept."""
    retention_count: int = 100_000
    """The maximum number of ended statements that are kept, the latest ones."""
    artifact_max_bytes: int = 2048 * MIB
    """The maximum size of a file that is stored for drivers."""
    artifacts_max_bytes: int = 20 * 1024 * MIB
    """The maximum size of all of them together."""
    artifact_seconds: float = 30 * 24 * 3600.0
    """How long after its last use a file is kept, unless an unfinished job needs it."""
    announced_seconds: float = 7 * 24 * 3600.0
    """An announced job whose driver has not reported for so long is marked LOST."""
    session_idle_seconds: float = 30 * 60.0
    """A session that was idle for so long is closed."""
    max_sessions: int = 100
    python_memory: int = 2048 * MIB
    """The memory limit of a session's Python process and its child processes together."""
    max_python_sessions: int = 16
    """The maximum number of sessions with a Python process at the same time."""
    max_request_bytes: int = 4 * MIB
    """The maximum size of a request body, including inline code and parameters."""
    drain_seconds: float = 5.0
    """How long running statements may continue after Libra was requested to stop."""
    tls_certificate: Path | None = None
    """PEM, including the chain; makes Libra use https."""
    tls_key: Path | None = None
    """PEM; None means that it is in the certificate's file."""
    tls_ca: Path | None = None
    """PEM of the authority that drivers of ISOLATED statements trust for this Libra; None means the
    authorities of their machine."""

    def __post_init__(self) -> None:
        self._check_numbers()
        check_master("master", self.master)
        if not _MASTER.fullmatch(self.master):
            raise BadInput(
                "master", self.master, "expected a master such as spark://host:7077 or local[2]"
            )
        self._check_network()
        if DEFAULT_POOL not in self.pools:
            raise BadInput("pools", sorted(self.pools), f"expected a pool named {DEFAULT_POOL!r}")
        object.__setattr__(self, "spark", spark_conf(self.spark))
        object.__setattr__(self, "data_dir", self.data_dir.expanduser().absolute())
        object.__setattr__(
            self, "ledger_url", self.ledger_url or f"sqlite:///{self.data_dir / 'ledger.db'}"
        )

    def _check_numbers(self) -> None:
        if not 0 <= self.port < 65536:
            raise BadInput("port", self.port, "expected a number from 0 to 65535")
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                raise BadInput(name, getattr(self, name), "expected more than 0")

    def _check_network(self) -> None:
        if self.public_url and not _PUBLIC_URL.fullmatch(self.public_url):
            advice = (
                "expected a URL such as https://libra.example.com:8990, without query and password"
            )
            raise BadInput("public_url", _PASSWORD_IN_URL.sub(MASK, self.public_url), advice)
        if self.token is not None and not _TOKEN.fullmatch(self.token):
            advice = "expected printable ASCII without spaces; try openssl rand -hex 32"
            raise BadInput("token", MASK, advice)
        if not self.is_loopback and not self.token:
            advice = "a server that is reachable from other hosts needs a token; set LIBRA_TOKEN"
            raise BadInput("host", self.host, advice)
        if self.tls_key and not self.tls_certificate:
            advice = "it needs a certificate; set tls_certificate too"
            raise BadInput("tls_key", str(self.tls_key), advice)
        for name in ("tls_certificate", "tls_key", "tls_ca"):
            path: Path | None = getattr(self, name)
            if path and not path.is_file():
                raise BadInput(name, str(path), "no such file")

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def address(self) -> str:
        """Where Libra listens, as a URL."""
        return self._address(self.host)

    @property
    def public_address(self) -> str:
        """Where drivers reach it, as a URL."""
        everywhere = self.host in ("0.0.0.0", "::")  # noqa: S104  # compared, not bound
        return self.public_url or self._address(socket.getfqdn() if everywhere else self.host)

    def _address(self, host: str) -> str:
        scheme = "https" if self.tls_certificate else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def results_dir(self) -> Path:
        """Where the host leaves the rows of each statement."""
        return self.data_dir / "results"

    @property
    def artifacts_dir(self) -> Path:
        """Where the files for drivers are."""
        return self.data_dir / "artifacts"

    @property
    def statement_logs_dir(self) -> Path:
        """Where stdout and stderr of each statement are."""
        return self.data_dir / "logs" / "statements"

    @classmethod
    def load(cls, **given: Any) -> Self:
        """The settings of this environment; arguments that are not None win over every source."""
        merged = _from_file(os.environ.get("LIBRA_CONFIG")) | _from_environment(os.environ)
        merged |= {name: value for name, value in given.items() if value is not None}
        if unknown := merged.keys() - {each.name for each in fields(cls)}:
            known = ", ".join(each.name for each in fields(cls))
            raise BadInput("setting", min(unknown), f"expected one of Libra's settings: {known}")
        return cls(**{name: _READ.get(name, _as_is)(name, value) for name, value in merged.items()})

    def __repr__(self) -> str:
        shown: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        shown["token"] = MASK if self.token else None
        # A database URL may carry a password.
        shown["ledger_url"] = self.ledger_url.split(":", 1)[0] + ":" + MASK
        shown["spark"] = masked_conf(self.spark)
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


def _from_file(path: str | None) -> dict[str, Any]:
    if not path:
        return {}
    try:
        return tomllib.loads(Path(path).read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BadInput("LIBRA_CONFIG", path, f"it cannot be read: {error}") from error


_VARIABLES = {each.name: f"LIBRA_{each.name.upper()}" for each in fields(Settings)} | {
    "spark": "LIBRA_SPARK_CONF"
}


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    return {
        name: environ[variable] for name, variable in _VARIABLES.items() if environ.get(variable)
    }


def _as_is(name: str, value: Any) -> Any:
    if value is not None and not isinstance(value, str):
        raise BadInput(name, MASK if name == "token" else value, "expected a string")
    return value


def _number(name: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise BadInput(name, value, "expected a whole number") from error


def _bytes(name: str, value: Any) -> int:
    return value if isinstance(value, int) else size_in_bytes(value, parameter=name)


def _seconds(name: str, value: Any) -> float:
    return duration_in_seconds(value, parameter=name)


def _path(_name: str, value: Any) -> Path:
    return Path(value)


def _paths(name: str, value: Any) -> tuple[Path, ...]:
    given = value.split(os.pathsep) if isinstance(value, str) else value
    paths = tuple(Path(each).expanduser() for each in given)
    if wrong := [each for each in paths if not each.is_absolute()]:
        raise BadInput(name, str(wrong[0]), "expected an absolute path")
    return paths


def _isolated(name: str, value: Any) -> IsolatedSettings:
    return (
        value if isinstance(value, IsolatedSettings) else IsolatedSettings.of(_table(name, value))
    )


def _table(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            # Spark's properties may contain secrets, which invalid JSON does not let us recognize.
            raise BadInput(name, MASK, f"expected a JSON object ({error})") from error
    if not isinstance(value, Mapping):
        raise BadInput(name, value, "expected a table")
    return dict(value)


def _pools(name: str, value: Any) -> dict[str, Pool]:
    try:
        return {
            key: Pool(**(asdict(pool) if isinstance(pool, Pool) else pool))
            for key, pool in _table(name, value).items()
        }
    except TypeError as error:
        raise BadInput(name, value, "expected a weight and a min_share") from error


_READ: Mapping[str, Callable[[str, Any], Any]] = {
    "port": _number,
    "result_limit": _number,
    "max_running": _number,
    "max_pending": _number,
    "result_max_bytes": _bytes,
    "drain_seconds": _seconds,
    "retention_seconds": _seconds,
    "retention_count": _number,
    "announced_seconds": _seconds,
    "artifact_max_bytes": _bytes,
    "artifacts_max_bytes": _bytes,
    "artifact_seconds": _seconds,
    "session_idle_seconds": _seconds,
    "max_sessions": _number,
    "python_memory": _bytes,
    "max_python_sessions": _number,
    "max_request_bytes": _bytes,
    "data_dir": _path,
    "tls_certificate": _path,
    "tls_key": _path,
    "tls_ca": _path,
    "spark": _table,
    "pools": _pools,
    "isolated": _isolated,
    "file_roots": _paths,
}
