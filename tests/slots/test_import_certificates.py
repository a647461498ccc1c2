"""Imports of certificates: the DER decides, a status gets its day, a revocation stays."""

import base64
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.slots.desk import (
    NOW,
    PKI,
    START,
    Desk,
    anchor,
    answer,
    answers,
    eui,
    operator,
    pem,
    revocations,
    serial,
)

from slotkeeper.slots.facts import Status
from slotkeeper.slots.registers.kinds import CERTIFICATES, PARTIES
from slotkeeper.slots.registers.reading import read_registers
from slotkeeper.slots.standing import in_use, status_at

ONE = operator(1)
DS, KA = ONE.digital_signature.certificate, ONE.key_agreement.certificate
PARTIES_FILE = f"party_id,name,kind,eui64\nNORTH,Northern Gas,GNO,{eui(ONE)}\n"


@pytest.fixture
async def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def one(desk: Desk) -> dict[str, Any]:
    [record] = (await desk.held(CERTIFICATES)).values()
    return record


async def test_a_folder_of_pem_and_der(desk: Desk) -> None:
    desk.file(pem(DS) + pem(DS), name="folder/both.pem")
    desk.file(KA, name="folder/ka.der")
    desk.file("-----BEGIN PRIVATE KEY-----", name="folder/ds.key")
    outcome = await desk.certificates(desk.folder / "folder")
    assert (outcome.rows, outcome.added, outcome.refused) == (3, 2, 0)
    held = await desk.held(CERTIFICATES)
    assert sorted(record["key_usage"] for record in held.values()) == ["DS", "KA"]
    for key, record in held.items():
        assert key == f"{record['issuer']}/{record['serial']}"
        assert record["subject_eui64"] == eui(ONE)
        assert "status" not in record


async def test_a_status_may_be_given_for_what_knows_none(desk: Desk) -> None:
    await desk.certificates(pem(DS), status="I")
    assert (await one(desk))["status"] == [{"from": "2025-01-01", "source": "MANUAL", "code": "I"}]


async def test_a_record_may_know_no_status_either(desk: Desk) -> None:
    record = {"certificate": base64.b64encode(DS).decode()}
    await desk.certificates(orjson.dumps(record), status="I")
    assert (await one(desk))["status"] == [{"from": "2025-01-01", "source": "MANUAL", "code": "I"}]
    told = {**record, "status": [{"code": "N", "from": "2026-02-01"}]}
    await desk.certificates(orjson.dumps(told), status="I", at=START + timedelta(days=60))
    assert [entry["code"] for entry in (await one(desk))["status"]] == ["I", "N"]


async def test_a_private_key_is_refused_and_not_shown(desk: Desk) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nU0VDUkVU\n-----END PRIVATE KEY-----\n"
    outcome = await desk.certificates(key.encode() + pem(DS))
    assert (outcome.added, outcome.refused) == (1, 1)
    assert desk.refused == [(1, "neither a certificate nor a revocation list")]


async def test_a_block_that_is_cut_is_refused(desk: Desk) -> None:
    outcome = await desk.certificates(pem(DS) + pem(KA)[:-30])
    assert (outcome.added, outcome.refused) == (1, 1)


