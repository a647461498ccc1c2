"""S4, S10 to S12 and S14: which slots are served, and whose numbers count."""

import base64

import pytest
from tests.scenarios.story import (
    ACB,
    NATURAL,
    OTHER_SUPPLIER,
    SUCCESSOR,
    SUPPLIER,
    Story,
    request,
    told,
    update,
    verdict,
)

from slotkeeper._core import CoreEngine, NotRestoredError
from slotkeeper.lab import anchors, events, keystore
from slotkeeper.lab.commands import CommandPayload
from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.terms import KeyUsage, Mode, Role, Status
from slotkeeper.settings import Settings


async def test_s04_the_supplier_role_has_numbers_of_its_own(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 50_000)
    gpf.cells |= anchors.cells_of(Role.SUPPLIER, ACB)
    decision = await story.ask(gpf, holder=OTHER_SUPPLIER, role=Role.SUPPLIER)
    assert verdict(decision) == "ISSUED NATURAL"
    assert decision["remote_party_role"] == "Supplier"
    assert decision["originator_counter"] == str(NATURAL)
    (command,) = await story.commands()
    message = Envelope.decode(base64.b64decode(command["gbcs_payload"]))
    assert CommandPayload.decode(message.payload).mode is Mode.SUPPLIER_BY_SUPPLIER
    reply = gpf.receive(message.encode())
    assert reply.refusal is None
    operators = await story.ask(gpf, number=1002, hint=1)
    assert operators["originator_counter"] == "50001"


@pytest.mark.parametrize("device_type", ["ESME", "GSME", "CHF"])
async def test_s04_other_devices_take_the_ordinary_path(story: Story, device_type: str) -> None:
    gpf = story.gpf()
    await story.publish(events.inventory(gpf.device, device_type=device_type))
    assert verdict(await story.ask(gpf)) == "REFUSED NOT_GPF"


async def test_s10_an_engine_that_is_not_restored_answers_nothing(story: Story) -> None:
    file = keystore.write_settings(story.folder, [ACB])
    settings = Settings.load(file, environment={})
    engine = CoreEngine(settings.authority(), settings=settings.engine_json())
    gpf = story.gpf()
    asked = request(gpf)
    with pytest.raises(NotRestoredError):
        engine.stage([(asked.stream, 0, str(asked.key).encode(), asked.octets)], now_ms=1)


async def test_s11_the_slot_belongs_to_another_operator(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.tell(update(gpf, 1200, holder=SUCCESSOR))
    decision = await story.ask(gpf)
    assert verdict(decision) == "REFUSED NOT_DCC_CONTROLLED"
    assert decision["originator_counter"] is None
    assert await story.commands() == []
    (refusal,) = await story.learnt("handover-refusals")
    assert (refusal["reason"], refusal["retryable"]) == ("NOT_DCC_CONTROLLED", True)
    await story.hand_back(gpf, 1300, operator=SUCCESSOR)
    assert verdict(await story.ask(gpf)) == "ISSUED NATURAL"


async def test_s12_a_successful_handover(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 50_000)
    asked = await story.ask(gpf)
    reply = await story.deliver(gpf)
    assert reply.response is not None
    decision = await story.tell(
        told(gpf, reply.response, operator=ACB, stream=events.HANDOVER_RESPONSES)
    )
    assert verdict(decision) == "HANDOVER_CONFIRMED SLOT_CHANGED"
    assert decision["slot"]["state"] == "NETWORK_OPERATOR"
    assert decision["recorded_counter"] == "50000"
    assert decision["seen_counter"] == asked["originator_counter"] == "50001"
    assert verdict(await story.ask(gpf, number=1002)) == "REFUSED NOT_DCC_CONTROLLED"


async def test_s12_a_failed_handover_leaves_the_slot(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 50_000)
    await story.ask(gpf)
    for usage in (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT):
        gpf.faults.cells[anchors.operator_cell(usage)] = Status.BAD_CERTIFICATE
    reply = await story.deliver(gpf)
    assert reply.response is not None
    decision = await story.tell(
        told(gpf, reply.response, operator=ACB, stream=events.HANDOVER_RESPONSES)
    )
    assert verdict(decision) == "HANDOVER_FAILED ALL_CELLS_FAILED"
    assert decision["slot"]["state"] == "ACB"
    gpf.faults.cells = {}
    asked = await story.ask(gpf, number=1002)
    # The device's answer shows the earlier number as used, so that it is no longer only issued.
    assert verdict(asked) == "ISSUED WATERMARK_EXCEEDED"
    assert asked["originator_counter"] == "50002"
    assert (await story.deliver(gpf)).refusal is None


async def test_s14_a_huge_counter_touches_nothing_else(story: Story) -> None:
    gpf, other = await story.known_gpf(), await story.known_gpf()
    await story.hand_back(gpf, 2**63 - 2)
    await story.hand_back(other, 1200)
    decision = await story.ask(other)
    assert verdict(decision) == "ISSUED NATURAL"
    assert decision["originator_counter"] == str(NATURAL)
    gpf.cells |= anchors.cells_of(Role.SUPPLIER, ACB)
    decision = await story.ask(gpf, holder=SUPPLIER, role=Role.SUPPLIER)
    assert decision["originator_counter"] == str(NATURAL)
