"""Register records: what is taken, and each refusal with its reason."""

from datetime import date
from typing import Any

import orjson
import pytest

from slotkeeper.slots.facts import Exit, Period, Registered
from slotkeeper.slots.registers.records import RefusedError, party, registration

PARTY: dict[str, Any] = {
    "party_id": "NORTH",
    "name": "Northern Gas",
    "kind": "GNO",
    "eui64": ["90b3d51f30020000", "90-B3-D5-1F-30-01-00-00"],
    "dcc_user": [{"from": "2026-03-01"}, {"from": "2025-01-01", "until": "2026-01-01"}],
    "exits": [{"intent_on": "2025-06-01", "keys_kept_until": "2026-02-01"}],
    "ignored": 1,
}
HISTORY: dict[str, Any] = {
    "mprn": "1234567890",
    "history": [
        {"from": "2026-05-01", "gas_network_party": "SOUTH", "gas_supplier": None},
        {"from": "2026-01-01", "gas_network_party": "NORTH", "gas_supplier": "SUP"},
    ],
}


def test_a_party_is_the_same_in_any_order() -> None:
    told = party(orjson.dumps(PARTY))
    assert told.eui64 == ("90-B3-D5-1F-30-01-00-00", "90-B3-D5-1F-30-02-00-00")
    assert told.dcc_user == (
        Period(first=date(2025, 1, 1), until=date(2026, 1, 1)),
        Period(first=date(2026, 3, 1)),
    )
    assert told.exits == (Exit(intent_on=date(2025, 6, 1), keys_kept_until=date(2026, 2, 1)),)
    shuffled = {
        name: value[::-1] if isinstance(value, list) else value for name, value in PARTY.items()
    }
    assert party(orjson.dumps(shuffled)) == told


def test_a_history_is_sorted() -> None:
    mprn, history = registration(orjson.dumps(HISTORY))
    assert mprn == "1234567890"
    assert history == (
        Registered(first=date(2026, 1, 1), gas_network_party="NORTH", gas_supplier="SUP"),
        Registered(first=date(2026, 5, 1), gas_network_party="SOUTH", gas_supplier=None),
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"party_id": "north"}, "party_id must"),
        ({"party_id": "-2"}, "not begin with -"),
        ({"party_id": "N" * 17}, "1 to 16"),
        ({"party_id": None}, "party_id must"),
        ({"name": "=1+1"}, "formula"),
        ({"name": " @SUM(A1)"}, "formula"),
        ({"name": "a\nb"}, "control characters"),
        ({"name": "a" * 201}, "at most 200"),
        ({"kind": "DNO"}, "kind"),
        ({"eui64": ["90-B3"]}, r"eui64\[0\] is no EUI-64"),
        ({"eui64": ["90b3d51f30020000", "90-B3-D5-1F-30-02-00-00"]}, "twice"),
        ({"eui64": ["x"] * 1001}, "at most 1000"),
        ({"dcc_user": [{"from": "2026-01-02", "until": "2026-01-02"}]}, "ends before"),
        ({"dcc_user": [{"from": "2026-01-01"}, {"from": "2027-01-01"}]}, "overlap"),
        ({"dcc_user": [{"until": "2026-01-02"}]}, "from is missing"),
        ({"dcc_user": [{"from": "2026-02-30"}]}, "calendar"),
        ({"dcc_user": [{"from": "20260201"}]}, "YYYY-MM-DD"),
        ({"dcc_user": ["2026-02-01"]}, "must be an object"),
        (
            {"exits": [{"intent_on": "2026-02-01", "cancelled_on": "2026-01-01"}]},
            "before intent_on",
        ),
    ],
)
def test_a_party_that_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        party(orjson.dumps({**PARTY, **change}))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"mprn": ""}, "1 to 10"),
        ({"mprn": "12345678901"}, "at most 10"),
        ({"mprn": 1}, "must be a text"),
        ({"mprn": "+1"}, "formula"),
        ({"history": [HISTORY["history"][0]] * 2}, "two entries from 2026-05-01"),
        ({"history": [{"from": "2026-05-01", "gas_supplier": "=1"}]}, "gas_supplier must"),
    ],
)
def test_a_registration_that_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        registration(orjson.dumps({**HISTORY, **change}))


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "no JSON"),
        (b"[]", "no JSON object"),
        (b"\xff", "no JSON"),
        (orjson.dumps(PARTY) + b" " * 65_536, "longer than 65536"),
    ],
    ids=["empty", "list", "no UTF-8", "long"],
)
def test_octets_that_are_no_record(octets: bytes, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        party(octets)
