"""Decides where a task's job runs, logs why, and stores it for later tries."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self, TypeVar

from airflow.sdk import BaseHook, Connection, Context
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowNotFoundException

from libra_provider.core.decision import Decision, Fact, Facts, Place
from libra_provider.core.errors import BadInput, LibraError
from libra_provider.core.job import Backend, SparkJob
from libra_provider.core.masking import MASK
from libra_provider.core.states import JobState
from libra_provider.core.workload import Workload
from libra_provider.deploy_mode.decide import decide
from libra_provider.deploy_mode.explanation import log_block
from libra_provider.deploy_mode.policy import THRESHOLDS, Policy
from libra_provider.deploy_mode.presets import defaults_of, sized
from libra_provider.hooks.base import ServerHook
from libra_provider.hooks.libra import LibraHook
from libra_provider.hooks.servers import server_of
from libra_provider.hooks.spark_master import SparkMasterHook
from libra_provider.lifecycle.facts import FactsCollector, declared
from libra_provider.lifecycle.task_record import Generation, TaskRecord, TaskRecords, TaskStateStore

log = logging.getLogger(__name__)
XCOM = "deploy_mode_decision"
_KEY = "libra_place"
_SECTION = "libra"
H = TypeVar("H", bound=ServerHook)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a task's job runs, and why.

    ``backend`` is the server to which it is submitted, ``conf`` are default properties.
    """

    place: Place
    backend: Backend
    conf: Mapping[str, str] = field(default_factory=dict)
    decision: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def kept(cls, store: TaskStateStore) -> Self | None:
        """The placement stored by an earlier try, or by this one before its deferral, or None."""
        found = store.get(_KEY)
        if not found:
            return None
        place, backend = Place[found["place"]], Backend(found["backend"])
        return cls(**{**found, "place": place, "backend": backend})

    def keep(self, store: TaskStateStore) -> None:
        """Store it in *store*; it is on disk when this returns."""
        found = {"place": self.place.name, "backend": str(self.backend)}
        store.set(_KEY, found | {"conf": dict(self.conf), "decision": dict(self.decision)})


@dataclass(frozen=True, kw_only=True)
class PlacementDecider:
    """Decides for one try of a task. ``policy`` are the thresholds that the task itself sets."""

    job: SparkJob
    workload: Workload
    preset: str | None
    policy: Mapping[str, Any]
    libra_conn_id: str
    spark_master_conn_id: str

    def choice(self, context: Context) -> Placement:
        """The placement of an earlier try whose job may continue, or a new one; raises BadInput."""
        store = context["task_state_store"]
        found = Placement.kept(store)
        if found and _goes_on(TaskRecords(store).load(), Generation.of(context)):
            log.info(
                "Kept the placement of an earlier try, whose job may continue: %s", found.place
            )
        else:
            found = self._new(context)
            found.keep(store)
        context["ti"].xcom_push(key=XCOM, value=dict(found.decision))
        return found

    def _new(self, context: Context) -> Placement:
        self._check_connections()
        decision = self._decided(context)
        block, backend = log_block(decision), Backend.LIBRA
        if decision.place is Place.ISOLATED_CLUSTER and self._no_master:
            block.append(f"  Libra submits it to its own master, since {self._no_master}.")
        elif decision.place is Place.ISOLATED_CLUSTER:
            backend = Backend.SPARK_MASTER
        log.info("%s", "\n".join(block))
        return Placement(
            place=decision.place,
            backend=backend,
            conf=defaults_of(decision, self.preset),
            decision=decision.to_json(),
        )

    def _check_connections(self) -> None:
        """Raise BadInput if no defined connection can run this job."""
        if self._no_libra and self._no_master:
            expected = f"this connection is not defined, and {self._no_master}; define one of them"
            raise BadInput("libra_conn_id", self.libra_conn_id, expected)
        if self.job.env_vars and self._no_master:
            expected = f"Libra does not set environment variables, and {self._no_master}"
            raise BadInput("env_vars", MASK, expected)

    def _decided(self, context: Context) -> Decision:
        known = Facts.of(self.workload)
        if self._no_libra:
            known = replace(known, has_libra=Fact(False, self._no_libra))
        if self._libra:
            known = known.or_else(declared(self._libra, self._extra))
        gathering = FactsCollector(
            job=sized(self.job, self.preset),
            dag_id=context["ti"].dag_id,
            task_id=context["ti"].task_id,
            libra=self._libra,
            master=_ready(SparkMasterHook(self.spark_master_conn_id), self._to_master),
            only_by_libra=self._no_master,
        )
        facts = gathering.facts(known)
        return decide(self.job, facts, self._policy, preset=self.preset)

    @property
    def _policy(self) -> Policy:
        """Thresholds of Airflow's section [libra], the connection and the task; later ones win."""
        configured = {name: conf.get(_SECTION, name, fallback=None) for name in THRESHOLDS}
        given = self._extra.get("policy") or {}
        if not isinstance(given, Mapping):
            raise BadInput(
                "policy", given, f"expected an object in connection {self.libra_conn_id}"
            )
        set_there = {name: text for name, text in configured.items() if text}
        return Policy.of(set_there, given, self.policy)

    @cached_property
    def _to_libra(self) -> Connection | None:
        return _connection(self.libra_conn_id)

    @cached_property
    def _to_master(self) -> Connection | None:
        return _connection(self.spark_master_conn_id)

    @property
    def _no_libra(self) -> str:
        """Why Libra cannot be used, or empty if its connection is defined."""
        return "" if self._to_libra else _missing(self.libra_conn_id)

    @property
    def _no_master(self) -> str:
        """Why the master cannot be used directly, or empty if its connection is defined."""
        return "" if self._to_master else _missing(self.spark_master_conn_id)

    @cached_property
    def _libra(self) -> LibraHook | None:
        return _ready(LibraHook(self.libra_conn_id), self._to_libra)

    @property
    def _extra(self) -> Mapping[str, Any]:
        """The extra of Libra's connection, or empty if that is not usable."""
        found: dict[str, Any] = {}
        if self._libra and self._to_libra:
            found = self._to_libra.extra_dejson
        return found


def _connection(connection_id: str) -> Connection | None:
    try:
        return BaseHook.get_connection(connection_id)
    except AirflowNotFoundException:
        return None


def _missing(connection_id: str) -> str:
    return f"connection {connection_id} is not defined"


def _ready(hook: H, connection: Connection | None) -> H | None:
    """*hook*, set up with *connection*, or None if that is missing or invalid.

    An invalid connection is an error only if the job is going to use it, and is raised then.
    """
    if connection is None:
        return None
    try:
        return hook.use(connection)
    except LibraError as error:
        log.info("Ignored connection %s: %s", hook.connection_id, error)
        return None


def _goes_on(record: TaskRecord | None, generation: Generation) -> bool:
    """Whether the job of *record* may be rejoined, so that its placement must not change."""
    if record is None or generation.is_cleared(record) or record.condemned:
        return False
    if record.job_id is None:
        return True
    try:
        state = server_of(record.backend, record.connection_id).status(record.job_id).state
    except LibraError as error:
        log.info("Assuming that %s continues: %s", record.job_id, error)
        return True
    is_gone = state is JobState.LOST and record.backend is Backend.LIBRA
    return not (is_gone or state in (JobState.FAILED, JobState.KILLED))
