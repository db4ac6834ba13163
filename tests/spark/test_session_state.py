"""What a session of the real driver holds, as Libra keeps it in case the driver dies."""

from __future__ import annotations

import json
import secrets
import sqlite3

import pytest

from libra_provider.cluster.libra import LocalLibra
from tests.spark.statements import WAIT, Client

VARIABLES = "Python variables"


def held(libra: LocalLibra, session: str) -> list[str]:
    """As it is committed when the statement's end is known."""
    ledger = sqlite3.connect(f"file:{libra.data_dir}/ledger.db?mode=ro", uri=True)
    try:
        query = "SELECT what FROM holdings WHERE session = ?"
        found = ledger.execute(query, [session]).fetchone()
    finally:
        ledger.close()
    return list(json.loads(found[0])) if found else []


@pytest.mark.parametrize(
    ("kind", "codes", "what"),
    [
        ("sql", ["SELECT 1"], []),
        ("sql", ["CREATE OR REPLACE TEMP VIEW v AS SELECT 1 AS x"], ["temp views"]),
        ("sql", ["CREATE TEMP VIEW v AS SELECT 1 AS x", "DROP VIEW v"], []),
        ("sql", ["CREATE TEMPORARY FUNCTION f() RETURN 1"], ["temp functions"]),
        ("sql", ["set spark.sql.ansi.enabled=false"], ["SQL settings"]),
        ("sql", ["SET a.b=1", "RESET a.b"], []),
        ("sql", ["DECLARE VARIABLE x INT"], ["SQL variables"]),
        ("sql", ["CREATE DATABASE IF NOT EXISTS held", "USE held"], ["another current database"]),
        ("sql", ["USE nowhere_at_all"], []),
        ("sql", ["CREATE TABLE IF NOT EXISTS held_t AS SELECT 1 AS x", "DROP TABLE held_t"], []),
        ("sql", ["EXECUTE IMMEDIATE 'SET a.b=1'"], ["SQL settings"]),
        ("python", ["1 + 1"], [VARIABLES]),
        ("python", ["1 / 0"], [VARIABLES]),
        (
            "python",
            ["spark.conf.set('a.b', '1'); spark.range(1).createTempView('v')"],
            ["temp views", "SQL settings", VARIABLES],
        ),
    ],
)
def test_what_a_session_holds_is_known_when_its_statement_ends(
    api: Client, libra: LocalLibra, kind: str, codes: list[str], what: list[str]
) -> None:
    session = secrets.token_hex(4)
    for code in codes:
        api.submit(code, WAIT, session=session, kind=kind)
    found = held(libra, session)
    api.close_session(session)

    assert found == what
