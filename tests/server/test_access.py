from __future__ import annotations

import pytest

from tests.server.conftest import MakeLibra


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic right"}]
)
def test_every_api_route_wants_the_token(make_libra: MakeLibra, header: dict[str, str]) -> None:
    with make_libra(token="right") as api:
        reply = api.get("/api/v1/health", headers=header)

        assert reply.status_code == 401
        assert reply.headers["WWW-Authenticate"] == "Bearer"
        assert "token" in reply.json()["detail"]


def test_probes_need_no_token(make_libra: MakeLibra) -> None:
    with make_libra(token="right") as api:
        api.post(
            "/api/v1/sessions/default/statements",
            json={"code": "rows 1"},
            headers={"Authorization": "Bearer right"},
        )

        assert api.get("/livez").status_code == 200
        assert api.get("/readyz").json() == {"status": "ready", "epoch": 1}
