"""Builds of the slots folder: what is new is read, nothing that was written is written again."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from tests.slots.desk import Desk
from tests.slots.fleet import ACB_CELLS, ACB_DS, POLICY, Cells, Fleet, device

from slotkeeper._core import link_audit
from slotkeeper.errors import FaultFoundError
from slotkeeper.slots.build.building import build as build_streams
from slotkeeper.slots.build.folder import Build, open_build
from slotkeeper.slots.build.layout import TABLES
from slotkeeper.slots.tables import tables
from slotkeeper.streams import Message, StreamsSettings
from slotkeeper.streams.memory import MemoryStreams
from slotkeeper.streams.partitioning import partition_of
from slotkeeper.worker.positions import KEY, Positions

if TYPE_CHECKING:
    from slotkeeper.engine.port import AuditHead

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
THEN = datetime(2026, 5, 2, 12, tzinfo=UTC)
GNO = "90-B3-D5-1F-30-00-00-11"
GNO_CELLS: Cells = ((GNO, "c" * 16), (GNO, "d" * 16))


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(Desk(tmp_path))


def rows(build: Build, table: str, *, without: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Give all rows of a table, in one order."""
    with tables(build.reads) as made:
        query = f"SELECT t FROM {build.table(table)} t ORDER BY ALL"  # noqa: S608
        found = [dict(row) for (row,) in made.rows(query)]
    return [{name: row[name] for name in row if name not in without} for row in found]


