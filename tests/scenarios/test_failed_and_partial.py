"""N6 to N8 and N14: nothing replaced, or one cell of two."""

from tests.scenarios.story import ACB, NATURAL, SUCCESSOR, Story, hand_back, update, verdict

from slotkeeper.lab import anchors, events, messages
from slotkeeper.lab.gpf import Refusal
from slotkeeper.lab.terms import KeyUsage, Status

DS = anchors.operator_cell(KeyUsage.DIGITAL_SIGNATURE)
KA = anchors.operator_cell(KeyUsage.KEY_AGREEMENT)


async def test_n06_all_cells_failed(story: Story) -> None:
    gpf = await story.known_gpf()
    gpf.faults.cells = {DS: Status.BAD_CERTIFICATE, KA: Status.BAD_CERTIFICATE}
    decision = await story.hand_back(gpf, 1200)
    assert verdict(decision) == "NOT_RECORDED ALL_CELLS_FAILED"
    assert decision["recorded_counter"] is None
    assert decision["seen_counter"] == "1200"
    assert [cell["status"] for cell in decision["cells"]] == ["badCertificate"] * 2


async def test_n06_no_outcome(story: Story) -> None:
    gpf = await story.known_gpf()
    event = update(gpf, 1200, holder=ACB, execution=story.clock.now.replace(year=2027))
    decision = await story.tell(event)
    assert verdict(decision) == "NOT_RECORDED NO_OUTCOME"
    assert (decision["recorded_counter"], decision["seen_counter"]) == (None, "1200")


async def test_n06_an_error_code_without_payload(story: Story) -> None:
    gpf = await story.known_gpf()
    decision = await story.tell(
        events.outcome(events.UPDATE_RESPONSES, gpf.device.eui, None, response_code="E21")
    )
    assert verdict(decision) == "NOT_RECORDED ERROR_RESPONSE"
    assert (decision["recorded_counter"], decision["seen_counter"]) == (None, None)


async def test_n06_an_error_code_does_not_outweigh_a_payload(story: Story) -> None:
    gpf = await story.known_gpf()
    event = hand_back(gpf, 1200)
    assert isinstance(event.value, dict)
    event.value["response_code"] = "E30"
    assert verdict(await story.tell(event)) == "RECORDED ACB_IN_SLOT"


async def test_n07_partial_ds_only(story: Story) -> None:
    gpf = await story.known_gpf()
    gpf.faults.cells = {KA: Status.RESOURCES_BUSY}
    decision = await story.hand_back(gpf, 1200)
    assert verdict(decision) == "RECORDED PARTIAL_DS"
    assert decision["recorded_counter"] == "1200"
    assert decision["slot"]["state"] == "PARTIAL"
    assert [cell["status"] for cell in decision["cells"]] == ["success", "resourcesBusy"]
    gpf.faults.cells = {}
    assert verdict(await story.ask(gpf, hint=1)) == "ISSUED WATERMARK_EXCEEDED"
    assert (await story.deliver(gpf)).refusal is None


async def test_n07_only_the_ds_certificate_was_sent(story: Story) -> None:
    gpf = await story.known_gpf()
    event = update(gpf, 1200, holder=ACB, key_usages=(KeyUsage.DIGITAL_SIGNATURE,))
    decision = await story.tell(event)
    assert verdict(decision) == "RECORDED PARTIAL_DS"
    assert len(decision["cells"]) == 1
    assert verdict(await story.ask(gpf)).startswith("ISSUED")


async def test_n08_partial_ka_only(story: Story) -> None:
    """The operator's own key still stands in the cell that authorises: DCC cannot sign for it."""
    gpf = await story.known_gpf()
    gpf.faults.cells = {DS: Status.RESOURCES_BUSY}
    decision = await story.hand_back(gpf, 1200)
    assert verdict(decision) == "RECORDED PARTIAL_KA"
    assert decision["recorded_counter"] == "1200"
    assert decision["slot"]["state"] == "PARTIAL"
    refused = await story.ask(gpf)
    assert verdict(refused) == "REFUSED NOT_DCC_CONTROLLED"
    assert refused["originator_counter"] is None
    assert await story.commands() == []


async def test_n08_only_the_ka_certificate_was_sent(story: Story) -> None:
    """That the operator could send it tells who holds the other cell."""
    gpf = await story.known_gpf()
    event = update(gpf, 1200, holder=ACB, key_usages=(KeyUsage.KEY_AGREEMENT,))
    decision = await story.tell(event)
    assert verdict(decision) == "RECORDED PARTIAL_KA"
    assert verdict(await story.ask(gpf)) == "REFUSED NOT_DCC_CONTROLLED"
    payload = messages.slot_payload(SUCCESSOR, counter=NATURAL)
    command = messages.command(payload, ACB, gpf.device, ACB)
    assert gpf.receive(command).refusal is Refusal.NOT_THE_OCCUPANT


async def test_n14_an_alert_of_a_partial_failure(story: Story) -> None:
    gpf = await story.known_gpf()
    gpf.faults.cells = {KA: Status.INSUFFICIENT_MEMORY}
    decision = await story.alert_of(gpf, 1004)
    assert verdict(decision) == "RECORDED PARTIAL_DS"
    assert decision["recorded_counter"] == "1004"
    assert decision["message"]["kind"] == "ALERT"
