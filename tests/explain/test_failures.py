"""Handovers that failed, each in its own way: the first line names the cause and who acts next.

The worker decides on real messages of emulated devices; what `slotkeeper why` prints is read.
"""

import base64
import io
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.scenarios.story import (
    ACB,
    LEAVER,
    RENEWED_ACB,
    SUPPLIER,
    Story,
    hand_back,
    request,
    told,
    update,
)

from slotkeeper.cli.output import PlainConsole
from slotkeeper.cli.why.telling import print_story, story_json
from slotkeeper.explain.sentence import WIDTH
from slotkeeper.explain.story import gather
from slotkeeper.lab import anchors, events, messages
from slotkeeper.lab.events import Event
from slotkeeper.lab.gpf import Gpf
from slotkeeper.lab.terms import KeyUsage, Status
from slotkeeper.streams.memory import MemoryStreams

DS = anchors.operator_cell(KeyUsage.DIGITAL_SIGNATURE)
KA = anchors.operator_cell(KeyUsage.KEY_AGREEMENT)


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(MemoryStreams(), tmp_path / "settings")


async def served(story: Story) -> Gpf:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 1200)
    return gpf


async def answer(story: Story, gpf: Gpf) -> None:
    reply = await story.deliver(gpf)
    assert reply.response is not None
    await story.tell(told(gpf, reply.response, operator=ACB, stream=events.HANDOVER_RESPONSES))


def altered(event: Event, **members: Any) -> Event:  # noqa: ANN401  # JSON
    assert isinstance(event.value, dict)
    return replace(event, value={**event.value, **members})


async def cells_refused(story: Story) -> Gpf:
    gpf = await served(story)
    gpf.faults.cells = {DS: Status.BAD_CERTIFICATE, KA: Status.BAD_CERTIFICATE}
    await story.ask(gpf)
    await answer(story, gpf)
    return gpf


async def device_busy(story: Story) -> Gpf:
    gpf = await served(story)
    gpf.faults.cells = {DS: Status.RESOURCES_BUSY, KA: Status.RESOURCES_BUSY}
    await story.ask(gpf)
    await answer(story, gpf)
    return gpf


async def one_cell(story: Story) -> Gpf:
    gpf = await served(story)
    gpf.faults.cells = {KA: Status.INSUFFICIENT_MEMORY}
    await story.ask(gpf)
    await answer(story, gpf)
    return gpf


async def no_way_to_the_device(story: Story) -> Gpf:
    gpf = await served(story)
    await story.ask(gpf)
    await story.tell(
        events.outcome(events.HANDOVER_RESPONSES, gpf.device.eui, None, response_code="E21")
    )
    return gpf


async def service_refused(story: Story) -> Gpf:
    gpf = await served(story)
    await story.ask(gpf)
    await story.tell(
        events.outcome(events.HANDOVER_RESPONSES, gpf.device.eui, None, response_code="E4")
    )
    return gpf


async def no_answer(story: Story) -> Gpf:
    gpf = await served(story)
    await story.ask(gpf)
    return gpf


async def not_handed_back(story: Story) -> Gpf:
    gpf = await story.known_gpf()
    gpf.faults.cells = {DS: Status.RESOURCES_BUSY}
    await story.hand_back(gpf, 1200)
    await story.ask(gpf)
    return gpf


async def unknown_device(story: Story) -> Gpf:
    gpf = story.gpf()
    await story.ask(gpf)
    return gpf


async def inventory_unreadable(story: Story) -> Gpf:
    gpf = story.gpf()
    known = events.inventory(gpf.device)
    await story.publish(altered(known, key_agreement_certificate="no base64"))
    await story.ask(gpf)
    return gpf


async def no_certificate_of_the_device(story: Story) -> Gpf:
    gpf = story.gpf()
    known = events.inventory(gpf.device)
    await story.publish(altered(known, key_agreement_certificate=None))
    await story.ask(gpf)
    return gpf


async def wrong_certificate(story: Story) -> Gpf:
    gpf = await served(story)
    signing = base64.b64encode(SUPPLIER.digital_signature.certificate).decode()
    sound = request(gpf)
    assert isinstance(sound.value, dict)
    certificates = {**sound.value["replacement_certificates"], "digital_signing": signing}
    await story.tell(altered(sound, replacement_certificates=certificates))
    return gpf


