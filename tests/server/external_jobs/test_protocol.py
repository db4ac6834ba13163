"""Drivers of another version are rejected; their reports are not misread."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from libra_provider.clients.libra import shipment
from libra_provider.jobs import bootstrap
from libra_provider.server.external_jobs import protocol
from tests.server.announcing import AnnouncedJob
from tests.server.running import RunningLibra


@pytest.mark.parametrize("version", [None, 0, 2, "1", True])
def test_a_report_of_another_version_is_refused_with_both_versions_and_what_to_do(
    api: RunningLibra, version: object
) -> None:
    """Also where the rest of it cannot be read, as that of a newer version may not."""
    job = AnnouncedJob(api)
    job.started()
    refused = job.report(version=version, event="paused")
    after = job.status()

    assert refused.status_code == 400
    wrong = "Missing version" if version is None else f"Invalid version={version!r}"
    assert refused.json()["detail"].startswith(
        f"{wrong}: this Libra reads version 1 of the driver protocol; upgrade"
    )
    assert after["state"] == "RUNNING"


@pytest.mark.parametrize("query", ["", "?version=2"])
def test_an_upload_of_another_version_is_refused_before_it_is_read(
    api: RunningLibra, query: str
) -> None:
    job = AnnouncedJob(api)
    path = urlsplit(job.given["resultUrl"]).path + query
    refused = api.request("PUT", path, data=b"{", headers={"Content-Type": "application/json"})
    job.json({"value": 1})
    job.ended()

    assert refused.status_code == 400
    assert "this Libra reads version 1 of the driver protocol" in refused.json()["detail"]
    assert job.result().json()["value"] == 1


def test_submitter_driver_and_libra_have_one_protocol() -> None:
    assert bootstrap.VERSION == shipment.VERSION
    assert bootstrap.VERSION in protocol.READABLE
