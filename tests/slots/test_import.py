"""Imports of parties and registrations: what is taken, united, marked and refused."""

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.slots.desk import NOW, START, Desk

from slotkeeper.slots.registers.kinds import PARTIES, REGISTRATIONS
from slotkeeper.streams import Message

PARTY_COLUMNS = "party_id,name,kind,eui64,dcc_user_from,dcc_user_until\n"
TWO_PARTIES = PARTY_COLUMNS + (
    "NORTH,Northern Gas,GNO,90b3d51f30020000,2025-01-01,\nSOUTH,Southern Gas,IGT,,,\n"
)
REGISTRATION_COLUMNS = "mprn,from,gas_network_party,gas_supplier\n"
LATER = START + timedelta(days=10)


@pytest.fixture
async def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    await desk.parties(TWO_PARTIES)
    return desk


async def test_rows_of_a_party_are_united(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    outcome = await desk.parties(
        PARTY_COLUMNS
        + "NORTH,Northern Gas,GNO,90b3d51f30020000;90-b3-d5-1f-30-01-00-00,2025-01-01,2026-01-01\n"
        + "NORTH,,,,2026-03-01,\n"
    )
    assert (outcome.added, outcome.refused) == (1, 0)
    assert await desk.held(PARTIES) == {
        "NORTH": {
            "party_id": "NORTH",
            "name": "Northern Gas",
            "kind": "GNO",
            "eui64": ["90-B3-D5-1F-30-01-00-00", "90-B3-D5-1F-30-02-00-00"],
            "dcc_user": [
                {"from": "2025-01-01", "until": "2026-01-01"},
                {"from": "2026-03-01", "until": None},
            ],
            "source": "file-0",
            "asserted_at": "2026-01-01T00:00:00.000000Z",
        }
    }


async def test_a_dry_run_publishes_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    outcome = await desk.parties(TWO_PARTIES, dry_run=True)
    assert outcome.added == 2
    assert await desk.published(PARTIES) == 0


async def test_p42_a_repeated_import_publishes_nothing(desk: Desk) -> None:
    before = await desk.published(PARTIES)
    for at in (START, LATER):
        again = await desk.parties(TWO_PARTIES, at=at)
        assert (again.added, again.changed, again.unchanged) == (0, 0, 2)
    assert await desk.published(PARTIES) == before


async def test_p42_a_partial_import_deletes_nothing(desk: Desk) -> None:
    before = await desk.held(PARTIES)
    await desk.parties(PARTY_COLUMNS + "SOUTH,Southern Gas,IGT,,2026-01-05,\n", at=LATER)
    after = await desk.held(PARTIES)
    assert after["NORTH"] == before["NORTH"]
    assert after["SOUTH"]["dcc_user"] == [{"from": "2026-01-05", "until": None}]
    assert after["SOUTH"]["asserted_at"] == "2026-01-11T00:00:00.000000Z"
    assert after["SOUTH"]["earlier"] == {
        path: {"asserted_at": "2026-01-01T00:00:00.000000Z", "source": "file-0"}
        for path in ("kind", "name")
    }


async def test_p42_files_and_rows_in_any_order_give_the_same_state(tmp_path: Path) -> None:
    everyday: list[tuple[list[str], datetime]] = [
        (["10,2024-01-01,NORTH,SUP", "20,2024-01-01,NORTH,SUP", "20,2025-01-01,,SUP"], START),
        (["10,2024-01-01,SOUTH,SUP", "30,2024-06-01,SOUTH,"], LATER),
        (["10,2026-02-01,NORTH,NEW", "20,2025-01-01,NORTH,SUP"], LATER + timedelta(days=1)),
    ]
    states = []
    draw = random.Random(7)  # noqa: S311  # an order, no secret
    for number in range(6):
        desk = Desk(tmp_path / str(number))
        desk.folder.mkdir()
        await desk.parties(TWO_PARTIES)
        for rows, at in draw.sample(everyday, 3):
            shuffled = draw.sample(rows, len(rows))
            text = REGISTRATION_COLUMNS + "\n".join(shuffled)
            for _ in range(draw.randint(1, 2)):
                name = f"at-{at.date()}"
                outcome = await desk.take(REGISTRATIONS, desk.file(text, at=at, name=name))
                assert outcome.refused == 0
        states.append(await desk.held(REGISTRATIONS))
    assert all(state == states[0] for state in states)
    assert states[0]["10"]["history"] == [
        {"from": "2024-01-01", "gas_network_party": "SOUTH", "gas_supplier": "SUP"},
        {"from": "2026-02-01", "gas_network_party": "NORTH", "gas_supplier": "NEW"},
    ]


async def test_p42_what_the_register_gives_can_be_imported_again(desk: Desk) -> None:
    await desk.parties(PARTY_COLUMNS + "SOUTH,,,,2026-01-05,\n", at=LATER)
    held = await desk.held(PARTIES)
    lines = b"\n".join(orjson.dumps(record) for record in held.values())
    other = Desk(desk.folder / "other")
    other.folder.mkdir()
    assert (await other.take(PARTIES, lines)).added == 2
    assert await other.held(PARTIES) == held
    assert (await desk.take(PARTIES, lines)).unchanged == 2


async def test_p42_a_complete_import_marks_what_is_absent_and_deletes_nothing(desk: Desk) -> None:
    one = PARTY_COLUMNS + "SOUTH,Southern Gas,IGT,,,\n"
    outcome = await desk.parties(one, complete=True, at=LATER)
    assert outcome.missing == 1
    held = await desk.held(PARTIES)
    assert held["NORTH"]["missing_since"] == "2026-01-11"
    assert held["NORTH"]["eui64"] == ["90-B3-D5-1F-30-02-00-00"]
    assert "missing_since" not in held["SOUTH"]
    again = await desk.parties(one, complete=True, at=LATER + timedelta(days=5))
    assert again.missing == 0
    # An older file that has it does not bring it back, a newer one does.
    await desk.parties(TWO_PARTIES)
    assert (await desk.held(PARTIES))["NORTH"]["missing_since"] == "2026-01-11"
    back = await desk.parties(TWO_PARTIES, at=LATER + timedelta(days=6))
    assert back.changed == 1
    assert "missing_since" not in (await desk.held(PARTIES))["NORTH"]


async def test_a_row_that_is_refused_is_not_absent(desk: Desk) -> None:
    wrong = PARTY_COLUMNS + "SOUTH,Southern Gas,IGT,,,\nNORTH,=1,GNO,,,\n"
    outcome = await desk.parties(wrong, complete=True, at=LATER)
    assert (outcome.refused, outcome.missing) == (1, 0)


async def test_nothing_is_absent_where_a_row_may_be_about_anything(desk: Desk) -> None:
    wrong = PARTY_COLUMNS + 'SOUTH,Southern Gas,IGT,,,\n"NORTH,x,GNO,,,\n'
    outcome = await desk.parties(wrong, complete=True, at=LATER)
    assert (outcome.refused, outcome.missing, outcome.unplaced) == (1, 0, 1)


async def test_an_older_file_adds_what_is_new_and_changes_nothing(desk: Desk) -> None:
    earlier = START - timedelta(days=5)
    outcome = await desk.parties(
        PARTY_COLUMNS + "NORTH,Older,GNO,,2020-01-01,2021-01-01\n", at=earlier
    )
    assert (outcome.changed, outcome.refused) == (1, 0)
    north = (await desk.held(PARTIES))["NORTH"]
    assert north["name"] == "Northern Gas"
    assert [period["from"] for period in north["dcc_user"]] == ["2020-01-01", "2025-01-01"]
    assert north["asserted_at"] == "2026-01-01T00:00:00.000000Z"
    assert north["earlier"]["dcc_user/2020-01-01"]["asserted_at"].startswith("2025-12-27")


async def test_sources_that_contradict_each_other_at_one_time_are_refused(desk: Desk) -> None:
    outcome = await desk.parties(PARTY_COLUMNS + "NORTH,Another,GNO,,,\n")
    assert outcome.refused == 1
    assert "what the register says of the same time" in desk.refused[0][1]
    assert (await desk.held(PARTIES))["NORTH"]["name"] == "Northern Gas"


async def test_a_period_is_ended_by_its_first_day(desk: Desk) -> None:
    await desk.parties(PARTY_COLUMNS + "NORTH,,,,2025-01-01,2026-02-01\n", at=LATER)
    north = (await desk.held(PARTIES))["NORTH"]
    assert north["dcc_user"] == [{"from": "2025-01-01", "until": "2026-02-01"}]


async def test_periods_that_would_overlap_are_refused_and_the_register_stands(desk: Desk) -> None:
    before = await desk.held(PARTIES)
    text = PARTY_COLUMNS + "NORTH,,,,2025-06-01,\nSOUTH,,,,2025-01-01,2025-02-01\n"
    outcome = await desk.parties(text, at=LATER)
    assert (outcome.changed, outcome.refused) == (1, 1)
    assert desk.refused == [
        (2, "dcc_user: the periods from 2025-01-01 and 2025-06-01 overlap"),
    ]
    assert (await desk.held(PARTIES))["NORTH"] == before["NORTH"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("north,Northern,GNO,,,", "party_id must"),
        ("NORTH,=1+1,GNO,,,", "formula"),
        ("NORTH,+44,GNO,,,", "formula"),
        ("NORTH,x,DNO,,,", "kind"),
        ("NORTH,x,GNO,90b3,,", "no EUI-64"),
        ("NORTH,x,GNO,,2026-01-02,2026-01-01", "ends before"),
        ("NORTH,x,GNO,,,2026-01-01", "from is missing"),
        ("NORTH,x,GNO,,2026-02-30,", "calendar"),
        ("NORTH,x,GNO,,", "5 cells under 6 columns"),
        ('NORTH,"x,GNO,,,', "no CSV"),
        ("NORTH,\x1b[31mred,GNO,,,", "control characters"),
        (b"NORTH,\xff,GNO,,,", "no UTF-8"),
        ("NORTH," + "x" * 70_000 + ",GNO,,,", "longer than"),
        ("NEW,x,,,,", "kind must"),
    ],
)
async def test_a_row_that_cannot_be_right_is_refused_alone(
    desk: Desk, row: str | bytes, reason: str
) -> None:
    octets = row if isinstance(row, bytes) else row.encode()
    whole = PARTY_COLUMNS.encode() + octets + b"\nEAST,Eastern Gas,IGT,,,\n"
    outcome = await desk.take(PARTIES, whole, at=LATER)
    assert (outcome.added, outcome.changed, outcome.refused) == (1, 0, 1)
    assert [number for number, _ in desk.refused] == [2]
    assert reason in desk.refused[0][1]
    assert "EAST" in await desk.held(PARTIES)


