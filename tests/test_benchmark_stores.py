"""What ``benchmarks.slots`` measures: a store as streams would have written it, and its copies."""

from itertools import pairwise
from pathlib import Path

import duckdb
import orjson
import pytest
from benchmarks.slots.enlarging import enlarge
from benchmarks.slots.filling import fill
from benchmarks.slots.steps import STEPS, Place
from benchmarks.slots.store import PARTITIONS, World, gpf_of

from slotkeeper._core import link_audit
from slotkeeper.slots.build.folder import Build, open_build
from slotkeeper.streams import Record, StreamsSettings, open_streams

GPFS = 300


@pytest.fixture
async def place(tmp_path: Path) -> Place:
    """Give the store of a year, filled at once."""
    place = Place(tmp_path / str(GPFS), GPFS)
    place.folder.mkdir()
    settings = StreamsSettings(partitions=PARTITIONS)
    async with open_streams(place.address, settings):
        pass
    fill(place.folder / "streams.db", World(GPFS))
    return place


async def records(place: Place, stream: str) -> list[Record]:
    async with open_streams(place.address, StreamsSettings(partitions=PARTITIONS)) as streams:
        return [one async for some in streams.read(stream) for one in some]


async def test_the_audit_trail_is_a_chain(place: Place) -> None:
    trail = await records(place, "audit-trail")
    assert len(trail) == GPFS * 12 // 10
    for one, following in pairwise(trail):
        if one.partition != following.partition:
            continue
        value = following.value or b""
        told = orjson.loads(value)
        body = value[: value.rindex(b',"previous"')] + b"}"
        head = (told["number"] - 1, bytes.fromhex(told["previous"]))
        assert link_audit(body, head)[0] == value
        assert following.offset == one.offset + 1


async def test_a_day_goes_on_where_the_year_ended(place: Place) -> None:
    first = await STEPS["build"](place)
    assert first["rows"]["differing"] == 0
    assert first["rows"]["devices"] == 2 * GPFS
    await STEPS["day"](place)
    again = await STEPS["build"](place)
    assert (again["rows"]["differing"], again["rows"]["decisions"]) == (0, GPFS * 12 // 10 + 1)


def counted(build: Build, table: str) -> tuple[int, int]:
    """Give rows, and how many devices they are of."""
    query = f"SELECT count(*), count(DISTINCT device) FROM {build.table(table)}"  # noqa: S608
    [found] = duckdb.sql(query).fetchall()
    return found[0], found[1]


async def test_a_folder_is_enlarged_device_by_device(place: Place) -> None:
    await STEPS["build"](place)
    small = open_build(place.slots)
    large = enlarge(small, place.folder / "large", GPFS, copies=3)
    assert open_build(place.folder / "large").name == large.name
    for table in ("devices", "history", "decisions", "attempts", "cells", "meter_points"):
        rows, devices = counted(small, table)
        assert counted(large, table) == (3 * rows, 3 * devices), table
    [points] = duckdb.sql(
        f"SELECT count(DISTINCT mprn) FROM {large.table('meter_points')} "  # noqa: S608
        f"SEMI JOIN {large.table('registrations')} r ON r.key = mprn"
    ).fetchall()
    assert points[0] == 3 * GPFS
    own = gpf_of(1).decode()
    copy = f"{own[:12]}02{own[14:]}"
    [held] = duckdb.sql(
        f"SELECT count(*) FROM {large.table('devices')} WHERE device = '{copy}'"  # noqa: S608
    ).fetchall()
    assert held[0] == 1
