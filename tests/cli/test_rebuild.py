"""`counters rebuild`: outputs that anyone may have written to become an import, or are named."""

import base64
import errno
import json
import os
import pty
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slotkeeper.cli.counters.adjustments import message_of
from slotkeeper.cli.counters.rebuild.gathered import lines_of
from slotkeeper.cli.counters.rebuild.told import AUDIT, COMMANDS, FAULTS, RecordFault, told_by
from slotkeeper.cli.counters.transfer import Exporter
from slotkeeper.settings import Settings
from slotkeeper.streams import Output, Record, open_streams
from slotkeeper.streams.layout import SLOTKEEPER
from slotkeeper.streams.sqlite.schema import OFFSET_BITS, PARTITION_BITS

from . import conftest
from .conftest import Cli, Site

DEVICE = "00-DB-12-34-56-78-90-A3"
DECISION = {
    "kind": "decision",
    "stream": "srv-6.21-requests",
    "offset": 1,
    "device_id": DEVICE,
    "remote_party_role": "NetworkOperator",
    "disposition": "ISSUED",
    "reason": "NATURAL",
    "originator_counter": "7",
    "request_id": f"90-B3-D5-1F-30-01-00-00:{DEVICE}:1",
}
COMMAND = {
    "device_id": DEVICE,
    "remote_party_role": "NetworkOperator",
    "originator_counter": "7",
    "gbcs_payload": "3QAA",
}

RUN = {"first": "3", "last": "8"}

MESSAGE_LIMIT = 65_536
"""The default of ``limits.message_bytes``."""


async def write(site: Site, records: Sequence[tuple[str, bytes | None]]) -> None:
    """Write into the outputs as somebody does who has the right to."""
    settings = Settings.load(site.config, environment={})
    async with open_streams(settings.streams) as streams, streams.own() as ownership:
        owned = await ownership.open(0)
        outputs: list[Output] = [(stream, 0, b"k", value, []) for stream, value in records]
        await owned.commit(outputs, {})


def rebuilt(cli: Cli, site: Site, folder: Path, *, expected: int = 0) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(
        cli(
            *("counters", "rebuild", folder / "numbers.jsonl", "--json"),
            *("--config", site.config),
            expected=expected,
        ).stdout
    )
    return told


def exported(folder: Path) -> list[str]:
    _, *lines, _ = (folder / "numbers.jsonl").read_text().splitlines()
    return lines


def entries(folder: Path) -> dict[str, dict[str, Any]]:
    return {entry["device_id"]: entry for entry in map(json.loads, exported(folder))}


async def test_hostile_outputs_are_counted_and_named(
    cli: Cli, served: Site, tmp_path: Path
) -> None:
    assert rebuilt(cli, served, tmp_path)["faults"] == []
    honest = entries(tmp_path)
    hostile: list[tuple[str, bytes | None]] = [
        (AUDIT, None),
        (AUDIT, b"\x00\xff\x1b[2J"),
        (AUDIT, b"[" * 100_000),
        (AUDIT, b'"a text"'),
        (AUDIT, orjson.dumps({**DECISION, "kind": "\x1b[31mdecision"})),
        (AUDIT, orjson.dumps({**DECISION, "stream": "\x1b[31mno stream", "offset": 1})),
        (AUDIT, orjson.dumps({**DECISION, "offset": -1})),
        (AUDIT, orjson.dumps({**DECISION, "device_id": "\x1b[31m"})),
        (AUDIT, orjson.dumps({**DECISION, "remote_party_role": ["Supplier"]})),
        (AUDIT, orjson.dumps({**DECISION, "originator_counter": str(2**63)})),
        (AUDIT, orjson.dumps({**DECISION, "originator_counter": "9" * 10_000})),
        (AUDIT, orjson.dumps({**DECISION, "seen_counter": 5})),
        (AUDIT, orjson.dumps({**DECISION, "request_id": ":::::::"})),
        (AUDIT, orjson.dumps({**DECISION, "disposition": "PARKED", "reason": "\x1b[31m"})),
        (COMMANDS, b"<xml/>"),
        (COMMANDS, orjson.dumps(COMMAND)),
        (COMMANDS, orjson.dumps({**COMMAND, "gbcs_payload": {"a": 1}})),
        (COMMANDS, orjson.dumps({**COMMAND, "gbcs_payload": "A" * 1_000_000})),
    ]
    await write(served, hostile)
    told = rebuilt(cli, served, tmp_path, expected=1)
    found = {fault["kind"]: fault for fault in told["faults"]}
    assert found.keys() == FAULTS.keys() - {"MESSAGE_DIFFERS"}
    assert found["COUNTER_OUT_OF_RANGE"]["count"] == 1
    assert found["UNREADABLE_MESSAGE"]["count"] == 3
    assert all(fault["records"] for fault in told["faults"])
    after = entries(tmp_path)
    assert after.pop(DEVICE)["issued_numbers"] == ["7"]
    assert after == honest
    shown = cli("counters", "rebuild", "again.jsonl", "--config", served.config, expected=1)
    assert "\x1b" not in shown.stderr
    assert "cannot be right" in shown.stderr