@pytest.mark.parametrize(
    ("rows", "refused"),
    [
        (["10,2025-01-01,WEST,SUP"], [(2, "WEST is not in the register")]),
        (["12345678901,2025-01-01,NORTH,SUP"], [(2, "at most 10")]),
        (["=10,2025-01-01,NORTH,SUP"], [(2, "formula")]),
        (["10,2025-01-01,NORTH,@SUP"], [(2, "gas_supplier must")]),
        (["10,,NORTH,SUP"], [(2, "from is missing")]),
        # An MPRN twice for one day: a plain repeat, and a contradiction.
        (["10,2025-01-01,NORTH,SUP"] * 2, [(3, "stands in row 2 already")]),
        (
            ["10,2025-01-01,NORTH,SUP", "10,2025-01-01,SOUTH,SUP"],
            [(2, "not what row 3 says"), (3, "not what row 2 says")],
        ),
    ],
)
async def test_a_registration_that_cannot_be_right_is_refused(
    desk: Desk, rows: list[str], refused: list[tuple[int, str]]
) -> None:
    text = REGISTRATION_COLUMNS + "\n".join([*rows, "99,2025-01-01,NORTH,"])
    await desk.registrations(text)
    assert [number for number, _ in desk.refused] == [number for number, _ in refused]
    for (_, told), (_, expected) in zip(desk.refused, refused, strict=True):
        assert expected in told
    assert "99" in await desk.held(REGISTRATIONS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("\n\n", "the first line names no columns"),
        ("party_id;name\nNORTH;x\n", "separated by semicolons"),
        ("party_id\tname\nNORTH\tx\n", "separated by tabs"),
        ("party_id,name\n".encode("utf-16"), "UTF-16"),
        ("name,kind\nx,GNO\n", "names no column party_id"),
        ("party_id,nmae\nNORTH,x\n", "no column 'nmae'"),
        ("party_id,party_id\nNORTH,NORTH\n", "twice"),
        ("<a/>", "read from CSV and JSON lines"),
        (b"\x30\x82\x01\x00", "read from CSV and JSON lines"),
    ],
)
async def test_a_file_that_is_no_such_table_is_refused(
    desk: Desk, text: str | bytes, reason: str
) -> None:
    outcome = await desk.take(PARTIES, text, PARTY_COLUMNS + "EAST,Eastern Gas,IGT,,,\n", at=LATER)
    assert (outcome.added, outcome.refused) == (1, 1)
    assert reason in desk.refused[0][1]