async def key_not_held(story: Story) -> Gpf:
    gpf = await story.known_gpf()
    await story.tell(update(gpf, 1200, holder=RENEWED_ACB))
    story.retired = (RENEWED_ACB,)
    await story.work()
    await story.ask(gpf)
    return gpf


async def parked_behind(story: Story) -> Gpf:
    """A hand-back to a certificate of the ACB that nobody configured, and a 6.21 all the same."""
    gpf = await story.known_gpf()
    await story.tell(update(gpf, 1200, holder=RENEWED_ACB))
    await story.ask(gpf)
    return gpf


async def not_due(story: Story) -> Gpf:
    gpf = await served(story)
    await story.ask(gpf, execution=story.clock.now.replace(year=2090))
    return gpf


async def request_unreadable(story: Story) -> Gpf:
    gpf = await served(story)
    await story.tell(altered(request(gpf), replacement_certificates="none"))
    return gpf


async def hand_back_failed(story: Story) -> Gpf:
    gpf = await story.known_gpf()
    gpf.faults.cells = {DS: Status.NO_TRUST_ANCHOR, KA: Status.NO_TRUST_ANCHOR}
    await story.hand_back(gpf, 1200)
    return gpf


async def false_signature(story: Story) -> Gpf:
    gpf = await story.known_gpf()
    sound = hand_back(gpf, 1200)
    assert isinstance(sound.value, dict)
    message = bytearray(base64.b64decode(sound.value["gbcs_payload"]))
    message[-1] ^= 1
    await story.tell(altered(sound, gbcs_payload=base64.b64encode(message).decode()))
    return gpf


FAILURES: dict[Callable[[Story], Awaitable[Gpf]], tuple[str, str, bool | None]] = {
    cells_refused: ("The device answered badCertificate for both cells", "supplier", False),
    device_busy: ("The device answered resourcesBusy for both cells", "supplier", True),
    one_cell: ("Only the digital-signature cell was handed on", "network operator", None),
    no_way_to_the_device: ("The DCC answered E21: the device did not answer", "DCC", True),
    service_refused: ("The DCC answered E4 and no message of the device", "supplier", False),
    no_answer: ("No answer to the command since ", "DCC", True),
    not_handed_back: ("Refused: an operator holds the slot", "network operator", True),
    unknown_device: ("Refused: the inventory does not have the device", "DCC", True),
    inventory_unreadable: ("The device's inventory record could not be read", "DCC", True),
    no_certificate_of_the_device: ("Refused: the device's key-agreement certif", "DCC", True),
    wrong_certificate: ("Refused: a certificate is for another role", "supplier", False),
    key_not_held: ("Refused: the slot's ACB key is not held", "Slotkeeper's operators", True),
    parked_behind: ("Command sent while a message is parked", "Slotkeeper's operators", True),
    not_due: ("Refused: the request is to be executed later", "DCC", True),
    request_unreadable: ("The 6.21 request cannot be read", "DCC", False),
    hand_back_failed: (
        "The device answered noTrustAnchor for both cells",
        "network operator",
        False,
    ),
    false_signature: ("The device's signature is false", "DCC", None),
}


@pytest.mark.parametrize("failing", FAILURES, ids=lambda one: one.__name__)
async def test_the_first_line_names_the_cause_and_who_acts(
    failing: Callable[[Story], Awaitable[Gpf]], story: Story
) -> None:
    gpf = await failing(story)
    cause, actor, retryable = FAILURES[failing]
    found = await gather(story.streams, str(gpf.device.eui))
    told_json = story_json(found)
    assert told_json["cause"].startswith(cause)
    assert (told_json["next"], told_json["retryable"]) == (actor, retryable)
    lines = printed(found)
    assert lines[0].startswith(cause)
    assert lines[0].endswith(f". Next: {actor}.")
    assert lines[1].startswith("Retryable: ")
    assert max(map(len, lines)) <= WIDTH


