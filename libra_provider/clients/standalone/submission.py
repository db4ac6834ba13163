"""Submits a driver once, and kills it: the steps as requests to the master."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libra_provider.clients.http.dialogue import Ask, Dialogue
from libra_provider.clients.standalone import rest
from libra_provider.clients.standalone.create_request import TAG, create_request
from libra_provider.clients.standalone.find_by_tag import TagQuery, carriers
from libra_provider.clients.steps import Find, Forget, Kill, Status, Step, Submit
from libra_provider.clients.submit_once import SubmitOnce, SubmitTiming
from libra_provider.core.job import SparkJob
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverSubmission:
    """A driver for *job* with *tag*, submitted after *since* to the masters of *master*.

    *ui_urls* are their web pages, which are searched for the tag.
    """

    job: SparkJob
    tag: str
    since: datetime
    master: str
    ui_urls: Sequence[str]

    def once(self, name: str, timing: SubmitTiming, **more: Any) -> SubmitOnce:
        """Return the procedure that submits it; *more* are further fields of SubmitOnce."""
        lookup_advice = f"look for {TAG}={self.tag} at the head of the drivers' stderr"
        return SubmitOnce(
            name=name, tag=self.tag, lookup_advice=lookup_advice, timing=timing, **more
        )

    def answer(self, step: Step) -> Dialogue[Any]:
        """Run *step*; a Forget sends no request."""
        match step:
            case Submit():
                driver_id = yield Ask(rest.submit(self.job, self.tag, master=self.master))
                return JobStatus(job_id=driver_id, state=JobState.WAITING)
            case Find():
                return (yield from carriers(self._sought(), self.ui_urls))
            case Forget():
                return None
            case _:
                return (yield from killing(step))

    def _sought(self) -> TagQuery:
        request = create_request(self.job, self.tag, master=self.master)
        return TagQuery(tag=self.tag, since=self.since, main_class=request["mainClass"])


def killing(step: Step) -> Dialogue[Any]:
    """Run *step*, a Kill or a Status, on the master."""
    match step:
        case Kill(driver_id):
            return (yield Ask(rest.kill(driver_id)))
        case Status(driver_id):
            return (yield Ask(rest.status(driver_id)))
        case _:
            raise TypeError(f"{step!r} is no step of a kill")