async def test_what_spreadsheets_write_is_read(desk: Desk) -> None:
    text = (REGISTRATION_COLUMNS + '10,2025-01-01,"NORTH","SUP"\n').replace("\n", "\r\n")
    outcome = await desk.registrations("\ufeff" + text)
    assert (outcome.added, outcome.refused) == (1, 0)


async def test_a_cell_that_goes_over_lines_costs_no_made_up_row(desk: Desk) -> None:
    outcome = await desk.registrations(REGISTRATION_COLUMNS + '"10\n11",2025-01-01,NORTH,SUP\n')
    assert (outcome.added, outcome.refused) == (0, 2)
    assert "a quotation mark within a cell" in desk.refused[1][1]


async def test_a_row_from_the_future_is_refused(desk: Desk) -> None:
    await desk.parties("party_id,name,asserted_at\nNORTH,New name,9999-01-01\n", at=LATER)
    assert desk.refused == [(2, "asserted_at is in the future")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"asserted_at": "2026-13-01"}, "asserted_at must be a time"),
        ({"asserted_at": "9999-01-01T00:00:00Z"}, "in the future"),
        ({"asserted_at": 1e300}, "asserted_at must be a time"),
        ({"source": "=1"}, "formula"),
        ({"source": 7}, "source must be a text"),
        ({"earlier": []}, "earlier must be an object"),
        ({"earlier": {"name": 1}}, "must be an object"),
        ({"earlier": {"name": {"asserted_at": "x", "source": "y"}}}, "must be a time"),
        ({"earlier": {"name": {"asserted_at": "9998-01-01", "source": "y"}}}, "in the future"),
        ({"missing_since": 1}, "must be a day"),
        ({"by": ["=1"]}, "formula"),
        ({"eui64": "x"}, "must be a list"),
    ],
)
async def test_a_record_that_cannot_be_right_is_refused(
    desk: Desk, change: dict[str, Any], reason: str
) -> None:
    record = {"party_id": "NEW", "name": "New", "kind": "GNO", **change}
    await desk.take(PARTIES, orjson.dumps(record), at=LATER)
    assert len(desk.refused) == 1
    assert reason in desk.refused[0][1]


