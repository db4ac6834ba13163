"""Which fields go with which kind of job on whose driver: one table for every edge.

Rules name the fields as SparkJob does. An edge that names them otherwise (``resultLimit`` in
Libra's API) passes its *spelling*: SparkJob's name → its own. Errors then use the edge's names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from libra_provider.core.errors import BadInput, one_of
from libra_provider.core.kinds import JARS, TEXTS, Kind, Mode
from libra_provider.core.masking import MASK
from libra_provider.core.parameters import as_variable
from libra_provider.core.paths import is_absolute, scheme
from libra_provider.core.properties import PROPERTY_OF, RESOURCES
from libra_provider.core.units import KIB, readable_size

Spelling = Mapping[str, str]
Given = Mapping[str, object]
"""SparkJob's name of a field → its value; empty values count as not given."""
MOST_ROWS = 2**31 - 1
"""The largest ``result_limit``: what Spark can count."""
LONGEST_TIMEOUT = 365 * 24 * 3600
"""The largest ``timeout`` in seconds: what timers can take."""
# A dedicated driver gets them in its job spec, an environment variable that also holds its SQL and
# the URLs of its files (clients/libra/shipment.py). The shared driver gets them in a message: there
# the limit is that of Libra's requests.
_MOST_PARAMETERS = 48 * KIB
_FETCHED_BY_SPARK = ("s3a", "hdfs")
# A user name alone is none: abfss://container@account.dfs.core.windows.net is how Azure names one.
_PASSWORD_IN_URL = re.compile(r"\w+://[^/@]*:[^/]*@")
# Values that may hold secrets. Of properties, the keys are shown.
_MASKED = ("code", "application_args", "parameters", "env_vars")
_SHOWN = 60  # characters of a string

_EVERY = frozenset(Kind)
_SQL = frozenset({Kind.SQL})
_PYTHON = frozenset({Kind.PYTHON})


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Jobs of *kinds* have no *field*; ``advice`` says what to do, with fields in braces."""

    field: str
    advice: str
    kinds: frozenset[Kind] = _EVERY


ANYWHERE = (
    FieldRule("application", "this kind runs the text in {code}; omit it", TEXTS),
    FieldRule("code", "this kind runs the file in {application}; omit it", _EVERY - TEXTS),
    FieldRule("java_class", "only a JAR has a main class; omit it", _EVERY - JARS),
    FieldRule("application_args", "SQL takes {parameters} instead", _SQL),
    FieldRule("parameters", "only SQL takes them; use {application_args}", _EVERY - _SQL),
)
_NO_ROWS = "a main class returns no rows; have it print or write them"
_IS_CONFIGURED = "the shared driver is configured already; "
_OF_THE_SHARED = "belong to the shared driver, and this job needs a dedicated one"
AT_LIBRA = (
    FieldRule("result_limit", _NO_ROWS, JARS),
    FieldRule("result_path", _NO_ROWS, JARS),
    *(
        FieldRule(each, f"at Libra, use {{conf}}[{PROPERTY_OF[each]!r}]")
        for each in ("py_files", "jars", "files", "archives", "packages")
    ),
    FieldRule("env_vars", "Libra passes on no environment; use {conf} or {application_args}"),
    FieldRule("supervise", "Libra does not restart drivers; retry the task instead"),
    FieldRule("driver_timeout", "at Libra, use {timeout}"),
)
_ON_DRIVER: Mapping[Mode, tuple[FieldRule, ...]] = {
    Mode.SHARED: (
        FieldRule("conf", f"{_IS_CONFIGURED}use SET, or {{mode}}='isolated'", _SQL),
        FieldRule("conf", f"{_IS_CONFIGURED}use spark.conf.set, or {{mode}}='isolated'", _PYTHON),
        FieldRule("conf", f"{_IS_CONFIGURED}use {{mode}}='isolated'", JARS),
        FieldRule(
            "deploy_mode", "only a dedicated driver has one; add {mode}='isolated' or omit it"
        ),
    ),
    Mode.ISOLATED: (
        FieldRule("session", f"sessions {_OF_THE_SHARED}"),
        FieldRule("pool_name", f"pools {_OF_THE_SHARED}"),
    ),
}
_RESERVED = {
    "spark.master": "Libra sets the master; omit it",
    "spark.submit.deployMode": "use {deploy_mode} instead",
    "spark.driver.supervise": "Libra does not restart drivers; omit it",
    "spark.libra.tag": "it is reserved for Libra; omit it",
}


def names(kind: Kind) -> Spelling:
    """The fields of a job of *kind* as Python's parameters: ``sql`` or ``python`` has its text."""
    return {"code": "sql" if kind is Kind.SQL else "python"}


def why_isolated(kind: Kind, mode: str | None, conf: Iterable[str]) -> str:
    """What in a job needs a dedicated driver; empty where Libra's shared one can run it."""
    if mode == Mode.ISOLATED:
        return "mode isolated"
    if kind in (Kind.PYTHON_FILE, Kind.JAR):
        return f"kind {kind}"
    if kind is Kind.SQL:
        return ""
    return next((key for key in RESOURCES if key in conf), "")


