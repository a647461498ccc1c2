"""Every reason for which a handover is refused, and whether asking again may help."""

import base64
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.scenarios.story import (
    ACB,
    LEAVER,
    PKI,
    RENEWED_ACB,
    SUCCESSOR,
    SUPPLIER,
    Json,
    Story,
    request,
    update,
    verdict,
)

from slotkeeper.lab import anchors, events
from slotkeeper.lab.events import Event
from slotkeeper.lab.gpf import Gpf
from slotkeeper.lab.pki import Organisation
from slotkeeper.lab.terms import Role

EXPIRED = PKI.organisation(Role.NETWORK_OPERATOR, 3, not_after=datetime(2025, 1, 1, tzinfo=UTC))
STRAY = PKI.organisation(Role.NETWORK_OPERATOR, 4, issuer=PKI.other_issuing)


def altered(event: Event, **members: Any) -> Event:  # noqa: ANN401 - JSON
    assert isinstance(event.value, dict)
    return replace(event, value={**event.value, **members})


async def refusal(story: Story, event: Event) -> Json:
    """Tell a request that is refused: nothing is issued, and one record says why."""
    decision = await story.tell(event)
    assert decision["disposition"] in ("REFUSED", "REJECTED")
    assert decision["originator_counter"] is None
    assert await story.commands() == []
    (found,) = await story.learnt("handover-refusals")
    assert found["reason"] == decision["reason"]
    assert found["detail"]
    assert found["source"]["stream"] == events.HANDOVER_REQUESTS
    return found


async def served(story: Story) -> Gpf:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 1200)
    return gpf


@pytest.mark.parametrize("role", ["ACB", "Root", "Recovery", "TransCoS", "LoadController"])
async def test_another_role(story: Story, role: str) -> None:
    gpf = await served(story)
    found = await refusal(story, altered(request(gpf), remote_party_role=role))
    assert (found["reason"], found["retryable"]) == ("UNSUPPORTED_ROLE", False)


async def test_a_request_id_that_names_another_device(story: Story) -> None:
    gpf = await served(story)
    other = story.device()
    named = events.request_id(SUPPLIER.eui, other.eui, 1001)
    found = await refusal(story, altered(request(gpf), request_id=named))
    assert (found["reason"], found["retryable"]) == ("WRONG_DEVICE", False)


async def test_no_device_certificate_yet(story: Story) -> None:
    gpf = story.gpf()
    known = events.inventory(gpf.device)
    await story.publish(altered(known, key_agreement_certificate=None))
    await story.hand_back(gpf, 1200)
    found = await refusal(story, request(gpf))
    assert (found["reason"], found["retryable"]) == ("NO_DEVICE_CERTIFICATE", True)
    await story.publish(known)
    assert verdict(await story.ask(gpf)) == "ISSUED NATURAL"


@pytest.mark.parametrize(
    ("signing", "reason"),
    [
        (SUPPLIER.digital_signature.certificate, "CERTIFICATE_ROLE_MISMATCH"),
        (SUCCESSOR.digital_signature.certificate[:-1], "BAD_CERTIFICATE"),
        (b"no certificate", "BAD_CERTIFICATE"),
    ],
    ids=["a supplier's", "cut", "text"],
)
async def test_certificates_that_cannot_stand_in_the_slot(
    story: Story, signing: bytes, reason: str
) -> None:
    gpf = await served(story)
    sound = request(gpf)
    assert isinstance(sound.value, dict)
    certificates = {
        **sound.value["replacement_certificates"],
        "digital_signing": base64.b64encode(signing).decode(),
    }
    found = await refusal(story, altered(sound, replacement_certificates=certificates))
    assert (found["reason"], found["retryable"]) == (reason, False)


async def test_a_certificate_of_the_other_key_usage(story: Story) -> None:
    gpf = await served(story)
    sound = request(gpf)
    assert isinstance(sound.value, dict)
    given = sound.value["replacement_certificates"]
    swapped = {
        "digital_signing": given["key_agreement"],
        "key_agreement": given["digital_signing"],
    }
    found = await refusal(story, altered(sound, replacement_certificates=swapped))
    assert found["retryable"] is False


