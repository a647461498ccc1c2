"""S1 to S3 and S5 to S9: which Originator Counter a handover gets."""

from datetime import UTC, datetime, timedelta

from tests.scenarios.story import (
    ACB,
    NATURAL,
    OTHER_SUPPLIER,
    SUCCESSOR,
    SUPPLIER,
    Story,
    hand_back,
    request,
    told,
    verdict,
    verdicts,
)

from slotkeeper.lab import events


async def test_s01_the_natural_counter_is_lower(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 50_000)
    decision = await story.ask(gpf, hint=NATURAL)
    assert verdict(decision) == "ISSUED WATERMARK_EXCEEDED"
    assert decision["originator_counter"] == "50001"
    assert decision["evidence"] == "recorded"
    assert (await story.deliver(gpf)).refusal is None


async def test_s01_a_tie_is_exceeded(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, NATURAL)
    decision = await story.ask(gpf, hint=NATURAL)
    assert verdict(decision) == "ISSUED WATERMARK_EXCEEDED"
    assert decision["originator_counter"] == str(NATURAL + 1)


async def test_s02_the_natural_counter_is_higher(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 1200)
    decision = await story.ask(gpf, hint=NATURAL)
    assert verdict(decision) == "ISSUED NATURAL"
    assert decision["originator_counter"] == str(NATURAL)
    assert (await story.deliver(gpf)).refusal is None


async def test_s02_without_a_hint_the_clock_counts(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 1200)
    before = int(datetime.now(UTC).timestamp() * 1000)
    decision = await story.ask(gpf, hint=None)
    assert verdict(decision) == "ISSUED NATURAL"
    assert before <= int(decision["originator_counter"]) <= before + 3_600_000


async def test_s03_no_record_at_all(story: Story) -> None:
    """The ACB has been in the slot since manufacture."""
    gpf = await story.known_gpf(operator=ACB)
    decision = await story.ask(gpf)
    assert verdict(decision) == "ISSUED NATURAL"
    assert decision["originator_counter"] == str(NATURAL)
    assert (decision["recorded_counter"], decision["evidence"]) == (None, "none")
    (command,) = await story.commands()
    assert command["recorded_counter"] is None


async def test_s03_without_evidence_a_switch_refuses(story: Story) -> None:
    story.more = '[counter]\nwithout_evidence = "refuse"'
    gpf = await story.known_gpf(operator=ACB)
    assert verdict(await story.ask(gpf)) == "REFUSED NO_EVIDENCE"
    assert verdict(await story.tell(events.adjustment(gpf.device.eui, 77, by=("operations",)))) == (
        "SEEN ADJUSTED"
    )
    assert verdict(await story.ask(gpf)) == "ISSUED NATURAL"


async def test_s05_two_suppliers_at_once(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 50_000)
    decisions = await story.tell_all(
        request(gpf, supplier=SUPPLIER), request(gpf, supplier=OTHER_SUPPLIER)
    )
    assert verdicts(decisions) == ["ISSUED WATERMARK_EXCEEDED", "ISSUED ISSUED_EXCEEDED"]
    assert [one["originator_counter"] for one in decisions] == ["50001", "50002"]
    assert len(await story.commands()) == 2


async def test_s05_a_storm_of_requests_rises_strictly(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 50_000)
    decisions = await story.tell_all(
        *(request(gpf, number=number, hint=NATURAL) for number in range(200))
    )
    counters = [int(one["originator_counter"]) for one in decisions]
    assert counters == list(range(50_001, 50_201))


async def test_s06_the_same_request_again(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 50_000)
    first = await story.ask(gpf)
    assert len(await story.commands()) == 1
    again = await story.tell_all(*[request(gpf)] * 3)
    assert set(verdicts(again)) == {"DUPLICATE SAME_REQUEST"}
    assert {one["originator_counter"] for one in again} == {first["originator_counter"]}
    assert await story.commands() == []


async def test_s07_a_new_request_after_a_timeout_gets_a_higher_number(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 50_000)
    await story.ask(gpf, number=1)
    (lost,) = await story.commands()
    decision = await story.ask(gpf, number=2)
    assert verdict(decision) == "ISSUED ISSUED_EXCEEDED"
    assert int(decision["originator_counter"]) > int(lost["originator_counter"])
    assert (await story.deliver(gpf)).refusal is None


async def test_s08_the_counter_is_chosen_at_dispatch(story: Story) -> None:
    """The request is held; meanwhile the slot goes on and comes back with a higher number."""
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 1200)
    not_yet = datetime.now(UTC) + timedelta(days=30)
    assert verdict(await story.ask(gpf, execution=not_yet)) == "REFUSED NOT_DUE"
    (refusal,) = await story.learnt("handover-refusals")
    assert refusal["retryable"] is True
    await story.ask(gpf, number=1002)
    reply = await story.deliver(gpf)
    assert reply.response is not None
    await story.tell(told(gpf, reply.response, operator=ACB, stream=events.HANDOVER_RESPONSES))
    await story.hand_back(gpf, 90_000, operator=SUCCESSOR)
    decision = await story.ask(gpf, execution=datetime.now(UTC) - timedelta(days=1))
    assert verdict(decision) == "ISSUED WATERMARK_EXCEEDED"
    assert decision["originator_counter"] == "90001"
    assert (await story.deliver(gpf)).refusal is None


async def test_s08_outcomes_published_with_the_request_come_first(story: Story) -> None:
    gpf = await story.known_gpf()
    decisions = await story.tell_all(request(gpf), hand_back(gpf, 70_000))
    assert verdicts(decisions) == ["RECORDED ACB_IN_SLOT", "ISSUED WATERMARK_EXCEEDED"]
    assert decisions[1]["originator_counter"] == "70001"
    after = decisions[1]["decided_after"]
    assert after[events.UPDATE_RESPONSES] > decisions[0]["offset"]


async def test_s09_the_last_usable_number_works_once(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 2**63 - 2)
    decision = await story.ask(gpf)
    assert decision["originator_counter"] == str(2**63 - 1)
    assert (await story.deliver(gpf)).refusal is None
    refused = await story.ask(gpf, number=1002)
    assert verdict(refused) == "REFUSED COUNTER_EXHAUSTED"
    assert refused["originator_counter"] is None


async def test_s09_no_number_is_left(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 2**63 - 1)
    assert verdict(await story.ask(gpf)) == "REFUSED COUNTER_EXHAUSTED"
    assert await story.commands() == []


async def test_s09_a_hint_beyond_the_range_never_refuses(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 1200)
    decision = await story.ask(gpf, hint=2**64 - 1)
    assert verdict(decision).startswith("ISSUED")
    assert decision["originator_counter"] == "1201"