async def test_a_table_may_say_when_each_row_was_asserted(desk: Desk) -> None:
    columns = "party_id,name,asserted_at,source\n"
    text = columns + "NORTH,New name,2026-01-02,letter\nSOUTH,Old,2025-01-01,\n"
    await desk.parties(text, at=LATER)
    held = await desk.held(PARTIES)
    assert held["NORTH"]["name"] == "New name"
    assert held["NORTH"]["source"] == "letter"
    assert held["SOUTH"]["name"] == "Southern Gas"


async def test_a_file_from_the_future_was_made_now(desk: Desk) -> None:
    far = NOW + timedelta(days=1000)
    await desk.parties(PARTY_COLUMNS + "NORTH,New name,GNO,,,\n", at=far)
    assert (await desk.held(PARTIES))["NORTH"]["asserted_at"] == "2026-11-26T12:00:00.000000Z"


async def test_a_record_that_cannot_be_read_is_written_anew(desk: Desk) -> None:
    for octets in (b"{", b"[]", b'{"party_id": "NORTH", "kind": 7}', b'{"earlier": 1}'):
        await desk.streams.publish([Message(PARTIES.stream, b"NORTH", octets)])
        outcome = await desk.parties(TWO_PARTIES, at=LATER)
        assert (outcome.refused, outcome.unchanged) == (0, 1)
        assert (await desk.held(PARTIES))["NORTH"]["name"] == "Northern Gas"


async def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert (await desk.take(PARTIES, b"\xef\xbb\xbf" + TWO_PARTIES.encode())).added == 2
    crlf = TWO_PARTIES.replace("\n", "\r\n")
    assert (await desk.parties(crlf)).unchanged == 2