def with_serial(der: bytes, octet: int) -> bytes:
    """Give a certificate a serial of the same length that is 0 or negative."""
    number = x509.load_der_x509_certificate(der).serial_number
    octets = number.to_bytes((number.bit_length() + 8) // 8)
    return der.replace(octets, bytes([octet]) + bytes(len(octets) - 1), 1)


@pytest.mark.parametrize(
    ("der", "reason"),
    [
        (with_serial(DS, 0x80), "its serial is not positive"),
        # A revocation list of a version that there is not.
        (
            x509.load_pem_x509_crl(revocations(DS))
            .public_bytes(Encoding.DER)
            .replace(b"\x02\x01\x01\x30", b"\x02\x01\x72\x30", 1),
            "no organisation certificate",
        ),
        (PKI.device(1).digital_signature.certificate, "has not one role"),
        (PKI.issuing.certificate, "no organisation certificate"),
        (DS[:-1] + b"\0\0", "no organisation certificate"),
    ],
    ids=["serial", "version", "device", "authority", "damaged"],
)
async def test_what_is_no_organisation_certificate_is_refused(
    desk: Desk, der: bytes, reason: str
) -> None:
    await desk.certificates(der)
    [(row, told)] = desk.refused
    assert row == 1
    assert reason in told


async def test_parties_get_their_certificates_in_any_order(desk: Desk) -> None:
    await desk.certificates(pem(DS))
    assert "party_id" not in await one(desk)
    await desk.parties(PARTIES_FILE)
    first = await one(desk)
    assert first["party_id"] == "NORTH"
    other = Desk(desk.folder / "other")
    other.folder.mkdir()
    await other.parties(PARTIES_FILE)
    await other.take(CERTIFICATES, other.file(pem(DS), name="file-0"))
    assert await one(other) == first


async def test_an_identity_of_two_parties_names_neither(desk: Desk) -> None:
    await desk.parties(PARTIES_FILE + f"SOUTH,Southern,GNO,{eui(ONE)}\n")
    await desk.certificates(pem(DS))
    assert "party_id" not in await one(desk)


def table(der: bytes, **cells: str) -> str:
    cells = {"certificate": base64.b64encode(der).decode(), **cells}
    return f"{','.join(cells)}\n{','.join(cells.values())}\n"


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"serial": "01"}, "serial contradicts the certificate"),
        ({"serial": "xyz"}, "serial must be hexadecimal"),
        ({"key_usage": "KA"}, "key_usage contradicts"),
        ({"role_code": "02"}, "role_code contradicts"),
        ({"subject_eui64": "90-B3-D5-1F-30-00-00-02"}, "subject_eui64 contradicts"),
        ({"not_after": "2046-01-01T00:00:00Z"}, "not_after contradicts"),
        ({"party_id": "NOBODY"}, "NOBODY is not in the register"),
        ({"party_id": "SOUTH"}, "party_id SOUTH contradicts the register"),
        ({"status": "X"}, "status must be one of"),
        ({"status": "I", "status_from": "2026-02-30"}, "calendar"),
    ],
)
async def test_a_row_that_contradicts_its_certificate_is_refused(
    desk: Desk, cells: dict[str, str], reason: str
) -> None:
    await desk.parties(PARTIES_FILE + "SOUTH,Southern,GNO,\n")
    outcome = await desk.certificates(table(DS, **cells))
    assert (outcome.added, outcome.refused) == (0, 1)
    assert reason in desk.refused[0][1]


async def test_a_table_of_certificates(desk: Desk) -> None:
    cells = {"serial": f"00{serial(DS).lower()}", "status": "N", "status_from": "2026-03-01"}
    await desk.certificates(table(DS, **cells))
    assert (await one(desk))["status"] == [{"from": "2026-03-01", "source": "MANUAL", "code": "N"}]


async def test_an_answer_of_the_repository(desk: Desk) -> None:
    told = answers(answer(DS), answer(KA, "N", usage="KA"))
    outcome = await desk.certificates(b"\n  " + told)
    assert (outcome.rows, outcome.added, outcome.refused) == (2, 2, 0)
    found = {record["key_usage"]: record for record in (await desk.held(CERTIFICATES)).values()}
    # "In use" began with the certificate; since when it is not is not known, only that it is not.
    assert found["DS"]["status"] == [{"from": "2025-01-01", "source": "REPOSITORY", "code": "I"}]
    assert found["KA"]["status"] == [{"from": "2026-01-01", "source": "REPOSITORY", "code": "N"}]


async def test_a_weekly_answer_that_says_the_same_publishes_nothing(desk: Desk) -> None:
    for week in range(3):
        await desk.certificates(answers(answer(DS)), at=START + timedelta(weeks=week))
    assert await desk.published(CERTIFICATES) == 1


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
@pytest.mark.parametrize(("codes", "revoked"), [("IIR", "2026-01-15"), ("IRR", "2026-01-08")])
async def test_answers_in_any_order_give_one_history(
    desk: Desk, order: tuple[int, ...], codes: str, revoked: str
) -> None:
    weekly = [
        desk.file(answers(answer(DS, code)), at=START + timedelta(weeks=week), name=f"{week}.xml")
        for week, code in enumerate(codes)
    ]
    for week in order:
        await desk.certificates(weekly[week])
    assert (await one(desk))["status"] == [
        {"from": "2025-01-01", "source": "REPOSITORY", "code": "I"},
        {"from": revoked, "source": "REPOSITORY", "code": "R"},
    ]


