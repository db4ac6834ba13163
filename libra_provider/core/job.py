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

from libra_provider.core import field_rules
from libra_provider.core.errors import BadInput
from libra_provider.core.field_rules import (
    LONGEST_TIMEOUT,
    MOST_ROWS,
    check_at_libra,
    check_fields,
    check_mode,
    check_required,
    check_reserved,
    check_result_path,
    check_word,
    names,
)
from libra_provider.core.kinds import DeployMode, Kind, Mode
from libra_provider.core.masking import MASK, masked_conf, masked_text
from libra_provider.core.parameters import as_json
from libra_provider.core.properties import PROPERTY_OF


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
    ``driver_timeout`` (seconds) ends the driver even if nothing polls it; ``timeout``
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
        check_word("kind", self.kind, Kind)
        kind = Kind(self.kind)
        object.__setattr__(self, "kind", kind)
        check_required(kind, self.given, names(kind))
        check_fields(kind, self.given, names(kind))
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

    def _check_modes(self) -> None:
        for parameter, words in (("mode", Mode), ("deploy_mode", DeployMode)):
            given = getattr(self, parameter)
            if given is not None:
                check_word(parameter, given, words)
            object.__setattr__(self, parameter, given and words(given))

    def _check_result(self) -> None:
        limit, path = self.result_limit, self.result_path
        if limit is not None and not 1 <= limit <= MOST_ROWS:
            raise BadInput("result_limit", limit, f"expected 1 to {MOST_ROWS} rows")
        check_result_path(path, names(Kind(self.kind)))
        if path is not None and limit is not None:
            raise BadInput("result_limit", limit, "it does not apply with result_path; omit it")
        if self.timeout is not None and not 0 < self.timeout <= LONGEST_TIMEOUT:
            expected = f"expected more than 0 and at most {LONGEST_TIMEOUT} seconds"
            raise BadInput("timeout", self.timeout, expected)

    def _check_environment(self) -> None:
        for name, value in self.env_vars.items():
            parameter = f"env_vars[{name!r}]"
            if not name or {"=", "\0"} & set(name):
                raise BadInput(
                    parameter, MASK, "expected a variable name without = and NUL characters"
                )
            if "\0" in str(value) or not isinstance(value, str):
                raise BadInput(parameter, MASK, "expected a string without NUL characters")
            if name in _OF_THE_HOST:
                raise BadInput(
                    parameter,
                    value,
                    "the master drops this variable, because each host sets its own",
                )

    def _check_driver(self) -> None:
        own = self.kind in (Kind.PYTHON_FILE, Kind.JAR) or self.mode is Mode.ISOLATED
        if self.supervise and not own:
            raise BadInput("supervise", True, "the master can restart only a dedicated driver")
        if self.driver_timeout is not None and not (own and self.driver_timeout > 0):
            expected = "expected more than 0 seconds, for a dedicated driver"
            raise BadInput("driver_timeout", self.driver_timeout, expected)
        if self.supervise and self.driver_timeout:
            raise BadInput(
                "driver_timeout", self.driver_timeout, "supervise would restart the driver"
            )
        if self.name is not None and not self.name.strip():
            raise BadInput("name", self.name, "expected a non-empty name")

    def _check_twice(self) -> None:
        """Reject a parameter and a property that set the same thing to different values."""
        for parameter, key in PROPERTY_OF.items():
            given = getattr(self, parameter)
            if given and key in self.conf and self.conf[key] != given:
                expected = f"{parameter} is set too; remove one of them"
                raise BadInput(f"conf[{key!r}]", self.conf[key], expected)

    @classmethod
    def from_work(
        cls, *, sql: str | None, python: str | None, application: str | None, **rest: Any
    ) -> Self:
        """The job that runs whichever of them is not None; raises BadInput."""
        if application is not None:
            return cls.from_application(application, **rest)
        if python is not None:
            return cls(kind=Kind.PYTHON, code=python, **rest)
        return cls(kind=Kind.SQL, code=sql, **rest)

    @classmethod
    def from_application(cls, application: str, **rest: Any) -> Self:
        """A job from a file; its ending says which kind it is: ``.py`` or ``.jar``.

        A class of a JAR that is to run on the shared driver is of a kind of its own.
        """
        jar = Kind.JAR_CLASS if rest.get("mode") == Mode.SHARED else Kind.JAR
        kinds = {".py": Kind.PYTHON_FILE, ".jar": jar}
        ending = application[application.rfind(".") :].lower() if application else ""
        if ending not in kinds:
            raise BadInput("application", application, "expected a file that ends in .py or .jar")
        return cls(kind=kinds[ending], application=application, **rest)

    @property
    def given(self) -> dict[str, object]:
        """Each field and its value, as field rules take them."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @property
    def why_isolated(self) -> str:
        """What needs a dedicated driver at Libra; empty if the shared one can run the job."""
        return field_rules.why_isolated(Kind(self.kind), self.mode, self.conf)

    def check_for_libra(self) -> None:
        """Raise BadInput for what any Libra would refuse or ignore."""
        kind = Kind(self.kind)
        check_mode(kind, self.mode, self.why_isolated, names(kind))
        check_reserved(self.conf, names(kind))
        check_at_libra(kind, self.given, self.why_isolated, names(kind))

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
        raise BadInput(parameter, value, "expected a list of strings")
    if wrong := [each for each in value if not isinstance(each, str)]:
        raise BadInput(parameter, wrong[0], "expected only strings in the list")
    if parameter in PROPERTY_OF and (wrong := [e for e in value if "," in e or not e.strip()]):
        raise BadInput(
            parameter,
            wrong[0],
            "expected a non-empty item without commas, because Spark separates items by commas",
        )
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
