"""What asks Airflow over its REST API, where Airflow itself stumbles."""

from __future__ import annotations

import pytest

from libra_provider.cluster.airflow_api import AirflowApi
from libra_provider.core.errors import Rejected, ServerBusy
from tests.fakes.server import Answer, FakeServer, Request

LOCKED = Answer(500, {"detail": {"reason": "Database error", "statement": "hidden"}})


class Stumbling(FakeServer):
    """An Airflow that gives these answers, one after the other, and the last one from then on."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__()
        self.answers = list(answers)

    def answer(self, request: Request) -> Answer:
        if request.path == "/auth/token":
            return Answer(201, {"access_token": "t"})
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def api(airflow: Stumbling) -> AirflowApi:
    return AirflowApi(airflow.url, user="admin", password="x", pause=0)


def test_a_database_that_was_locked_is_asked_again() -> None:
    """SQLite's lock: Airflow blocks itself now and then, and has done nothing by then."""
    with Stumbling(LOCKED, LOCKED, Answer(200, {"dag_run_id": "r"})) as airflow:
        run_id = api(airflow).trigger("etl")

    assert run_id == "r"


def test_one_that_stays_locked_is_told() -> None:
    with Stumbling(LOCKED) as airflow, pytest.raises(ServerBusy, match="Database error"):
        api(airflow).trigger("etl")


def test_what_airflow_refuses_is_not_asked_again() -> None:
    with Stumbling(Answer(409, {"detail": "it is there already"})) as airflow:
        with pytest.raises(Rejected, match="it is there already"):
            api(airflow).trigger("etl")

        assert len(airflow.requests) == 2