async def test_a_search_tells_the_status_of_what_is_known(desk: Desk) -> None:
    await desk.certificates(pem(DS))
    result = (
        "<CertificateSearchResponse>"
        f"<Result><CertificateSerial>{serial(DS)}</CertificateSerial>"
        "<CertificateUsage>DS</CertificateUsage><CertificateStatus>R</CertificateStatus>"
        "<CertificateRole>3</CertificateRole></Result>"
        f"<Result><CertificateSerial>{serial(KA)}</CertificateSerial>"
        "<CertificateStatus>I</CertificateStatus></Result>"
        "</CertificateSearchResponse>"
    )
    outcome = await desk.certificates(result, at=START + timedelta(days=1))
    assert (outcome.changed, outcome.refused) == (1, 1)
    assert "no certificate of this serial" in desk.refused[0][1]
    assert (await one(desk))["status"] == [
        {"from": "2026-01-02", "source": "REPOSITORY", "code": "R"}
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"CertificateSerial": "01"}, "serial contradicts"),
        ({"CertificateUsage": "KA"}, "key_usage contradicts"),
        ({"CertificateRole": "2"}, "role_code contradicts"),
        ({"CertificateRole": "x"}, "must be a number"),
        ({"CertificateStatus": "X"}, "status must be one of"),
        ({"CertificateBody": "%"}, "no base64"),
        ({"CertificateBody": "MAA="}, "no organisation certificate"),
        ({"CertificateBody": "M" * 70_000}, "longer than"),
        ({"CertificateSubjectName": "90-B3-D5-1F-30-00-00-02"}, "subject_eui64 contradicts"),
    ],
)
async def test_an_answer_that_contradicts_its_certificate_is_refused(
    desk: Desk, change: dict[str, str], reason: str
) -> None:
    told = answers(answer(DS, change=change), answer(KA, usage="KA"))
    outcome = await desk.certificates(told)
    assert (outcome.added, outcome.refused) == (1, 1)
    assert desk.refused[0][0] == 1
    assert reason in desk.refused[0][1]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b'<!DOCTYPE a [<!ENTITY b "c">]><CertificateDataResponse/>', "document type or entities"),
        (
            b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><CertificateDataResponse/>',
            "document type or entities",
        ),
        (b"<CertificateDataResponse><a>", "no XML"),
        (b"<CertificateDataResponse>&x;</CertificateDataResponse>", "no XML"),
        (b"<other/>", "no CertificateDataResponse"),
        (b"<a>" * 100_000, "more than 16 levels"),
        (b"<a " + b"x" * (3 << 20), "without an element"),
        (b"<a>" + b"x" * (3 << 20), "without an element"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "no XML"),
    ],
    ids=["entity", "outside", "cut", "unknown entity", "other", "deep", "tag", "text", "encoding"],
)
async def test_xml_that_is_not_read(desk: Desk, document: bytes, reason: str) -> None:
    outcome = await desk.certificates(document, pem(DS))
    assert (outcome.added, outcome.refused) == (1, 1)
    assert reason in desk.refused[0][1]


async def test_a_folder_is_read_with_its_folders(desk: Desk) -> None:
    folder = desk.file(pem(DS), name="held/ds.pem").parent
    inner = desk.file(pem(KA), name="held/2026/ka.pem").parent
    desk.file(b"no certificate", name="held/2026/readme.txt")
    (inner / "round").symlink_to(folder, target_is_directory=True)
    outcome = await desk.certificates(folder, status="I")
    assert (outcome.added, outcome.refused) == (2, 0)


async def test_what_is_neither_text_nor_a_certificate_says_so(desk: Desk) -> None:
    outcome = await desk.certificates(b"\x30\x77\x02\x01\x00\x00\xff")
    assert (outcome.added, outcome.refused) == (0, 1)
    assert "neither a certificate" in desk.refused[0][1]


async def test_a_revocation_list_that_has_ended_still_revokes(desk: Desk) -> None:
    ended = datetime(2025, 7, 1, tzinfo=UTC)
    await desk.certificates(pem(DS), status="I")
    await desk.certificates(revocations(DS, at=ended, day=date(2025, 6, 1)))
    assert [entry["code"] for entry in (await one(desk))["status"]] == ["I", "R"]


