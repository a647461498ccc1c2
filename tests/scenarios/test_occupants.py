"""N9, N10, N12 and N17 to N19: who stands in the slot, and whose message told it."""

from dataclasses import replace

import pytest
from tests.scenarios.story import (
    ACB,
    LEAVER,
    OTHER_SUPPLIER,
    PKI,
    RENEWED_ACB,
    SUCCESSOR,
    SUPPLIER,
    Story,
    hand_back,
    told,
    update,
    verdict,
    verdicts,
)

from slotkeeper.lab import anchors, events, messages
from slotkeeper.lab.commands import SeqNumberChange
from slotkeeper.lab.outcomes import CellOutcome, ExecutionOutcome
from slotkeeper.lab.pki import Organisation
from slotkeeper.lab.terms import Eui64, KeyUsage, Mode, Role, Status


def outcome(
    existing: Organisation,
    replacing: Organisation,
    *,
    counter: int = 1200,
    mode: Mode = Mode.NETWORK_OPERATOR_BY_NETWORK_OPERATOR,
    changes: tuple[SeqNumberChange, ...] = (),
) -> ExecutionOutcome:
    """Give what a device would report of the Network Operator cells, whether it could be or not."""
    before = anchors.cells_of(Role.NETWORK_OPERATOR, existing)
    after = anchors.cells_of(Role.NETWORK_OPERATOR, replacing)
    return ExecutionOutcome(
        seq_number=counter,
        mode=mode,
        changes=changes,
        cells=tuple(
            CellOutcome(
                cell, Status.SUCCESS, anchors.occupant(before[cell]), anchors.occupant(after[cell])
            )
            for cell in before
        ),
    )


@pytest.mark.parametrize(
    "holder",
    [SUCCESSOR, PKI.organisation(Role.NETWORK_OPERATOR, 1, generation=1)],
    ids=["sale", "renewal"],
)
async def test_n09_replaced_by_an_operator(story: Story, holder: Organisation) -> None:
    gpf = await story.known_gpf()
    decision = await story.tell(update(gpf, 1200, holder=holder))
    assert verdict(decision) == "SEEN GNO_REPLACED_BY_GNO"
    assert (decision["recorded_counter"], decision["seen_counter"]) == (None, "1200")
    assert decision["slot"]["state"] == "NETWORK_OPERATOR"
    identifier = holder.digital_signature.occupant.key_identifier.hex()
    assert decision["slot"]["digital_signature"]["subject_key_identifier"] == identifier


async def test_n10_replaced_by_a_party_that_is_no_operator(story: Story) -> None:
    story.folder.mkdir()
    listed = story.folder / "operators.txt"
    listed.write_text(f"{LEAVER.eui}\n{SUCCESSOR.eui}\n")
    story.more = f'[parties]\nnetwork_operators = "{listed}"'
    gpf = await story.known_gpf()
    message = messages.response(gpf.device, LEAVER.eui, outcome(LEAVER, SUPPLIER), counter=1200)
    decision = await story.tell(told(gpf, message))
    assert verdict(decision) == "PARKED UNKNOWN_PARTY"
    assert decision["recorded_counter"] is None
    assert decision["seen_counter"] == "1200"
    assert decision["slot"]["state"] == "NETWORK_OPERATOR"


async def test_n12_the_supplier_role(story: Story) -> None:
    gpf = await story.known_gpf()
    mode = Mode.SUPPLIER_BY_SUPPLIER
    event = update(
        gpf, 1200, operator=SUPPLIER, holder=OTHER_SUPPLIER, role=Role.SUPPLIER, mode=mode
    )
    decision = await story.tell(event)
    assert verdict(decision) == "NOT_RECORDED NOT_NETWORK_OPERATOR_ROLE"
    assert decision["recorded_counter"] is None


async def test_n12_the_originator_is_no_occupant(story: Story) -> None:
    """A message to a supplier that tells of the operator's slot names another as existing."""
    gpf = await story.known_gpf()
    message = messages.response(gpf.device, SUPPLIER.eui, outcome(LEAVER, ACB), counter=1200)
    decision = await story.tell(told(gpf, message, operator=SUPPLIER))
    assert verdict(decision) == "NOT_RECORDED UNEXPECTED_PARTY"
    assert decision["recorded_counter"] is None


async def test_n17_a_renewed_acb_certificate_that_is_configured(story: Story) -> None:
    story.acb = (RENEWED_ACB, ACB)
    gpf = await story.known_gpf()
    assert verdict(await story.tell(update(gpf, 1200, holder=RENEWED_ACB))) == (
        "RECORDED ACB_IN_SLOT"
    )
    await story.ask(gpf)
    (command,) = await story.commands()
    identifier = RENEWED_ACB.digital_signature.occupant.key_identifier.hex()
    assert command["signing_key_identifier"] == identifier


async def test_n17_the_key_that_stands_in_the_slot_signs(story: Story) -> None:
    story.acb = (RENEWED_ACB, ACB)
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 1200)
    await story.ask(gpf)
    (command,) = await story.commands()
    identifier = ACB.digital_signature.occupant.key_identifier.hex()
    assert command["signing_key_identifier"] == identifier


