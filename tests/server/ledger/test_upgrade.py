"""``old_ledger.*`` was written by commit 5a8a13a, and read back by it into ``old_ledger.json``."""

from __future__ import annotations

import json
import logging
import pickle
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool, create_engine, inspect

from libra_provider import __version__
from libra_provider.server.errors import LedgerInUse, LedgerTooNew
from libra_provider.server.ledger.ledger import Ledger
from libra_provider.server.ledger.schema import VERSION
from libra_provider.server.ledger.tables import METADATA
from libra_provider.server.model.statement import State

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
OLD = json.loads((HERE / "old_ledger.json").read_text())
OLD_TABLES = ["epochs", "holdings", "receipts", "statements", "tags"]
ETL = {"dag": "flights_etl", "note": "Füße 😀"}


@pytest.fixture
def old_url(ledger_url: str) -> str:
    """A ledger as commit 5a8a13a left it."""
    if ledger_url.startswith("sqlite"):
        with closing(sqlite3.connect(ledger_url.removeprefix("sqlite:///"))) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript((HERE / "old_ledger.sqlite.sql").read_text())
    else:
        with engine(ledger_url) as connection:
            connection.exec_driver_sql((HERE / "old_ledger.postgresql.sql").read_text())
    return ledger_url


@contextmanager
def engine(url: str) -> Iterator[Any]:
    with create_engine(url, poolclass=NullPool).begin() as connection:
        yield connection


def contents(ledger: Ledger) -> Any:
    statements = list(ledger.find_page(offset=0, limit=1000))[::-1]
    receipts = [ledger.receipts.get(each.job_id) for each in statements]
    epoch = ledger.get_last_epoch()
    found = {
        "statements": [asdict(each) for each in statements],
        "receipts": [asdict(each) for each in receipts if each],
        "holdings": ledger.get_holdings(),
        "last_epoch": epoch and asdict(epoch),
    }
    return bare(found)


