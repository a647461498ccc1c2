"""The witness remembers the last audit record: trail and changelog cannot be made anew together."""

# ruff: noqa: ASYNC240  # files of a test are small, and nothing else waits for its loop

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.laws import Findings, check_chain
from tests.worker.fake_engine import FakeEngine

from slotkeeper._core import link_audit
from slotkeeper.engine.port import AuditHead
from slotkeeper.streams import Sighting, StoppedForOperatorError
from slotkeeper.worker import acknowledge, examine, run
from slotkeeper.worker.audit import head_of
from slotkeeper.worker.positions import KEY

from .conftest import AUDIT, everything, opened, response


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "streams.db"


@pytest.fixture
def witness(tmp_path: Path) -> Path:
    folder = tmp_path / "other-disk"
    folder.mkdir()
    return folder / "witness"


async def serve(path: Path, witness: Path | None, *values: bytes) -> None:
    async with opened(path, witness=witness) as streams:
        await streams.publish([response(value) for value in values])
        await run(streams, FakeEngine, until_idle=True)


async def seen(path: Path, witness: Path) -> Sighting:
    async with opened(path, witness=witness) as streams:
        return (await streams.witnessed())[0]


async def trail_head(path: Path) -> AuditHead | None:
    async with opened(path) as streams:
        return head_of((await everything(streams, AUDIT))[-1])


def make_anew(path: Path) -> None:
    """Alter the first record, make all that follow fit it, and the changelog as well."""
    with closing(sqlite3.connect(path)) as database, database:
        head: AuditHead | None = None
        rows = database.execute("SELECT id, value FROM log ORDER BY id").fetchall()
        for row, value in rows:
            if b"disposition" not in value:
                continue
            entry = orjson.loads(value)
            del entry["previous"], entry["number"]
            linked, head = link_audit(orjson.dumps({**entry, "detail": "mine"}), head)
            database.execute("UPDATE log SET value = ? WHERE id = ?", (linked, row))
        assert head is not None
        named = database.execute("SELECT id, value FROM compacted WHERE key = ?", (KEY,))
        for row, value in named.fetchall():
            positions: dict[str, Any] = json.loads(value)
            if "audit" in positions:
                positions["audit"]["sha256"] = head[1].hex()
                changed = json.dumps(positions).encode()
                database.execute("UPDATE compacted SET value = ? WHERE id = ?", (changed, row))


async def test_it_has_seen_the_last_record_of_the_last_commit(path: Path, witness: Path) -> None:
    for values in ((b"1", b"2"), (b"3",)):
        await serve(path, witness, *values)
        assert (await seen(path, witness)).audit == await trail_head(path)


async def test_a_start_keeps_what_was_seen(path: Path, witness: Path) -> None:
    await serve(path, witness, b"1", b"2")
    before = await seen(path, witness)
    async with opened(path, witness=witness) as streams, streams.own() as ownership:
        owned = await ownership.open(0)
        assert owned.witnessed == before.audit
        # As a program does that knows no chain.
        await owned.commit([], {})
    assert await seen(path, witness) == before


async def test_a_trail_made_anew_stops_the_worker(path: Path, witness: Path) -> None:
    await serve(path, witness, b"1", b"2", b"3")
    make_anew(path)
    async with opened(path) as streams:
        findings = Findings()
        await check_chain(streams, findings)
        assert findings.broken == [], "nothing but the witness tells"
    with pytest.raises(StoppedForOperatorError, match="another one of that number"):
        await serve(path, witness, b"4")
    async with opened(path, witness=witness) as streams:
        (objection,) = await examine(streams, 0)
        assert "the changelog names audit record 3" in objection
        assert await acknowledge(streams, 0, reason="r", by="b") == [objection]
    await serve(path, witness, b"4")


async def test_d05_an_acknowledged_rollback_names_the_head_that_was_lost(
    path: Path, witness: Path
) -> None:
    await serve(path, witness, b"1")
    shutil.copy(path, path.with_name("backup"))
    await serve(path, witness, b"2", b"3")
    lost = await trail_head(path)
    shutil.copy(path.with_name("backup"), path)
    kept = await trail_head(path)
    async with opened(path, witness=witness) as streams:
        accepted = await acknowledge(streams, 0, reason="tape of Sunday", by="ops")
        assert "names audit record 1 as the last, and the witness has seen number 3" in accepted[1]
        entry = json.loads((await everything(streams, AUDIT))[-1].value or b"")
    assert (entry["kind"], entry["number"]) == ("acknowledgement", 2)
    assert kept is not None
    assert lost is not None
    assert entry["heads"] == {
        "changelog": {"number": 1, "sha256": kept[1].hex()},
        "audit_trail": {"number": 1, "sha256": kept[1].hex()},
        "witness": {"number": 3, "sha256": lost[1].hex()},
    }
    await serve(path, witness, b"4")
    assert (await seen(path, witness)).audit == await trail_head(path)


async def test_a_witness_of_a_version_without_chain_is_used_on(path: Path, witness: Path) -> None:
    await serve(path, witness, b"1")
    content = json.loads(witness.read_text())
    for partition in content["partitions"].values():
        partition.pop("audit", None)
    witness.write_text(json.dumps({**content, "version": 1}))
    await serve(path, witness, b"2")
    assert (await seen(path, witness)).audit == await trail_head(path)
    assert json.loads(witness.read_text())["version"] == 2


@pytest.mark.parametrize(
    "audit", [{}, [], {"number": "x", "sha256": ""}, {"number": 1, "sha256": "00"}, 5]
)
async def test_a_head_that_cannot_be_understood_stops_the_worker(
    path: Path, witness: Path, audit: object
) -> None:
    await serve(path, witness, b"1")
    content = json.loads(witness.read_text())
    content["partitions"]["0"]["audit"] = audit
    witness.write_text(json.dumps(content))
    with pytest.raises(StoppedForOperatorError, match="cannot be understood"):
        await serve(path, witness, b"2")