async def test_outputs_that_were_copied_twice_and_in_another_order_tell_the_same(
    cli: Cli, served: Site, tmp_path: Path
) -> None:
    """As a mirror that began again does it, or a person who puts exports together."""
    rebuilt(cli, served, tmp_path)
    honest = entries(tmp_path)
    again: list[tuple[str, bytes | None]] = []
    for stream in (COMMANDS, AUDIT):
        lines = cli("read", stream, "--from-start", "--config", served.config).stdout.splitlines()
        again += [(stream, orjson.dumps(json.loads(line)["value"])) for line in reversed(lines)]
    await write(served, again)
    assert rebuilt(cli, served, tmp_path)["faults"] == []
    assert entries(tmp_path) == honest


def test_numbers_that_an_import_brought_are_known(cli: Cli, served: Site, tmp_path: Path) -> None:
    """Nothing tells of them but the changelog, which is lost, and the decision that took them."""
    entry = {
        "device_id": DEVICE,
        "remote_party_role": "Supplier",
        "recorded": "5",
        "seen": "6",
        "issued": "9000",
        "issued_numbers": ["70", "30"],
        "issued_blocks": [["100", "200"]],
        "request_ids": {f"90-B3-D5-1F-30-01-00-00:{DEVICE}:1": "300"},
    }
    before = tmp_path / "before.jsonl"
    with before.open("wb") as out:
        exporter = Exporter(out, losses=[])
        exporter.add(entry)
        exporter.finish()
    at = ("--config", served.config)
    cli("counters", "import", before, "--reason", "moved", "--by", "ann", "--by", "bob", *at)
    cli("run", "--until-idle", *at)
    told = rebuilt(cli, served, tmp_path)
    assert "ADJUSTMENTS" not in {one["what"] for one in told["cannot_be_known"]}
    lines = [line for line in map(json.loads, exported(tmp_path)) if line["device_id"] == DEVICE]
    [marks] = [line for line in lines if line["issued"] is not None]
    assert (marks["recorded"], marks["seen"], marks["issued"]) == ("5", "6", "9000")
    [blocks] = [line["issued_blocks"] for line in lines if "issued_blocks" in line]
    covered = {number for first, last in blocks for number in range(int(first), int(last) + 1)}
    assert {30, 70, *range(100, 201), 300} <= covered
    assert covered.isdisjoint({1, 29, 40, 250, 301}), "and few others"
    # What it makes is taken like any other.
    cli("counters", "import", tmp_path / "numbers.jsonl", "--reason", "r", "--by", "ann", *at)


