"""Attempts on a slot, as the builds keep them for exits."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.slots.desk import Desk
from tests.slots.fleet import ACB_CELLS, Fleet, device

from slotkeeper.slots.build.folder import open_build
from slotkeeper.slots.tables import tables

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
OPERATOR = "90-B3-D5-1F-30-00-00-11"


async def attempts(fleet: Fleet) -> list[dict[str, Any]]:
    build = open_build(await fleet.build(NOW))
    with tables(build.reads) as made:
        table = build.table("attempts")
        query = f"SELECT a FROM {table} a ORDER BY audit_offset"  # noqa: S608
        return [row for (row,) in made.rows(query)]


def request(number: int, counter: int) -> str:
    return f"{OPERATOR}:{device(number)}:{counter}"


async def test_each_kind_of_attempt_has_its_word(tmp_path: Path) -> None:
    fleet = Fleet(Desk(tmp_path))
    told = (
        ("SEEN", "PRE_COMMAND", "REQUESTED"),
        ("SEEN", "QUARANTINED", "QUARANTINED"),
        ("NOT_RECORDED", "NO_OUTCOME", "SCHEDULED"),
        ("HANDOVER_CONFIRMED", "ACCEPTED_FOR_LATER", "SCHEDULED"),
        ("PARKED", "UNKNOWN_DEVICE", "PARKED"),
        ("RECORDED", "PARTIAL_KA", "PARTIAL"),
        ("HANDOVER_FAILED", "ERROR_RESPONSE", "FAILED"),
        ("REJECTED", "BAD_SIGNATURE", "REJECTED"),
        ("RECORDED", "ACB_IN_SLOT", "DONE"),
        ("DUPLICATE", "SAME_MESSAGE", None),
        ("ISSUED", "NATURAL", None),
    )
    for offset, (disposition, reason, _) in enumerate(told):
        fleet.decided(
            1,
            ACB_CELLS,
            NOW,
            disposition=disposition,
            reason=reason,
            stream="srv-6.15.1-responses",
            offset=offset,
        )
    for disposition, reason in (("SEEN", "NO_CHANGE"), ("RECORDED", "ACB_IN_SLOT")):
        fleet.decided(
            1,
            ACB_CELLS,
            NOW,
            kind="redecision",
            disposition=disposition,
            reason=reason,
            stream="srv-6.15.1-responses",
            offset=4,
        )
    found = await attempts(fleet)
    words = [what for *_, what in told if what]
    assert [row["what"] for row in found] == [*words, "JUDGED", "DONE"]
    assert [row["stream_offset"] for row in found] == [*range(9), 4, 4]


@pytest.mark.parametrize("told", [OPERATOR, device(1), None])
async def test_who_asked_stands_in_a_command_or_in_the_request_of_an_answer(
    tmp_path: Path, told: str | None
) -> None:
    fleet = Fleet(Desk(tmp_path))
    cell = {
        "key_usage": "digitalSignature",
        "status": "success",
        "existing_subject_unique_id": OPERATOR,
        "replacing_subject_unique_id": "90-B3-D5-1F-30-00-00-02",
    }
    fleet.decided(
        1,
        ACB_CELLS,
        NOW,
        disposition="RECORDED",
        reason="ACB_IN_SLOT",
        stream="srv-6.15.1-responses",
        offset=7,
        request_id=request(1, 1200),
        message={"digest": "00", "originator_id": told, "device_time": "2026-11-20T10:00:00Z"},
        cells=[cell],
    )
    [row] = await attempts(fleet)
    assert row["originator"] == OPERATOR
    assert row["replacing_ds_eui"] == "90-B3-D5-1F-30-00-00-02"
    assert (row["at"], row["at_source"]) == (datetime(2026, 11, 20, 10), "DEVICE")  # noqa: DTZ001
