from __future__ import annotations

import pytest

from tests.server.api.test_statements import AT_ONCE, WAIT, status, submit
from tests.server.conftest import MakeLibra


@pytest.mark.parametrize(
    ("code", "reason"), [("die", "exit code 9"), ("break", "its JVM ended with exit code -9")]
)
def test_a_dying_driver_loses_what_ran_and_runs_what_waited(
    make_libra: MakeLibra, code: str, reason: str
) -> None:
    with make_libra(max_running=1) as api:
        fatal = submit(api, code, WAIT)
        waited = submit(api, "rows 1", WAIT)

        assert fatal["state"] == "LOST"
        assert "Driver epoch 1 is over" in fatal["error"]
        assert reason in fatal["error"]
        assert (waited["state"], waited["driver"]["epoch"]) == ("SUCCESS", 2)


def test_a_stopped_libra_loses_what_ran_and_later_runs_what_waited(
    make_libra: MakeLibra,
) -> None:
    with make_libra(max_running=1) as api:
        api.ready()
        running = submit(api, "hang", AT_ONCE)["jobId"]
        waiting = submit(api, "rows 4", AT_ONCE)["jobId"]
        ended = submit(api, "hang", AT_ONCE)["jobId"]
        api.delete(f"/api/v1/statements/{ended}")

    with make_libra(max_running=1) as api:
        assert status(api, running)["state"] == "LOST"
        assert "Libra was stopped" in status(api, running)["error"]
        assert status(api, waiting)["rowCount"] == 4
        assert status(api, ended)["state"] == "CANCELLED"
