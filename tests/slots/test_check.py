"""What `registers check` finds, and nothing else."""

from datetime import date
from pathlib import Path

import pytest
from tests.slots.desk import START, Desk, eui, operator, pem, revocations, serial

from slotkeeper.slots.registers.kinds import CERTIFICATES, PARTIES
from slotkeeper.streams import Message

TODAY = date(2026, 11, 26)
ONE = operator(1)
DS, KA = ONE.digital_signature.certificate, ONE.key_agreement.certificate
COLUMNS = "party_id,name,kind,eui64,dcc_user_from,dcc_user_until,intent_on\n"
USER = f"{COLUMNS}NORTH,Northern Gas,GNO,{eui(ONE)},2025-01-01,,\n"


@pytest.fixture
async def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def kinds(desk: Desk, as_of: date = TODAY, *, days: int = 30) -> list[tuple[str, str, str]]:
    return [(one.kind, one.party_id, one.serial) for one in await desk.odd(as_of, days=days)]


async def test_a_user_with_both_certificates_is_not_odd(desk: Desk) -> None:
    await desk.parties(USER)
    await desk.certificates(pem(DS) + pem(KA), status="I")
    assert await kinds(desk) == []


async def test_r15_a_subscriber_that_is_no_user(desk: Desk) -> None:
    await desk.parties(USER.replace("2025-01-01", ""))
    await desk.certificates(pem(DS), status="I")
    assert await kinds(desk) == [("SUBSCRIBER_NOT_USER", "NORTH", serial(DS))]


@pytest.mark.parametrize(("held", "lacks"), [(DS, "KA"), (KA, "DS")])
async def test_half_subscribed(desk: Desk, held: bytes, lacks: str) -> None:
    await desk.parties(USER)
    await desk.certificates(pem(held), status="I")
    [one] = await desk.odd(TODAY)
    assert (one.kind, one.party_id) == ("HALF_SUBSCRIBED", "NORTH")
    assert f"none for {lacks}" in one.detail


async def test_a_revoked_certificate_is_not_in_use(desk: Desk) -> None:
    await desk.parties(USER)
    await desk.certificates(pem(DS) + pem(KA), status="I")
    await desk.certificates(revocations(KA))
    assert [kind for kind, *_ in await kinds(desk)] == ["HALF_SUBSCRIBED"]
    assert await kinds(desk, date(2026, 5, 31)) == []


async def test_certificates_that_expire_soon(desk: Desk) -> None:
    await desk.parties(USER)
    await desk.certificates(pem(DS) + pem(KA), status="I")
    expires = date(2034, 12, 30)  # 3,650 days from the first of 2025
    before = date(2034, 11, 30)
    assert await kinds(desk, before, days=29) == []
    found = await desk.odd(before, days=30)
    assert [(one.kind, one.since) for one in found] == [("EXPIRING", expires)] * 2
    assert {one.serial for one in found} == {serial(DS), serial(KA)}


async def test_p41_two_identities_are_one_party_and_one_identity_is_not_two(desk: Desk) -> None:
    two = operator(2)
    identities = f"{eui(ONE)};{eui(two)}"
    await desk.parties(USER.replace(eui(ONE), identities))
    both = pem(DS) + pem(two.key_agreement.certificate)
    await desk.certificates(both, status="I")
    assert await kinds(desk) == []
    await desk.parties(f"{COLUMNS}SOUTH,Southern Gas,GNO,{eui(two)},,,\n")
    assert ("EUI_IN_TWO_PARTIES", "NORTH", "") in await kinds(desk)
    assert ("EUI_IN_TWO_PARTIES", "SOUTH", "") in await kinds(desk)


async def test_r19_p14_a_subscription_after_the_intent_to_leave(desk: Desk) -> None:
    await desk.parties(USER + "NORTH,,,,,,2026-06-01\n")
    await desk.certificates(pem(DS) + pem(KA), status="I")
    assert await kinds(desk) == []
    renewed = operator(1, generation=1, since=date(2026, 7, 1))
    await desk.certificates(
        pem(renewed.digital_signature.certificate), status="I", at=START.replace(month=7)
    )
    late = serial(renewed.digital_signature.certificate)
    assert await kinds(desk) == [("SUBSCRIBED_AFTER_INTENT", "NORTH", late)]
    assert await kinds(desk, date(2026, 6, 30)) == []


@pytest.mark.parametrize("stream", [PARTIES.stream, CERTIFICATES.stream])
async def test_what_cannot_be_read_is_named_and_the_rest_is_used(desk: Desk, stream: str) -> None:
    await desk.parties(USER)
    await desk.streams.publish([Message(stream, b"BAD", b"{")])
    await desk.streams.publish([Message(stream, b"\xff", b"[]")])
    found = await desk.odd(TODAY)
    assert [one.kind for one in found] == ["UNREADABLE"] * 2
    assert all(stream in one.detail for one in found)


async def test_a_record_under_another_key_counts_for_nothing(desk: Desk) -> None:
    await desk.parties(USER)
    [(_, octets)] = [(r.key, r.value) async for b in desk.streams.read(PARTIES.stream) for r in b]
    await desk.streams.publish([Message(PARTIES.stream, b"SOUTH", octets)])
    [one] = await desk.odd(TODAY)
    assert "another key" in one.detail