@pytest.mark.parametrize("holder", [EXPIRED, STRAY], ids=["expired", "no path"])
async def test_certificates_that_the_path_does_not_carry(
    story: Story, holder: Organisation
) -> None:
    gpf = await served(story)
    path = [base64.b64encode(PKI.issuing.certificate).decode()]
    asked = altered(request(gpf, holder=holder), certification_path_certificates=path)
    found = await refusal(story, asked)
    assert (found["reason"], found["retryable"]) == ("BAD_CERTIFICATE", False)


async def test_s13_times_count_only_where_the_request_asks_for_it(story: Story) -> None:
    gpf = await served(story)
    decision = await story.ask(gpf, holder=EXPIRED, apply_time_checks=False)
    assert verdict(decision) == "ISSUED NATURAL"
    reply = await story.deliver(gpf)
    assert reply.outcome is not None
    assert reply.outcome.cells[0].replacing == EXPIRED.digital_signature.occupant


async def test_the_key_in_the_slot_is_not_held(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.tell(update(gpf, 1200, holder=RENEWED_ACB))
    story.acb = (ACB,)
    story.retired = (RENEWED_ACB,)
    (again,) = await story.work()
    assert verdict(again) == "RECORDED ACB_IN_SLOT"
    found = await refusal(story, request(gpf))
    assert (found["reason"], found["retryable"]) == ("ACB_KEY_NOT_HELD", True)
    story.acb, story.retired = (ACB, RENEWED_ACB), ()
    assert verdict(await story.ask(gpf)) == "ISSUED NATURAL"
    assert (await story.deliver(gpf)).refusal is None


async def test_a_floor_above_the_ceiling(story: Story) -> None:
    gpf = await served(story)
    found = await refusal(story, request(gpf, floor=2**62 + 1))
    assert (found["reason"], found["retryable"]) == ("FLOOR_IMPLAUSIBLE", False)
    assert verdict(await story.ask(gpf, floor=2**62)) == "ISSUED NATURAL"


async def test_the_top_up_floor_may_use_its_upper_half(story: Story) -> None:
    gpf = await story.known_gpf()
    gpf.cells |= anchors.cells_of(Role.SUPPLIER, ACB)
    asked = request(gpf, holder=SUPPLIER, role=Role.SUPPLIER)
    asked = altered(asked, remote_party_prepayment_top_up_floor_seq_number=str(2**63 - 2**32))
    assert verdict(await story.tell(asked)) == "ISSUED NATURAL"
    assert (await story.deliver(gpf)).refusal is None
    assert gpf.specialist_numbers[Role.SUPPLIER] == 2**63 - 2**32


async def test_an_absent_floor_where_the_switch_refuses(story: Story) -> None:
    story.more = '[counter]\nabsent_floor = "refuse"'
    gpf = await served(story)
    found = await refusal(story, request(gpf))
    assert (found["reason"], found["retryable"]) == ("FLOOR_ABSENT", False)
    assert verdict(await story.ask(gpf, floor=0)) == "ISSUED NATURAL"


@pytest.mark.parametrize(
    ("switch", "recorded", "floor"),
    [
        ("auto", 1200, 0),
        ("auto", 50_000, 0),
        ("zero", 1200, 0),
        ("omit", 50_000, None),
    ],
)
async def test_what_an_absent_floor_becomes(
    story: Story, switch: str, recorded: int, floor: int | None
) -> None:
    story.more = f'[counter]\nabsent_floor = "{switch}"'
    gpf = await story.known_gpf(operator=LEAVER)
    await story.hand_back(gpf, recorded)
    decision = await story.ask(gpf)
    assert ("ABSENT_FLOOR_ZEROED" in decision["flags"]) is (floor == 0)
    (command,) = await story.commands()
    gpf.receive(base64.b64decode(command["gbcs_payload"]))
    issued = int(command["originator_counter"])
    assert gpf.numbers[Role.NETWORK_OPERATOR] == (issued if floor is None else floor)