def check_mode(kind: Kind, mode: str | None, isolated: str, spelling: Spelling) -> None:
    """Raise BadInput for a job on the shared driver that needs a dedicated one: *isolated*."""
    if mode != Mode.SHARED or not isolated:
        return
    advice = f"{isolated} needs a dedicated driver; use {{mode}}='isolated'"
    if kind is Kind.PYTHON_FILE:
        advice += ", or pass the file as {code}"
    raise BadInput(_spelt("mode", spelling), str(mode), _worded(advice, spelling))


def check_work(given: Given) -> None:
    """Raise BadInput unless exactly one of *given*, by the edge's names, is not None."""
    set_ones = [name for name, value in given.items() if value is not None]
    expected = f"pass exactly one of {', '.join(given)}"
    if not set_ones:
        raise BadInput(next(iter(given)), None, expected)
    if len(set_ones) > 1:
        first, second, *_ = set_ones
        raise BadInput(second, str(given[second])[:_SHOWN], f"{expected}; {first} is set too")


def check_required(kind: Kind, given: Given, spelling: Spelling) -> None:
    """Raise BadInput where a job of *kind* lacks what it runs."""
    needed = {"code": "expected non-empty text"}
    if kind not in TEXTS:
        needed = {"application": "expected the path or URL of a Python file or a JAR"}
    if kind in JARS:
        needed["java_class"] = "a JAR needs the name of its main class"
    for field, expected in needed.items():
        value = given.get(field)
        if not isinstance(value, str) or not value.strip():
            raise BadInput(_spelt(field, spelling), value, expected)


def check_fields(
    kind: Kind, given: Given, spelling: Spelling, rules: Iterable[FieldRule] = ANYWHERE
) -> None:
    """Raise BadInput for what is *given* although a job of *kind* has no such field."""
    for rule in rules:
        if kind in rule.kinds and (value := given.get(rule.field)):
            parameter = _spelt(rule.field, spelling)
            raise BadInput(parameter, _shown(rule.field, value), _worded(rule.advice, spelling))


def check_at_libra(kind: Kind, given: Given, isolated: str, spelling: Spelling) -> None:
    """Raise BadInput for what Libra cannot do for a job of *kind* (*isolated*: why it is)."""
    check_fields(kind, given, spelling, AT_LIBRA)
    check_fields(kind, given, spelling, _ON_DRIVER[Mode.ISOLATED if isolated else Mode.SHARED])
    if isolated:
        check_dedicated(given, spelling)


def why_shared(given: Given) -> str:
    """Why only the shared driver can run a job; empty if a dedicated one can run it, too."""
    size = len(as_variable(given.get("parameters")))
    if size <= _MOST_PARAMETERS:
        return ""
    most = readable_size(_MOST_PARAMETERS)
    return (
        f"a dedicated driver takes up to {most} of parameters, and these are {readable_size(size)}"
    )


def check_parameters(given: Given, spelling: Spelling) -> None:
    """Raise BadInput for parameters that are too large for a dedicated driver."""
    if why := why_shared(given):
        expected = f"{why}; put the values into a table"
        raise BadInput(_spelt("parameters", spelling), MASK, expected)


def check_dedicated(given: Given, spelling: Spelling) -> None:
    """Raise BadInput for what Libra cannot pass to a dedicated driver, or get from it."""
    check_parameters(given, spelling)
    found = scheme(str(given.get("application") or ""))
    for field in ("result_limit", "result_path"):
        if found in _FETCHED_BY_SPARK and (value := given.get(field)):
            expected = f"an application at {found}: returns nothing; have it write its rows"
            raise BadInput(_spelt(field, spelling), value, expected)


def check_result_path(path: object, spelling: Spelling) -> None:
    """Raise BadInput for a path to which no rows can be written, or that holds a password."""
    parameter = _spelt("result_path", spelling)
    if _PASSWORD_IN_URL.match(str(path or "")):
        expected = "paths are stored, and this one holds credentials; set them as Spark properties"
        raise BadInput(parameter, MASK, expected)
    if path is not None and not (isinstance(path, str) and is_absolute(path)):
        expected = "expected a URL or an absolute path, such as s3a://bucket/folder"
        raise BadInput(parameter, path, expected)


def check_reserved(conf: Mapping[str, object], spelling: Spelling) -> None:
    """Raise BadInput for a property that Libra sets itself."""
    for key, advice in _RESERVED.items():
        if key in conf:
            parameter = f"{_spelt('conf', spelling)}[{key!r}]"
            raise BadInput(parameter, conf[key], _worded(advice, spelling))


def check_word(field: str, value: object, words: Iterable[str]) -> None:
    """Raise BadInput unless *value* of *field* is one of *words*."""
    if value not in (known := list(words)):
        raise BadInput(field, value, one_of(known))


def _spelt(field: str, spelling: Spelling) -> str:
    return spelling.get(field, field)


def _worded(advice: str, spelling: Spelling) -> str:
    return re.sub(r"\{(\w+)\}", lambda field: _spelt(field[1], spelling), advice)


def _shown(field: str, value: object) -> object:
    if field in _MASKED:
        return MASK
    if isinstance(value, Mapping):
        return sorted(value)
    return str(value) if isinstance(value, str) else value  # a Mode is shown as its word
