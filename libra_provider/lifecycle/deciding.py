"""Decide where a task's job runs, tell why, and keep it for the rest of the task's life."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self, TypeVar

from airflow.sdk import Context
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowNotFoundException

from libra_provider.core.decision import Decision, Facts, Place
from libra_provider.core.errors import BadInput, LibraError
from libra_provider.core.job import Backend, SparkJob
from libra_provider.core.states import JobState
from libra_provider.core.workload import Workload
from libra_provider.deploy_mode.decide import decide
from libra_provider.deploy_mode.policy import THRESHOLDS, Policy
from libra_provider.deploy_mode.presets import defaults_of, sized
from libra_provider.deploy_mode.story import told
from libra_provider.hooks.base import ServerHook
from libra_provider.hooks.libra import LibraHook
from libra_provider.hooks.servers import server_of
from libra_provider.hooks.spark_master import SparkMasterHook
from libra_provider.lifecycle.gather import Gathering, declared
from libra_provider.lifecycle.record import Generation, Record, Records, Store

log = logging.getLogger(__name__)
XCOM = "deploy_mode_decision"
_KEY = "libra_place"
_SECTION = "libra"
H = TypeVar("H", bound=ServerHook)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Where a task's job runs, with which ``conf`` unless its author said otherwise, and why."""

    place: Place
    conf: Mapping[str, str] = field(default_factory=dict)
    decision: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, decision: Decision, preset: str | None) -> Self:
        """What *decision* means for the job."""
        conf = defaults_of(decision, preset)
        return cls(place=decision.place, conf=conf, decision=decision.to_json())

    @classmethod
    def kept(cls, store: Store) -> Self | None:
        """What an earlier try, or this one before its deferral, has chosen."""
        found = store.get(_KEY)
        return cls(**{**found, "place": Place[found["place"]]}) if found else None

    def keep(self, store: Store) -> None:
        """Write it down; it is on disk when this returns."""
        found = {"place": self.place.name, "conf": dict(self.conf), "decision": dict(self.decision)}
        store.set(_KEY, found)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Decides for one try of a task; ``policy`` are the thresholds that the task itself sets."""

    job: SparkJob
    workload: Workload
    preset: str | None
    policy: Mapping[str, Any]
    libra_conn_id: str
    spark_master_conn_id: str

    def choice(self, context: Context) -> Choice:
        """That of an earlier try whose job goes on, or a new one; raises BadInput."""
        store = context["task_state_store"]
        found = Choice.kept(store)
        if found and _goes_on(Records(store).load(), Generation.of(context)):
            log.info("The job of an earlier try may go on: %s", found.place)
        else:
            found = Choice.of(self._decided(context), self.preset)
            found.keep(store)
        context["ti"].xcom_push(key=XCOM, value=dict(found.decision))
        return found

    def _decided(self, context: Context) -> Decision:
        known = Facts.told_by(self.workload)
        if self._libra:
            known = known.or_else(declared(self._libra, self._extra))
        gathering = Gathering(
            job=sized(self.job, self.preset),
            dag_id=context["ti"].dag_id,
            task_id=context["ti"].task_id,
            libra=self._libra,
            master=_ready(SparkMasterHook(self.spark_master_conn_id)),
        )
        facts = gathering.facts(known)
        decision = decide(self.job, facts, self._policy, preset=self.preset)
        log.info("%s", "\n".join(told(decision)))
        return decision

    @property
    def _policy(self) -> Policy:
        """Airflow's section [libra], then the connection, then the task: the last word counts."""
        configured = {name: conf.get(_SECTION, name, fallback=None) for name in THRESHOLDS}
        given = self._extra.get("policy") or {}
        if not isinstance(given, Mapping):
            raise BadInput("policy", given, f"in connection {self.libra_conn_id}, it is an object")
        set_there = {name: text for name, text in configured.items() if text}
        return Policy.of(set_there, given, self.policy)

    @cached_property
    def _libra(self) -> LibraHook | None:
        return _ready(LibraHook(self.libra_conn_id))

    @cached_property
    def _extra(self) -> Mapping[str, Any]:
        if self._libra is None:
            return {}
        found: dict[str, Any] = self._libra.get_connection(self.libra_conn_id).extra_dejson
        return found


def _ready(hook: H) -> H | None:
    """*hook*, which has read its connection; None where that is not there, or cannot work.

    Only where the job shall run by it is that an error, and then it is found in time.
    """
    try:
        hook.client()
    except (AirflowNotFoundException, LibraError) as error:
        log.info("%s; what its server would have said is unknown", error)
        return None
    return hook


def _goes_on(record: Record | None, generation: Generation) -> bool:
    """Whether the job of *record* may be rejoined: what runs is not decided about again."""
    if record is None or generation.is_cleared(record) or record.condemned:
        return False
    if record.job_id is None:
        return True
    try:
        state = server_of(record.backend, record.connection_id).status(record.job_id).state
    except LibraError as error:
        log.info("%s; %s may go on", error, record.job_id)
        return True
    is_gone = state is JobState.LOST and record.backend is Backend.LIBRA
    return not (is_gone or state in (JobState.FAILED, JobState.KILLED))
