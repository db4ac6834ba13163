"""What to run, where it may run, and how it stands."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from sys import intern
from types import MappingProxyType
from typing import Any, Self

from libra_provider.core.errors import BadInput
from libra_provider.core.masking import MASK, masked_conf, masked_text
from libra_provider.core.parameters import as_json
from libra_provider.core.paths import is_absolute
from libra_provider.core.properties import PROPERTY_OF


class Mode(StrEnum):
    """Whose driver runs the job."""

    SHARED = "shared"  # Libra's long-lived driver
    ISOLATED = "isolated"  # a driver of its own


class DeployMode(StrEnum):
    """Where an ISOLATED driver runs."""

    CLIENT = "client"  # beside Libra
    CLUSTER = "cluster"  # on a worker


class Kind(StrEnum):
    """What a job is made of."""

    SQL = "sql"
    PYTHON = "python"
    PYTHON_FILE = "python-file"
    JAR = "jar"
    JAR_CLASS = "jar-class"


class Backend(StrEnum):
    """Who looks after an accepted job."""

    LIBRA = "libra"
    SPARK_MASTER = "spark_master"


# The name of no session of Libra's: a statement that asks for it has a new one, until its end.
OWN_SESSION = "own"
_OF_THE_HOST = ("SPARK_LOCAL_IP", "SPARK_LOCAL_HOSTNAME")


def new_tag() -> str:
    """32 random hex digits: the identity of one submission, minted before it is sent."""
    return secrets.token_hex(16)


@dataclass(frozen=True, kw_only=True)
class SparkJob:
    """What to run, checked: an instance that exists can be sent.

    ``code`` is the text of a SQL statement or inline Python; ``application`` the path or URL of a
    Python file or JAR. ``conf`` holds Spark properties; its secrets never appear in ``repr``.
    ``mode`` and ``deploy_mode`` say where Libra runs it; not given, kind and properties decide.
    ``driver_timeout`` (seconds) ends the driver by itself, whoever still watches; ``timeout``
    (seconds from its start) likewise a statement. Rows go to ``result_path`` as Parquet, or come
    back, at most ``result_limit`` of them.
    """

    kind: Kind | str
    code: str | None = None
    application: str | None = None
    application_args: Sequence[str] = ()
    java_class: str | None = None
    parameters: Mapping[str, Any] | Sequence[Any] | None = None
    conf: Mapping[str, str] = field(default_factory=dict)
    py_files: Sequence[str] = ()
    jars: Sequence[str] = ()
    files: Sequence[str] = ()
    archives: Sequence[str] = ()
    packages: Sequence[str] = ()
    env_vars: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    mode: Mode | str | None = None
    deploy_mode: DeployMode | str | None = None
    supervise: bool = False
    driver_timeout: float | None = None
    pool_name: str | None = None
    session: str | None = None
    result_limit: int | None = None
    result_path: str | None = None
    timeout: float | None = None
    origin: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in list(Kind):
            raise BadInput("kind", self.kind, f"it must be one of {', '.join(Kind)}")
        object.__setattr__(self, "kind", Kind(self.kind))
        self._check_code()
        self._check_arguments()
        self._check_modes()
        for parameter in ("application_args", "py_files", "jars", "files", "archives", "packages"):
            object.__setattr__(self, parameter, _strings(parameter, getattr(self, parameter)))
        for parameter in ("conf", "env_vars", "origin"):
            object.__setattr__(self, parameter, MappingProxyType(dict(getattr(self, parameter))))
        if self.parameters is not None:
            object.__setattr__(self, "parameters", as_json(self.parameters))
        self._check_result()
        self._check_environment()
        self._check_driver()
        self._check_twice()

    def _check_code(self) -> None:
        if self.kind in (Kind.SQL, Kind.PYTHON):
            parameter = "sql" if self.kind is Kind.SQL else "python"
            if not isinstance(self.code, str) or not self.code.strip():
                raise BadInput(parameter, self.code, "it must be a text that is not empty")
            if self.application is not None:
                raise BadInput("application", self.application, f"{parameter} is given already")
        elif not self.application:
            raise BadInput("application", self.application, "it must name a Python file or a JAR")
        elif self.code is not None:
            raise BadInput("application", self.application, "what runs is a text already")

    def _check_arguments(self) -> None:
        is_jar = self.kind in (Kind.JAR, Kind.JAR_CLASS)
        if is_jar and not self.java_class:
            raise BadInput("java_class", self.java_class, "a JAR needs the name of its main class")
        if self.java_class and not is_jar:
            raise BadInput("java_class", self.java_class, "only a JAR has a main class")
        if self.application_args and self.kind is Kind.SQL:
            raise BadInput("application_args", MASK, "a SQL statement takes parameters")
        if self.parameters is not None and self.kind is not Kind.SQL:
            raise BadInput("parameters", MASK, "only SQL takes them; use application_args")

    def _check_modes(self) -> None:
        for parameter, words in (("mode", Mode), ("deploy_mode", DeployMode)):
            given = getattr(self, parameter)
            if given is not None and given not in list(words):
                raise BadInput(parameter, given, f"it is one of {', '.join(words)}")
            object.__setattr__(self, parameter, given and words(given))

    def _check_result(self) -> None:
        limit, path = self.result_limit, self.result_path
        if limit is not None and limit < 1:
            raise BadInput("result_limit", limit, "it must be at least 1")
        if path is not None and not path.strip():
            raise BadInput("result_path", path, "it must be the folder or URL to write to")
        if path is not None and not is_absolute(path):
            advice = "it must be a URL or an absolute path, such as s3a://bucket/folder"
            raise BadInput("result_path", path, advice)
        if path is not None and limit is not None:
            raise BadInput("result_limit", limit, "result_path is given too, and has no limit")
        if self.timeout is not None and not self.timeout > 0:
            raise BadInput("timeout", self.timeout, "it must be more than 0 seconds")

    def _check_environment(self) -> None:
        for name, value in self.env_vars.items():
            parameter = f"env_vars[{name!r}]"
            if not name or {"=", "\0"} & set(name):
                raise BadInput(parameter, MASK, "this cannot be a variable's name")
            if "\0" in str(value) or not isinstance(value, str):
                raise BadInput(parameter, MASK, "its value must be a text without NUL characters")
            if name in _OF_THE_HOST:
                raise BadInput(parameter, value, "the master drops it: each host has its own")

    def _check_driver(self) -> None:
        own = self.kind in (Kind.PYTHON_FILE, Kind.JAR) or self.mode is Mode.ISOLATED
        if self.supervise and not own:
            raise BadInput("supervise", True, "only a driver of its own can be started again")
        if self.driver_timeout is not None and not (own and self.driver_timeout > 0):
            expected = "it must be more than 0, for a driver of its own"
            raise BadInput("driver_timeout", self.driver_timeout, expected)
        if self.supervise and self.driver_timeout:
            raise BadInput("driver_timeout", self.driver_timeout, "supervise would start it again")
        if self.name is not None and not self.name.strip():
            raise BadInput("name", self.name, "it must not be empty")

    def _check_twice(self) -> None:
        """A parameter and a property that say the same could say different things."""
        for parameter, key in PROPERTY_OF.items():
            given = getattr(self, parameter)
            if given and key in self.conf and self.conf[key] != given:
                expected = f"{parameter} is given too; leave one of them out"
                raise BadInput(f"conf[{key!r}]", self.conf[key], expected)

    @classmethod
    def from_application(cls, application: str, **rest: Any) -> Self:
        """A job from a file; its ending says which kind it is: ``.py`` or ``.jar``.

        A class of a JAR that is to run on the shared driver is of a kind of its own.
        """
        jar = Kind.JAR_CLASS if rest.get("mode") == Mode.SHARED else Kind.JAR
        kinds = {".py": Kind.PYTHON_FILE, ".jar": jar}
        ending = application[application.rfind(".") :].lower() if application else ""
        if ending not in kinds:
            raise BadInput("application", application, "it must end in .py or .jar")
        return cls(kind=kinds[ending], application=application, **rest)

    def replace(self, **changes: Any) -> SparkJob:
        """A copy with *changes*, checked again."""
        return replace(self, **changes)

    def trusted(self, **changes: Any) -> SparkJob:
        """A copy with *changes* that are known to fit, such as a URL for a path; not checked."""
        made = copy(self)
        vars(made).update(changes)
        return made

    def __repr__(self) -> str:
        shown = {
            each.name: value
            for each in fields(self)
            if (value := getattr(self, each.name)) and each.name not in ("conf", "env_vars")
        }
        shown["conf"] = masked_conf(self.conf)
        shown["env_vars"] = sorted(self.env_vars)
        text = ", ".join(f"{name}={value!r}" for name, value in shown.items())
        return f"SparkJob({masked_text(text)})"


def _strings(parameter: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise BadInput(parameter, value, "it must be a list of strings")
    if wrong := [each for each in value if not isinstance(each, str)]:
        raise BadInput(parameter, wrong[0], "each of its items must be a string")
    if parameter in PROPERTY_OF and (wrong := [e for e in value if "," in e or not e.strip()]):
        raise BadInput(parameter, wrong[0], "an item is not empty, and Spark separates them by ','")
    return tuple(value)


@dataclass(frozen=True, slots=True)
class JobHandle:
    """Enough to find a job again from any process; small, and JSON."""

    backend: Backend
    connection_id: str
    job_id: str
    tag: str

    def to_json(self) -> dict[str, str]:
        """The handle as XCom, store and trigger carry it."""
        return {name: str(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, data: Mapping[str, str]) -> Self:
        """The inverse of :meth:`to_json`."""
        # A triggerer holds thousands of them, with the same few connections.
        connection_id = intern(str(data["connection_id"]))
        return cls(Backend(data["backend"]), connection_id, data["job_id"], data["tag"])