async def some_days(fleet: Fleet, days: range) -> None:
    """Let some slots change hands, one after the other."""
    for day in days:
        for number in (day, day // 2, 100):
            await fleet.inventory(number, mprn=str(day % 7 + 1), commissioned_on="2026-05-01")
            fleet.decided(number, ACB_CELLS if day % 2 else GNO_CELLS, THEN, existed=GNO_CELLS)


async def test_a_build_on_a_build_says_what_a_whole_one_does(fleet: Fleet, tmp_path: Path) -> None:
    await fleet.desk.registrations("mprn,from,gas_supplier\n1,2026-01-01,A\n2,2026-01-01,A\n")
    await some_days(fleet, range(1, 20))
    first = open_build(await fleet.build(NOW))
    await some_days(fleet, range(12, 40))
    await fleet.desk.registrations("mprn,from,gas_supplier\n2,2026-06-01,B\n3,2026-01-01,B\n")
    gone = device(5).encode()
    await fleet.desk.streams.publish([Message("smart-metering-inventory", gone, None)])
    second = open_build(await fleet.build(NOW))
    apart = Fleet(Desk(tmp_path / "apart"))
    apart.desk.streams = fleet.desk.streams
    whole = open_build(await apart.build(NOW))
    for table in TABLES:
        assert rows(second, table) == rows(whole, table), table
        assert second.manifest["rows"][table] == whole.manifest["rows"][table]
    kept = {one.path for one in second.files("history")}
    assert {one.path for one in first.files("history")} < kept
    assert all((first.root / one.path).exists() for one in first.files("history"))


async def test_two_runs_and_any_threads_make_the_same_bytes(fleet: Fleet, tmp_path: Path) -> None:
    await some_days(fleet, range(1, 60))
    found = []
    for name, threads in (("one", 1), ("two", 2), ("again", 2)):
        built = await build_streams(
            fleet.desk.streams,
            tmp_path / name,
            policy=POLICY,
            now_ms=int(NOW.timestamp() * 1_000),
            advance=lambda _stream, _offsets, _total: None,
            threads=threads,
        )
        found.append(orjson.dumps(built.build.manifest))
    assert found[0] == found[1] == found[2]


async def test_nothing_new_adds_no_file_of_what_is_kept(fleet: Fleet) -> None:
    await some_days(fleet, range(1, 9))
    first = open_build(await fleet.build(NOW))
    second = open_build(await fleet.build(NOW))
    assert second.name > first.name
    assert second.manifest["files"] == first.manifest["files"]


async def test_a_stretch_ends_at_the_same_offsets_whoever_reads_it(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also: a device that is known from an earlier stretch of the same build is not begun anew."""
    await some_days(fleet, range(1, 40))
    whole = open_build(await fleet.build(NOW))
    monkeypatch.setattr("slotkeeper.slots.build.trail.STRETCH", 8)
    apart = Fleet(Desk(tmp_path / "apart"))
    apart.desk.streams = fleet.desk.streams
    cut = open_build(await apart.build(NOW))
    assert len(cut.files("history")) > len(whole.files("history"))
    for table in ("history", "attempts", "decisions"):
        assert rows(cut, table) == rows(whole, table)
    firsts = [one.about["first"] for one in cut.files("decisions") if one.partition == 0]
    assert firsts == sorted(firsts)
    assert all(first % 8 == 0 for first in firsts)


async def test_a_device_and_a_meter_point_are_found(fleet: Fleet) -> None:
    await some_days(fleet, range(1, 9))
    build = open_build(await fleet.build(NOW))
    wanted = [row for row in rows(build, "decisions") if row["device"] == device(100)]
    assert len(wanted) == 8
    assert {row["audit_partition"] for row in wanted} == {partition_of(device(100).encode(), 4)}
    points = {row["device"]: row["mprn"] for row in rows(build, "meter_points")}
    assert points == {device(number): "2" for number in (100, 8, 4)} | {
        device(number): str(at % 7 + 1)
        for number, at in ((1, 3), (2, 5), (3, 7), (5, 5), (6, 6), (7, 7))
    } | {device(0): "2"}


async def test_a_meter_point_follows_its_device(fleet: Fleet) -> None:
    for number in range(1, 40):
        await fleet.inventory(number, mprn=str(number))
    await fleet.build(NOW)
    await fleet.inventory(1, mprn="77")
    await fleet.inventory(2)
    build = open_build(await fleet.build(NOW))
    assert any(one.delta for one in build.files("devices"))
    points = {row["mprn"]: row["device"] for row in rows(build, "meter_points")}
    assert points["77"] == device(1)
    assert "1" not in points
    assert "2" not in points
    assert points["3"] == device(3)
    # Many changes become a new base.
    for number in range(1, 40):
        await fleet.inventory(number, mprn=str(number + 100))
    build = open_build(await fleet.build(NOW))
    assert not any(one.delta for one in build.files("devices"))
    assert sorted(row["mprn"] for row in rows(build, "meter_points")) == sorted(
        str(number + 100) for number in range(1, 40)
    )


async def test_the_folder_of_another_store_is_refused(fleet: Fleet, tmp_path: Path) -> None:
    await some_days(fleet, range(1, 9))
    folder = await fleet.build(NOW)
    other = Fleet(Desk(tmp_path))
    await some_days(other, range(2, 12))
    with pytest.raises(FaultFoundError, match="another store"):
        await other.build(NOW)
    other.desk.streams = MemoryStreams(StreamsSettings(partitions=2))
    with pytest.raises(FaultFoundError, match="4 partitions"):
        await other.build(NOW)
    assert open_build(folder).name == "00000001"


async def test_a_store_that_was_put_back_is_refused(fleet: Fleet) -> None:
    await some_days(fleet, range(1, 9))
    folder = await fleet.build(NOW)
    streams = fleet.desk.streams
    assert isinstance(streams, MemoryStreams)
    partition = partition_of(device(100).encode(), 4)
    log = streams.log("audit-trail", partition)
    last = log.fetch(log.end - 1, limit=1).records[0]
    log._records[log.end - 1] = last._replace(value=b'{"another": "record"}')
    fleet.decided(100, GNO_CELLS, THEN)
    with pytest.raises(FaultFoundError, match="does not go on"):
        await fleet.build(NOW)
    del log._records[-2:]
    with pytest.raises(FaultFoundError, match="another store, one that lost records"):
        await fleet.build(NOW)
    assert open_build(folder).name == "00000001"


class Chained:
    """Audit records as a worker chains them, and the positions that name the last one."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        assert isinstance(fleet.desk.streams, MemoryStreams)
        self.fleet, self.number = fleet, number
        self.streams = fleet.desk.streams
        self.partition = partition_of(device(number).encode(), self.streams.partitions)
        self.head: AuditHead | None = None

    def decide(self, cells: Cells) -> None:
        self.fleet.decided(self.number, cells, THEN)
        log = self.streams.log("audit-trail", self.partition)
        record = log.fetch(log.end - 1, limit=1).records[0]
        assert record.value is not None
        linked, self.head = link_audit(record.value, self.head)
        log._records[-1] = record._replace(value=linked)

    def commit(self) -> None:
        log = self.streams.log("originator-counters", self.partition)
        positions = Positions(
            sequence=log.end + 1, partitions=4, incarnation="x", inputs={}, audit=self.head
        )
        log.append(KEY, positions.encode(), (), 0)


async def test_history_ends_where_the_positions_do(fleet: Fleet) -> None:
    """The changelog has nothing of the device, so that all it is compared with contradicts it."""
    chained = Chained(fleet, 1)
    chained.decide(GNO_CELLS)
    chained.commit()
    chained.decide(ACB_CELLS)
    first = open_build(await fleet.build(NOW))
    assert [row["ds_eui"] for row in rows(first, "history")] == [GNO]
    assert [row["why"] for row in rows(first, "differing")] == ["NOT_IN_CHANGELOG"]
    cut = first.manifest["cuts"][str(chained.partition)]
    assert (cut["offset"], cut["number"]) == (0, 1)
    chained.commit()
    second = open_build(await fleet.build(NOW))
    assert len(rows(second, "history")) == 2


async def test_records_that_expired_are_followed_by_what_names_them(fleet: Fleet) -> None:
    chained = Chained(fleet, 1)
    chained.decide(GNO_CELLS)
    chained.commit()
    await fleet.build(NOW)
    chained.decide(ACB_CELLS)
    chained.commit()
    log = chained.streams.log("audit-trail", chained.partition)
    log.drop_before(1)
    assert len(rows(open_build(await fleet.build(NOW)), "history")) == 2
    chained.decide(GNO_CELLS)
    chained.decide(ACB_CELLS)
    chained.commit()
    log.drop_before(3)
    with pytest.raises(FaultFoundError, match="expired between two builds"):
        await fleet.build(NOW)


async def test_a_trail_without_the_record_that_the_positions_name_is_a_fault(fleet: Fleet) -> None:
    chained = Chained(fleet, 1)
    chained.decide(GNO_CELLS)
    chained.decide(ACB_CELLS)
    chained.commit()
    chained.streams.log("audit-trail", chained.partition).drop(1)
    with pytest.raises(FaultFoundError, match="ends before number 2"):
        await fleet.build(NOW)


async def test_a_device_that_differs_is_judged_as_unknown(fleet: Fleet) -> None:
    chained = Chained(fleet, 1)
    await fleet.inventory(1, commissioned_on="2026-05-01", mprn="1")
    chained.decide(ACB_CELLS)
    folder = await fleet.build(NOW)
    assert fleet.report(folder, NOW.date()).of(1)["ds_key_identifier"] == ACB_DS
    chained.commit()
    folder = await fleet.build(NOW)
    row = fleet.report(folder, NOW.date()).of(1)
    assert (row["finding"], row["action"]) == ("UNKNOWN", "READ_BACK")


async def test_what_cannot_be_read_is_counted_and_named(fleet: Fleet) -> None:
    await some_days(fleet, range(1, 3))
    fleet.audit(1, b"{")
    streams = fleet.desk.streams
    await streams.publish([Message("smart-metering-inventory", b"no device", b"{}", partition=2)])
    built = await build_streams(
        streams,
        fleet.desk.folder / "slots",
        policy=POLICY,
        now_ms=int(NOW.timestamp() * 1_000),
        advance=lambda _stream, _offsets, _total: None,
    )
    count, [(partition, _, reason)] = built.unreadable["smart-metering-inventory"]
    assert (count, partition, reason) == (1, 2, "its key is no device")
    assert built.unreadable["audit-trail"][0] == 1
    assert built.build.manifest["unreadable"] == {"audit-trail": 1, "smart-metering-inventory": 1}


async def test_what_was_removed_long_ago_is_not_missed(fleet: Fleet) -> None:
    """A log that forgets that a key was removed is read anew before it can have done so."""
    await some_days(fleet, range(1, 20))
    await fleet.build(NOW)
    streams = fleet.desk.streams
    assert isinstance(streams, MemoryStreams)
    partition = partition_of(device(3).encode(), 4)
    log = streams.log("smart-metering-inventory", partition)
    for offset in range(log.end):
        log.drop(offset)
    await fleet.inventory(100)

    async def devices(age_ms: int, folder: Path) -> set[str]:
        built = await build_streams(
            streams,
            folder,
            policy=POLICY,
            now_ms=int(NOW.timestamp() * 1_000) + age_ms,
            advance=lambda _stream, _offsets, _total: None,
            tombstones_ms=1_000,
        )
        return {row["device"] for row in rows(built.build, "devices")}

    folder = fleet.desk.folder / "slots"
    assert device(3) in await devices(700, folder)
    assert device(3) not in await devices(700 + 900, folder)


async def test_positions_that_are_replaced_while_they_are_read_are_looked_for_again(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a store that drops a replaced record at once, beside a worker that commits."""
    chained = Chained(fleet, 1)
    chained.decide(GNO_CELLS)
    chained.commit()
    log = chained.streams.log("originator-counters", chained.partition)
    read, left = chained.streams.read, 3

    async def overtaken(stream: str, **how: Any) -> Any:  # noqa: ANN401
        nonlocal left
        async for records in read(stream, **how):
            if stream == "originator-counters" and left:
                left -= 1
                log.append(device(1).encode(), b"damaged", (), 0)
                chained.commit()
                records = [record for record in records if record.key != KEY]  # noqa: PLW2901
            if records:
                yield records

    monkeypatch.setattr(chained.streams, "read", overtaken)
    build = open_build(await fleet.build(NOW))
    position = build.manifest["positions"]["originator-counters"][str(chained.partition)]
    assert position == log.end
    assert build.manifest["cuts"][str(chained.partition)]["number"] == 1