def bare(value: Any) -> Any:
    """*value* as in the JSON file, which leaves out what is not set."""
    if isinstance(value, Mapping):
        return {name: bare(each) for name, each in value.items() if not is_unset(each)}
    if isinstance(value, list | tuple):
        return [bare(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value


def is_unset(value: Any) -> bool:
    return value is None or value is False or value in ({}, (), [])


def schema(url: str) -> dict[str, Any]:
    """All of a database's tables that Libra has made; columns may be in any order."""
    found = inspect(create_engine(url, poolclass=NullPool))
    return {
        table: {
            "columns": {each["name"]: repr(each) for each in found.get_columns(table)},
            "primary key": found.get_pk_constraint(table)["constrained_columns"],
            "unique": sorted(each["column_names"] for each in found.get_unique_constraints(table)),
            "indexes": sorted(map(repr, found.get_indexes(table))),
        }
        for table in found.get_table_names()
        if table in METADATA.tables
    }


def upgrades(url: str) -> list[tuple[str, str]]:
    with engine(url) as connection:
        rows = connection.exec_driver_sql("SELECT schema_version, libra_version FROM upgrades")
        return [tuple(row) for row in rows]


def test_an_old_ledger_loses_nothing(old_url: str) -> None:
    with closing(Ledger(old_url)) as ledger:
        found = contents(ledger)

    assert found == OLD
    assert upgrades(old_url) == [(VERSION, __version__)]


def test_an_old_ledger_is_written_as_before(old_url: str) -> None:
    with closing(Ledger(old_url)) as ledger:
        success = ledger.find_page(key="run-1", offset=0, limit=9)[0]
        waiting = ledger.find_page(key="waits", offset=0, limit=9)[0]
        repeated = ledger.accept(success.spec, "run-1")
        new = ledger.accept(success.spec, "new")[0]
        moved = ledger.move(waiting, State.RUNNING)
        tagged = ledger.find_page(tags=ETL, offset=0, limit=9)

        assert repeated == (success, False)
        assert ledger.get(waiting.job_id) == moved
        assert [each.job_id for each in tagged][::3] == [new.job_id, success.job_id]
        assert ledger.open_epoch().number == 3


@pytest.mark.parametrize("before", ["ledger_url", "old_url"])
def test_the_migrations_result_in_the_tables_of_tables_py(
    before: str, ledger_url: str, request: pytest.FixtureRequest
) -> None:
    Ledger(request.getfixturevalue(before)).close()
    migrated = schema(ledger_url)
    with engine(ledger_url) as connection:
        METADATA.drop_all(connection)
        METADATA.create_all(connection)

    assert migrated == schema(ledger_url)
    assert migrated.keys() == METADATA.tables.keys()


def test_the_version_is_that_of_the_newest_script() -> None:
    config = Config()
    config.set_main_option("script_location", "libra_provider.server.ledger:migrations")

    assert ScriptDirectory.from_config(config).get_heads() == [VERSION]


@pytest.mark.parametrize("recorded", [True, False])
def test_a_ledger_of_a_newer_libra_is_refused_and_left_alone(
    ledger_url: str, recorded: bool
) -> None:
    Ledger(ledger_url).close()
    with engine(ledger_url) as connection:
        connection.exec_driver_sql("UPDATE ledger_version SET version_num = '9001'")
        if recorded:
            connection.exec_driver_sql(
                "UPDATE upgrades SET schema_version = '9001', libra_version = '42.0'"
            )
    before = schema(ledger_url)
    with pytest.raises(LedgerTooNew) as caught:
        Ledger(ledger_url)
    sentence = str(pickle.loads(pickle.dumps(caught.value)))

    writer = "Libra 42.0" if recorded else "a newer Libra"

    assert schema(ledger_url) == before
    assert f"has schema version 9001, written by {writer}. This is Libra {__version__}" in sentence
    assert f"supports versions up to {VERSION}. Start {writer}, or restore the" in sentence


def test_of_libras_that_start_at_once_one_upgrades_the_ledger(old_url: str) -> None:
    def start(_: int) -> Ledger | LedgerInUse:
        try:
            return Ledger(old_url)
        except LedgerInUse as error:
            return error

    with ThreadPoolExecutor(4) as threads:
        started = list(threads.map(start, range(4)))
    opened = [each for each in started if isinstance(each, Ledger)]
    for each in opened:
        each.close()

    assert len(opened) == 1
    assert len(upgrades(old_url)) == 1


def test_an_upgrade_that_is_killed_anywhere_leaves_the_old_ledger_which_opens(old_url: str) -> None:
    program = [sys.executable, "-m", "tests.server.ledger.killed_upgrades", old_url]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True)
    left = [json.loads(line) for line in done.stdout.splitlines()]
    with closing(Ledger(old_url)) as ledger:
        found = contents(ledger)

    assert len(left) > len(METADATA.tables)
    assert all(tables == OLD_TABLES for tables in left)
    assert found == OLD
    assert len(upgrades(old_url)) == 1


def test_a_ledger_in_sqlite_is_backed_up_before_its_upgrade(tmp_path: Path) -> None:
    ledger, backup = tmp_path / "ledger.db", tmp_path / f"ledger.db.before-{VERSION}"
    old = (HERE / "old_ledger.sqlite.sql").read_text()
    with closing(sqlite3.connect(ledger)) as connection:
        connection.executescript(old)
    ledger.chmod(0o640)
    Path(f"{backup}.part").write_text("left by an upgrade that was killed")
    Ledger(f"sqlite:///{ledger}").close()
    with closing(sqlite3.connect(backup)) as connection:
        kept = "\n".join(connection.iterdump())

    assert [line.strip() for line in old.splitlines()[1:]] == [
        line.strip() for line in kept.splitlines()
    ]
    assert backup.stat().st_mode & 0o777 == 0o640
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        *("ledger.db", backup.name, "ledger.db.lock"),
    ]


def test_a_new_ledger_needs_no_backup(tmp_path: Path) -> None:
    for _ in range(2):
        Ledger(f"sqlite:///{tmp_path}/ledger.db").close()

    assert not list(tmp_path.glob("*before*"))


def test_a_ledger_may_share_the_database_of_airflow(ledger_url: str) -> None:
    with engine(ledger_url) as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('29ce7909c52b')")
    Ledger(ledger_url).close()
    with engine(ledger_url) as connection:
        version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()

    assert version == "29ce7909c52b"


def test_an_upgrade_logs_what_it_does_and_changes_no_logging(
    old_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ours = logging.getLogger("libra_provider")
    before = (logging.root.level, logging.root.handlers[:], ours.level, ours.disabled)
    Ledger(old_url).close()

    assert before == (logging.root.level, logging.root.handlers, ours.level, ours.disabled)
    assert len(caplog.messages) == 2
    assert caplog.messages[0].endswith(f"from schema 0001 to {VERSION}")
    assert caplog.messages[1].startswith("Upgraded the ledger.")


def test_a_ledger_that_is_up_to_date_opens_without_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    Ledger(url).close()
    program = (
        "import sys; from libra_provider.server.ledger.ledger import Ledger\n"
        f"Ledger({url!r}).close(); print('alembic' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"