@pytest.mark.parametrize(
    ("more", "used", "blocks", "floor", "untold"),
    [
        ({}, (), (), None, True),
        ({"at_least": "4"}, (4,), (), None, False),
        ({"issued_floor": "9"}, (), (), 9, False),
        ({"issued_blocks": [RUN]}, (), ((3, 8),), None, False),
        ({"kind": "seen", "issued_blocks": [RUN] * 2}, (), ((3, 8), (3, 8)), None, False),
        ({"issued_blocks": [{"first": "8", "last": "3"}]}, (), (), None, True),
        ({"issued_blocks": [RUN, {"first": "3", "last": str(2**63)}]}, (), (), None, True),
        ({"issued_blocks": [RUN, "3"]}, (), (), None, True),
        ({"issued_blocks": [RUN] * 17}, (), (), None, True),
        ({"issued_blocks": "3"}, (), (), None, True),
        ({"kind": "seen", "at_least": "4"}, (), (), None, False),
    ],
)
def test_what_an_adjustment_tells(
    more: dict[str, Any],
    used: tuple[int, ...],
    blocks: tuple[tuple[int, int], ...],
    floor: int | None,
    *,
    untold: bool,
) -> None:
    """Earlier releases wrote nothing of an import's numbers: then the report says so."""
    decision = {
        **DECISION,
        "disposition": "SEEN",
        "reason": "ADJUSTED",
        "originator_counter": None,
        "adjusted": {"by": ["ann"], "kind": "issued", "at_least": None, **more},
    }
    faults: list[RecordFault] = []
    told = told_by(Record(AUDIT, 0, 0, None, orjson.dumps(decision), (), 0), faults)
    assert told is not None
    assert (told.used, told.blocks, told.floor, told.untold) == (used, blocks, floor, untold)
    assert bool(faults) == (untold and bool(more))


ANSWER = {
    "kind": "RESPONSE",
    "signature": "valid",
    "header_counter": "5000",
    "authorising_seq_number": "5001",
}


@pytest.mark.parametrize("reason", ["READ_BACK", "UNEXPECTED_PARTY", "CONFLICTING_CONTENT"])
@pytest.mark.parametrize("role", ["Supplier", None])
@pytest.mark.parametrize(
    ("more", "blocks"),
    [
        ({}, ((5000, 5000), (5001, 5001))),
        ({"authorising_seq_number": None}, ((5000, 5000),)),
        # The header of an alert has the device's own number.
        ({"kind": "ALERT"}, ((5001, 5001),)),
        ({"signature": "unchecked"}, ()),
        ({"kind": "COMMAND"}, ()),
    ],
)
def test_whatever_a_device_answers_to_has_a_number(
    reason: str, role: str | None, more: dict[str, Any], blocks: tuple[tuple[int, int], ...]
) -> None:
    """Of other services as well: their commands have it, and no command of this one may."""
    decision = {
        **DECISION,
        "disposition": "SEEN",
        "reason": reason,
        "remote_party_role": role,
        "originator_counter": None,
        "message": {**ANSWER, **more},
    }
    faults: list[RecordFault] = []
    told = told_by(Record(AUDIT, 0, 0, None, orjson.dumps(decision), (), 0), faults)
    assert told is not None
    assert (told.used, told.blocks, faults) == ((), blocks, [])
    assert told.role == (role or ("NetworkOperator" if blocks else None))


@pytest.mark.parametrize(
    ("reason", "blocks"), [("READ_BACK", ((5000, 5000), (5001, 5001))), ("ACB_IN_SLOT", ())]
)
def test_what_a_party_answered_to_is_recorded_and_no_number_of_the_acb(
    reason: str, blocks: tuple[tuple[int, int], ...]
) -> None:
    decision = {**DECISION, "reason": reason, "originator_counter": None, "message": ANSWER}
    decision |= {"disposition": "RECORDED", "recorded_counter": "5001", "seen_counter": "5001"}
    told = told_by(Record(AUDIT, 0, 0, None, orjson.dumps(decision), (), 0), [])
    assert told is not None
    assert (told.used, told.blocks) == ((), blocks)


