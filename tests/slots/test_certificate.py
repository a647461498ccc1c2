"""Certificate records: the DER decides, and a record that says otherwise is refused."""

import base64
from datetime import UTC, date, datetime
from typing import Any

import orjson
import pytest

from slotkeeper.lab.pki import Pki
from slotkeeper.slots.facts import Period, Status
from slotkeeper.slots.registers.certificate import certificate, until
from slotkeeper.slots.registers.records import RefusedError

PKI = Pki(7)
ACB = PKI.acb.digital_signature
DER = ACB.certificate


def record(**change: object) -> bytes:
    return orjson.dumps(
        {
            "certificate": base64.b64encode(DER).decode(),
            "status": [{"code": "P", "from": "2026-01-01"}, {"code": "I", "from": "2026-01-02"}],
            **change,
        }
    )


def test_the_der_decides() -> None:
    told = certificate(record(key_usage="DS", role_code="04"))
    assert (
        told.subject_eui64.replace("-", "")
        == str(ACB.details.subject_unique_id).replace("-", "").upper()
    )
    assert told.key_identifier == ACB.details.key_identifier.hex()
    assert (told.role_code, told.key_usage, told.party_id) == ("04", "DS", None)
    assert told.valid == Period(first=date(2015, 1, 1), until=date(2045, 1, 1))
    assert told.status[-1] == Status(code="I", first=date(2026, 1, 2))
    assert (
        certificate(
            orjson.dumps(
                {"certificate": base64.b64encode(PKI.acb.key_agreement.certificate).decode()}
            )
        ).key_usage
        == "KA"
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"serial": "01"}, "serial contradicts"),
        ({"key_usage": "KA"}, "key_usage contradicts"),
        ({"role_code": "03"}, "role_code contradicts"),
        ({"subject_eui64": "90-B3-D5-1F-30-00-00-02"}, "subject_eui64 contradicts"),
        ({"not_after": "2046-01-01T00:00:00Z"}, "not_after contradicts"),
        ({"sha256": "00"}, "sha256 contradicts"),
        ({"certificate": None}, "missing"),
        ({"certificate": "%"}, "no base64"),
        ({"certificate": "MAA="}, "no organisation certificate"),
        (
            # 2.5.4.45, subjectUniqueIdentifier, made 2.5.4.46.
            {
                "certificate": base64.b64encode(
                    DER.replace(b"\x06\x03\x55\x04\x2d", b"\x06\x03\x55\x04\x2e")
                ).decode()
            },
            "no organisation certificate",
        ),
        ({"certificate": base64.b64encode(DER + b"0").decode()}, "no organisation certificate"),
        (
            {"certificate": base64.b64encode(PKI.device(1).digital_signature.certificate).decode()},
            "no organisation certificate",
        ),
        ({"party_id": "=1"}, "party_id must"),
        ({"status": [{"code": "X", "from": "2026-01-01"}]}, "code must be"),
        (
            {"status": [{"code": "I", "from": "2026-01-02"}, {"code": "P", "from": "2026-01-01"}]},
            "order of its days",
        ),
    ],
)
def test_a_certificate_that_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        certificate(record(**change))


@pytest.mark.parametrize(
    ("not_after", "day"),
    [
        (datetime(2026, 5, 1, 23, 59, 58, tzinfo=UTC), date(2026, 5, 1)),
        (datetime(2026, 5, 1, 23, 59, 59, tzinfo=UTC), date(2026, 5, 2)),
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), None),
    ],
)
def test_a_day_counts_to_its_end(not_after: datetime, day: date | None) -> None:
    assert until(not_after) == day
