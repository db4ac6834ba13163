"""What the two old endpoints refuse; how they run programs is tried in tests/spark."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.running import RunningLibra

JAR = {"jarPath": "http://h/a.jar", "mainClass": "Main"}


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        ("python", {}, "pass exactly one of filePath, pythonCode"),
        (
            "python",
            {"filePath": " ", "pythonCode": ""},
            "pass exactly one of filePath, pythonCode",
        ),
        (
            "python",
            {"filePath": "/a.py", "pythonCode": "1"},
            "pass exactly one of filePath, pythonCode",
        ),
        ("python", {"filePath": "/etc/passwd"}, "below Libra's file_roots"),
        ("python", {"filePath": 7}, "Invalid filePath"),
        ("jar", {"mainClass": "Main"}, "Missing jarPath: "),
        ("jar", JAR | {"jarPath": "/etc/a.jar"}, "Invalid jarPath='/etc/a.jar': files must"),
        ("jar", {"jarPath": "http://h/a.jar"}, "Missing mainClass: "),
        ("jar", JAR | {"executionMode": "LOCALLY"}, "Invalid executionMode"),
        ("jar", JAR | {"sparkConfig": {"spark.master": "local"}}, "Libra sets the master"),
        ("jar", JAR | {"sparkConfig": {"spark.my.secret": ["s3cret"]}}, "a string, a number"),
    ],
)
def test_a_body_that_cannot_work_is_400_in_the_old_form(
    api: RunningLibra, path: str, body: dict[str, Any], why: str
) -> None:
    reply = api.post(f"/api/v1/spark/jobs/submit/{path}", json=body)
    said = reply.json()

    assert (reply.status_code, reply.headers["Content-Type"]) == (400, "application/json")
    assert list(said) == ["status", "output", "errorMessage", "executionTimeMs"]
    assert said["status"] == "FAILED"
    assert why in said["errorMessage"]
    assert "s3cret" not in reply.text