async def test_n17_an_acb_certificate_that_is_not_in_the_list_yet(story: Story) -> None:
    gpf = await story.known_gpf()
    decision = await story.tell(update(gpf, 1200, holder=RENEWED_ACB))
    assert verdict(decision) == "PARKED UNKNOWN_ACB_CERTIFICATE"
    assert (decision["recorded_counter"], decision["seen_counter"]) == (None, "1200")
    story.acb = (RENEWED_ACB, ACB)
    (again,) = await story.work()
    assert again["kind"] == "redecision"
    assert verdict(again) == "RECORDED ACB_IN_SLOT"
    assert again["recorded_counter"] == "1200"
    assert again["offset"] == decision["offset"]


@pytest.mark.parametrize("stream", [events.UPDATE_RESPONSES, events.HANDOVER_RESPONSES])
async def test_n18_a_handovers_response_is_one_on_either_stream(story: Story, stream: str) -> None:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 1200)
    await story.ask(gpf)
    reply = await story.deliver(gpf)
    assert reply.response is not None
    decision = await story.tell(told(gpf, reply.response, operator=ACB, stream=stream))
    assert verdict(decision) == "HANDOVER_CONFIRMED SLOT_CHANGED"
    assert decision["slot"]["state"] == "NETWORK_OPERATOR"
    assert decision["recorded_counter"] == "1200"


async def test_n18_a_hand_back_on_the_handovers_stream_is_recorded(story: Story) -> None:
    gpf = await story.known_gpf()
    event = replace(hand_back(gpf, 1200), stream=events.HANDOVER_RESPONSES)
    assert verdict(await story.tell(event)) == "RECORDED ACB_IN_SLOT"


async def test_n19_the_acb_renews_its_own_credentials(story: Story) -> None:
    gpf = await story.known_gpf()
    mode = Mode.ACCESS_CONTROL_BROKER_BY_ACB
    event = update(
        gpf,
        9_000,
        operator=ACB,
        holder=RENEWED_ACB,
        role=Role.ACCESS_CONTROL_BROKER,
        mode=mode,
        floor=8_000,
    )
    decision = await story.tell(event)
    assert verdict(decision) == "NOT_RECORDED NOT_NETWORK_OPERATOR_ROLE"
    assert (decision["recorded_counter"], decision["seen_counter"]) == (None, None)


async def test_n19_a_change_of_supplier_leaves_the_operators_numbers(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 1200)
    trans_cos = PKI.organisation(Role.TRANSITIONAL_COS)
    mode = Mode.SUPPLIER_BY_TRANS_COS
    event = update(
        gpf, 90_000, operator=trans_cos, holder=OTHER_SUPPLIER, role=Role.SUPPLIER, mode=mode
    )
    decision = await story.tell(event)
    assert verdict(decision) == "NOT_RECORDED NOT_NETWORK_OPERATOR_ROLE"
    asked = await story.ask(gpf)
    assert (asked["recorded_counter"], asked["seen_counter"]) == ("1200", "1200")


@pytest.mark.parametrize(
    "mode", [Mode.ANY_EXCEPT_ABNORMAL_ROOT_BY_RECOVERY, Mode.ANY_BY_CONTINGENCY]
)
async def test_n19_recovery_and_contingency_count_by_their_floors_only(
    story: Story, mode: Mode
) -> None:
    gpf = await story.known_gpf()
    party = PKI.organisation(Role.RECOVERY).eui if mode.value == 8 else Eui64.of(1)
    changes = (
        SeqNumberChange(role=mode.authorising_role, floor=60_000),
        SeqNumberChange(role=Role.NETWORK_OPERATOR, floor=20_000),
    )
    told_of = outcome(LEAVER, ACB, counter=70_000, mode=mode, changes=changes)
    message = messages.response(
        gpf.device, party, told_of, counter=70_000, message_code=mode.message_code
    )
    decision = await story.tell(told(gpf, message))
    assert verdict(decision) == "SEEN SLOT_CHANGED_OTHERWISE"
    assert (decision["recorded_counter"], decision["seen_counter"]) == (None, "20000")
    assert decision["slot"]["state"] == "ACB"
    asked = await story.ask(gpf)
    assert verdict(asked) == "ISSUED WATERMARK_EXCEEDED"
    assert asked["originator_counter"] == "20001"


async def test_a_partial_outcome_reports_each_cell(story: Story) -> None:
    """Only the key agreement cell goes on; the ACB's own certificate stays in the other."""
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 1200)
    gpf.faults.cells = {anchors.operator_cell(KeyUsage.DIGITAL_SIGNATURE): Status.RESOURCES_BUSY}
    await story.ask(gpf)
    reply = await story.deliver(gpf)
    assert reply.response is not None
    (decision,) = await story.tell_all(
        told(gpf, reply.response, operator=ACB, stream=events.HANDOVER_RESPONSES)
    )
    assert verdicts([decision]) == ["HANDOVER_CONFIRMED PARTIAL_KA"]
    assert decision["slot"]["state"] == "PARTIAL"