def test_of_one_output_alone_every_command_is_known(cli: Cli, served: Site, tmp_path: Path) -> None:
    lines = cli("read", COMMANDS, "--from-start", "--config", served.config).stdout.splitlines()
    used = {(one["device_id"], one["originator_counter"]) for one in map(_value, lines)}
    for output in (COMMANDS, AUDIT):
        at = ("--config", served.config)
        cli("counters", "rebuild", tmp_path / "numbers.jsonl", "--from", output, *at)
        _, *told, _ = (tmp_path / "numbers.jsonl").read_text().splitlines()
        found = {
            (entry["device_id"], number)
            for entry in map(json.loads, told)
            for number in entry["issued_numbers"]
        }
        assert found == used


def _value(line: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(line)["value"]
    return value


async def test_the_message_counts_and_not_what_is_said_beside_it(
    cli: Cli, served: Site, tmp_path: Path
) -> None:
    rebuilt(cli, served, tmp_path)
    honest = entries(tmp_path)
    lines = cli("read", COMMANDS, "--from-start", "--config", served.config).stdout.splitlines()
    command = json.loads(lines[0])["value"]
    lie = {**command, "device_id": DEVICE, "originator_counter": str(2**62 + 1)}
    await write(served, [(COMMANDS, orjson.dumps(lie))])
    told = rebuilt(cli, served, tmp_path, expected=1)
    kinds = [fault["kind"] for fault in told["faults"]]
    assert kinds == ["MESSAGE_DIFFERS"]
    assert entries(tmp_path) == honest


async def test_a_number_above_the_ceiling_is_shown_before_it_is_imported(
    cli: Cli, served: Site, tmp_path: Path
) -> None:
    above = {**DECISION, "originator_counter": str(2**62 + 1)}
    await write(served, [(AUDIT, orjson.dumps(above))])
    told = rebuilt(cli, served, tmp_path)
    unknown = {one["what"]: one for one in told["cannot_be_known"]}
    assert unknown["ABOVE_CEILING"]["examples"] == [f"{DEVICE} NetworkOperator {2**62 + 1}"]
    file = tmp_path / "numbers.jsonl"
    at = ("--config", served.config, "--reason", "r", "--by", "ann")
    assert "must sign" in cli("counters", "import", file, *at, "--by", "bob", expected=2).stderr


def test_what_retention_took_is_told(cli: Cli, served: Site, tmp_path: Path) -> None:
    file = served.config.parent / "streams.db"
    with closing(sqlite3.connect(file)) as store, store:
        of_audit = "FROM log WHERE id >> ? = ?"
        stream = (PARTITION_BITS + OFFSET_BITS, SLOTKEEPER.names.index(AUDIT))
        oldest = f"SELECT min(id) {of_audit} GROUP BY id >> {OFFSET_BITS}"
        issued = f"SELECT id {of_audit} AND instr(value, CAST('\"ISSUED\"' AS BLOB)) LIMIT 1"
        store.execute(f"DELETE FROM log WHERE id IN ({oldest})", stream)  # noqa: S608
        store.execute(f"DELETE FROM log WHERE id IN ({issued})", stream)  # noqa: S608
    told = rebuilt(cli, served, tmp_path)
    unknown = {one["what"]: one for one in told["cannot_be_known"]}
    assert unknown["BEGINNING_GONE"]["examples"][0].startswith(f"{AUDIT} partition")
    assert unknown["DECISIONS_GONE"]["count"] >= 1


def test_streams_that_tell_nothing_are_no_import(cli: Cli, site: Site) -> None:
    at = ("--config", site.config)
    cli("streams", "create", *at)
    told = cli("counters", "rebuild", "numbers.jsonl", *at, expected=1)
    assert "the lost store" in told.stderr
    told = cli("counters", "rebuild", "--from", "audit-trail,dead-letters", *at, expected=2)
    assert "dead-letters" in told.stderr
    cli("counters", "rebuild", "--json", *at, expected=2)


def test_many_numbers_become_adjustments_that_can_be_read() -> None:
    numbers = [(2**62 + number, f"{DEVICE}:{2**64 - 1}") for number in range(5_000)]
    lines = list(lines_of(DEVICE, iter(numbers)))
    assert [int(one) for line in lines for one in line["issued_numbers"]] == [
        number for number, _ in numbers
    ]
    for line in lines:
        record = message_of(
            DEVICE, "NetworkOperator", reason="r" * 1_000, by=("a", "b"), source="s", **line
        )
        assert len(record.value or b"") < MESSAGE_LIMIT


TEXT = st.text("a:-7\x1b\u20ac\ud800", max_size=8)
ANY_MEMBER = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | TEXT
    | st.sampled_from([DEVICE, "7", str(2**63), "PARKED", "ISSUED", "decision", "NetworkOperator"])
    | st.binary(max_size=40).map(lambda octets: base64.b64encode(octets).decode()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(
    stream=st.sampled_from([AUDIT, COMMANDS]),
    base=st.sampled_from([DECISION, COMMAND]),
    changed=st.dictionaries(
        st.sampled_from([*DECISION, *COMMAND, "message", "adjusted", "flags", "recorded_counter"]),
        ANY_MEMBER,
        max_size=4,
    ),
)
def test_no_record_is_more_than_a_fault(
    stream: str, base: dict[str, object], changed: dict[str, object]
) -> None:
    value = json.dumps({**base, **changed}).encode()
    faults: list[RecordFault] = []
    told_by(Record(stream, 0, 0, b"k", value, [], 0), faults)
    assert {fault.kind for fault in faults} <= FAULTS.keys()


def test_people_see_how_far_it_has_come(served: Site, tmp_path: Path) -> None:
    terminal, end = pty.openpty()
    with subprocess.Popen(
        (
            *(conftest.COMMAND, "counters", "rebuild", tmp_path / "numbers.jsonl"),
            *("--config", served.config),
        ),
        stdout=subprocess.DEVNULL,
        stderr=end,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    ) as program:
        os.close(end)
        seen = "".join(shown_on(terminal))
        os.close(terminal)
    assert program.returncode == 0
    assert all(f"reading {output}" in seen for output in (AUDIT, COMMANDS))


def shown_on(terminal: int) -> Iterator[str]:
    """Give all that is written to the other end until it is closed, which a slow one waits for."""
    while True:
        try:
            octets = os.read(terminal, 1 << 16)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return
        yield octets.decode(errors="replace")


def test_a_file_that_is_not_written_leaves_the_one_before(
    cli: Cli, served: Site, tmp_path: Path
) -> None:
    file, kept = tmp_path / "numbers.jsonl", tmp_path / "kept"
    file.symlink_to(kept)
    at = ("--config", served.config)
    cli("counters", "export", file, *at)
    assert file.is_symlink()
    before = kept.read_bytes()
    streams = served.config.parent / "streams.db"
    streams.rename(streams.with_suffix(".gone"))
    for command in ("export", "rebuild"):
        cli("counters", command, file, *at, expected=2)
        assert file.read_bytes() == before
    left = {each.name for each in tmp_path.iterdir()}
    assert {name for name in left if "numbers" in name or "kept" in name} == {file.name, kept.name}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([{"losses": 0}], (0, None)),
        ([{"losses": 3}, {"losses": 2}], (3, None)),
        ([{}, {}], (2, 2)),
        ([{}, {"losses": 4}], (4, 1)),
        ([{"losses": "many"}, {"losses": -1}, {"losses": True}], (3, 3)),
    ],
)
async def test_acknowledgements_tell_how_often_commits_were_lost(
    cli: Cli,
    site: Site,
    tmp_path: Path,
    said: list[dict[str, object]],
    told: tuple[int, int | None],
) -> None:
    records = [json.dumps({"kind": "acknowledgement", **one}).encode() for one in said]
    decision = (AUDIT, json.dumps(DECISION).encode())
    await write(site, [decision, *((AUDIT, record) for record in records)])
    faulty = any(not isinstance(one.get("losses", 0), int) for one in said)
    report = rebuilt(cli, site, tmp_path, expected=1 if faulty else 0)
    unknown = {one["what"]: one["count"] for one in report["cannot_be_known"]}
    assert (max(report["losses"]), unknown.get("LOSSES")) == told