async def test_what_stood_before_a_break_in_an_answer_is_taken(desk: Desk) -> None:
    outcome = await desk.certificates(answers(answer(DS), answer(KA, usage="KA"))[:-60])
    assert (outcome.added, outcome.refused) == (1, 1)


async def test_p27_revoked_stays_revoked_after_expiry(desk: Desk) -> None:
    short = operator(2, since=date(2016, 1, 1))
    der = short.digital_signature.certificate
    await desk.certificates(pem(der), revocations(der, day=date(2020, 6, 1)), status="I")
    # The list of later has dropped it, and the Repository says that it has expired.
    later = START + timedelta(days=2)
    await desk.certificates(revocations(at=later), answers(answer(der, "E")), at=later)
    [certificate] = (await read_registers(desk.streams)).certificates.values()
    assert status_at(certificate, date(2020, 5, 31)) == "I"
    assert status_at(certificate, date(2026, 6, 1)) == "R"
    assert Status(code="R", first=date(2020, 6, 1)) in certificate.status


async def test_a_revocation_may_come_before_its_certificate(desk: Desk) -> None:
    await desk.certificates(revocations(DS))
    assert (await read_registers(desk.streams)).certificates == {}
    await desk.certificates(pem(DS), status="I")
    first = await one(desk)
    assert first["status"] == [
        {"from": "2025-01-01", "source": "MANUAL", "code": "I"},
        {"from": "2026-06-01", "source": "CRL", "code": "R"},
    ]
    [certificate] = (await read_registers(desk.streams)).certificates.values()
    assert not in_use(certificate, date(2026, 6, 1))
    other = Desk(desk.folder / "other")
    other.folder.mkdir()
    await other.take(CERTIFICATES, other.file(pem(DS), name="file-1"), status="I")
    await other.certificates(revocations(DS))
    assert await one(other) == first


async def test_only_configured_authorities_are_believed(desk: Desk) -> None:
    trusted = [anchor(PKI.issuing)]
    strange = PKI.organisation(ONE.role, 9, issuer=PKI.other_issuing).digital_signature.certificate
    await desk.certificates(pem(strange), pem(DS), anchors=trusted)
    assert [reason for _, reason in desk.refused] == [
        "no authority of verify.issuing_certificates has issued the certificate"
    ]
    await desk.certificates(revocations(strange, issuer=PKI.other_issuing), anchors=trusted)
    assert [reason for _, reason in desk.refused] == [
        "no authority of verify.issuing_certificates has signed the list"
    ]
    forged = revocations(DS).splitlines()
    forged[2] = forged[2][::-1]
    outcome = await desk.certificates(b"\n".join(forged), anchors=trusted)
    assert (outcome.changed, outcome.refused) == (0, 1)
    outcome = await desk.certificates(revocations(DS), anchors=trusted)
    assert (outcome.changed, outcome.refused) == (1, 0)


async def test_a_list_from_the_future_is_refused(desk: Desk) -> None:
    await desk.certificates(revocations(DS, at=NOW + timedelta(days=400)))
    assert [reason for _, reason in desk.refused] == ["the list was made in the future"]


async def test_a_record_of_the_register_can_be_imported_again(desk: Desk) -> None:
    await desk.parties(PARTIES_FILE)
    await desk.certificates(answers(answer(DS)), revocations(DS))
    held = await desk.held(CERTIFICATES)
    lines = b"\n".join(orjson.dumps(record) for record in held.values())
    outcome = await desk.certificates(lines, at=datetime(2026, 2, 1, tzinfo=UTC))
    assert (outcome.unchanged, outcome.refused) == (1, 0)
    assert await desk.held(PARTIES) != {}


async def test_two_certificates_of_one_serial_are_not_mixed(desk: Desk) -> None:
    await desk.certificates(pem(DS))
    [key] = await desk.held(CERTIFICATES)
    forged = {**await one(desk), "certificate": base64.b64encode(KA).decode()}
    await desk.certificates(orjson.dumps(forged))
    assert "contradicts" in desk.refused[0][1]
    assert list(await desk.held(CERTIFICATES)) == [key]