async def test_a_pre_command_that_is_read_after_its_outcome_is_no_news(story: Story) -> None:
    gpf = await served(story)
    for counter, cause in (
        (1200, "The slot was handed back, its number is recorded"),
        (1201, "A signed 6.15.1 is on its way"),
    ):
        payload = messages.slot_payload(ACB, counter=counter)
        on_its_way = messages.pre_command(payload, LEAVER, gpf.device.eui, signed=True)
        await story.tell(told(gpf, on_its_way, stream=events.PRE_COMMANDS))
        found = await gather(story.streams, str(gpf.device.eui))
        assert story_json(found)["cause"].startswith(cause)


async def test_an_acceptance_for_later_is_no_outcome_of_a_pre_command(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.tell(update(gpf, 1200, holder=LEAVER))
    later = story.clock.now + timedelta(days=30)
    await story.tell(update(gpf, 1201, holder=ACB, execution=later))
    payload = messages.slot_payload(ACB, counter=1201)
    on_its_way = messages.pre_command(payload, LEAVER, gpf.device.eui, signed=True)
    await story.tell(told(gpf, on_its_way, stream=events.PRE_COMMANDS))
    found = await gather(story.streams, str(gpf.device.eui))
    assert story_json(found)["cause"].startswith("A signed 6.15.1 is on its way")


async def test_a_request_has_its_own_cause_whatever_came_after_it(story: Story) -> None:
    gpf = await cells_refused(story)
    gpf.faults.cells = {}
    await story.ask(gpf, number=1002)
    await answer(story, gpf)
    first, second = (events.request_id(SUPPLIER.eui, gpf.device.eui, n) for n in (1001, 1002))
    for request_id, cause in (
        (first, "The device answered badCertificate for both cells"),
        (second, "The handover succeeded"),
        (first[:-4] + "9999", "No record names this request"),
    ):
        found = await gather(story.streams, str(gpf.device.eui), request_id=request_id)
        assert story_json(found, request_id)["cause"].startswith(cause)


async def test_a_repeated_request_has_the_cause_of_the_first(story: Story) -> None:
    gpf = await cells_refused(story)
    await story.ask(gpf)
    request_id = events.request_id(SUPPLIER.eui, gpf.device.eui, 1001)
    found = await gather(story.streams, str(gpf.device.eui), request_id=request_id)
    cause = story_json(found, request_id)["cause"]
    assert cause == "The device answered badCertificate for both cells"


async def test_what_is_parked_and_what_waits_is_told_with_its_reason(story: Story) -> None:
    gpf = await parked_behind(story)
    lines = printed(await gather(story.streams, str(gpf.device.eui)))
    text = "\n".join(lines)
    assert "waits for an answer: command " in text
    assert "parked UNKNOWN_ACB_CERTIFICATE: srv-6.15.1-responses offset 0" in text
    assert str(LEAVER.eui) in text
    assert str(gpf.device.eui) in text


async def test_who_raised_a_number_and_why_is_told(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.tell(events.adjustment(gpf.device.eui, 77, by=("ann",), reason="from the old log"))
    text = "\n".join(printed(await gather(story.streams, str(gpf.device.eui))))
    assert "recorded at least 77" in text
    assert "by ann" in text
    assert "reason: from the old log" in text


async def test_a_long_story_is_told_in_bounded_memory(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slotkeeper.explain.story.MOST_DECISIONS", 3)
    gpf = await served(story)
    again = [request(gpf, number=number) for number in range(1001, 1011)]
    await story.tell_all(*again)
    first = events.request_id(SUPPLIER.eui, gpf.device.eui, 1001)
    found = await gather(story.streams, str(gpf.device.eui), request_id=first)
    # The newest three, and what names the request, however old it is.
    assert len(found.decisions) == 4
    assert found.left_out == 7
    assert story_json(found, first)["cause"].startswith("No answer to the command")


async def test_other_partitions_are_not_read(story: Story) -> None:
    gpf = await served(story)
    read: dict[str, int] = {}

    def advance(stream: str, records: int) -> None:
        read[stream] = read.get(stream, 0) + records

    others = [await served(story) for _ in range(4)]
    found = await gather(story.streams, str(gpf.device.eui), advance=advance)
    assert found.decisions
    assert read["audit-trail"] < 1 + len(others)


def printed(story: Any) -> list[str]:  # noqa: ANN401  # a story of the package, not of the scenario
    out = io.StringIO()
    print_story(PlainConsole(file=out, width=WIDTH, highlight=False), story)
    return out.getvalue().splitlines()
