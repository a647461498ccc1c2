"""Raises by hand and back-fill: only upwards, audited, by two persons where it matters (D11)."""

from dataclasses import replace

import pytest
from tests.contract.acts import Person, act
from tests.scenarios.story import Story, verdict

from slotkeeper._core import partition_for
from slotkeeper.lab.events import Event, adjustment
from slotkeeper.lab.terms import Role
from slotkeeper.worker import acknowledge


async def test_back_fill_counts_like_a_record(story: Story) -> None:
    gpf = await story.known_gpf()
    decision = await story.tell(adjustment(gpf.device.eui, 50_000, by=("operations",)))
    assert verdict(decision) == "SEEN ADJUSTED"
    assert decision["recorded_counter"] == "50000"
    asked = await story.ask(gpf)
    assert (verdict(asked), asked["originator_counter"]) == (
        "ISSUED WATERMARK_EXCEEDED",
        "50001",
    )


async def test_a_raise_below_what_is_known_changes_nothing(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.hand_back(gpf, 50_000)
    decision = await story.tell(adjustment(gpf.device.eui, 1200, by=("operations",)))
    assert verdict(decision) == "SEEN NO_CHANGE"
    assert (decision["recorded_counter"], decision["seen_counter"]) == ("50000", "50000")


async def test_a_raise_of_what_was_seen_is_no_record(story: Story) -> None:
    gpf = await story.known_gpf()
    decision = await story.tell(adjustment(gpf.device.eui, 50_000, by=("operations",), kind="seen"))
    assert (decision["recorded_counter"], decision["seen_counter"]) == (None, "50000")


async def test_numbers_of_other_commands_are_kept_apart(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.tell(adjustment(gpf.device.eui, 10_000, by=("operations",), kind="issued"))
    asked = await story.ask(gpf, hint=10_000)
    assert (verdict(asked), asked["originator_counter"]) == ("ISSUED ISSUED_EXCEEDED", "10001")


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (("one",), "REJECTED NOT_AUTHORISED"),
        (("one", "one"), "REJECTED NOT_AUTHORISED"),
        (("one", "another"), "SEEN ADJUSTED"),
    ],
)
@pytest.mark.parametrize("number", [50_000, 2**62 + 1], ids=["plausible", "above the ceiling"])
async def test_d11_two_persons(
    story: Story, by: tuple[str, ...], expected: str, number: int
) -> None:
    if number <= 2**62:
        story.more = "[adjustments]\ndual_control = true"
    gpf = await story.known_gpf()
    decision = await story.tell(adjustment(gpf.device.eui, number, by=by))
    if number > 2**62:
        # Names are claims, and what is raised can never be lowered.
        expected = "REJECTED NOT_AUTHORISED"
    assert verdict(decision) == expected
    raised = expected == "SEEN ADJUSTED"
    assert decision["recorded_counter"] == (str(number) if raised else None)


async def test_a_raise_touches_one_role(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.tell(adjustment(gpf.device.eui, 50_000, by=("operations",), role=Role.SUPPLIER))
    assert verdict(await story.ask(gpf)) == "ISSUED NATURAL"


async def _signed(story: Story, number: int, *persons: Person) -> Event:
    """Make what the persons sign for the store as it is."""
    gpf = await story.known_gpf()
    # On Kafka a store has its name with the first commit.
    await story.work()
    key = str(gpf.device.eui).encode()
    incarnation = await story.streams.incarnation(partition_for(key, story.streams.partitions))
    assert incarnation
    raised = adjustment(gpf.device.eui, number, by=("somebody", "somebody else"))
    assert isinstance(raised.value, dict)
    return replace(raised, value=act(raised.value, persons, incarnation))


@pytest.mark.parametrize(
    ("names", "number", "expected"),
    [
        ((), 50_000, "DEAD_LETTER MALFORMED"),
        (("Mallory",), 50_000, "REJECTED NOT_AUTHORISED"),
        (("Ann",), 50_000, "SEEN ADJUSTED"),
        (("Ann", "Ann", "Mallory"), 2**62 + 1, "REJECTED NOT_AUTHORISED"),
        (("Ann", "Bob"), 2**62 + 1, "SEEN ADJUSTED"),
    ],
)
async def test_d11_signed_by_those_who_may(
    story: Story, names: tuple[str, ...], number: int, expected: str
) -> None:
    persons = {"Ann": Person.new("Ann"), "Bob": Person.new("Bob", "ES256")}
    signers = story.folder.parent / "signers.toml"
    signers.write_text("\n".join(person.entry() for person in persons.values()))
    story.more = f'[adjustments]\nsigners = "{signers}"'
    mallory = Person.new("Mallory")
    told = await _signed(story, number, *(persons.get(name, mallory) for name in names))
    decision = await story.tell(told)
    assert verdict(decision) == expected
    if expected == "SEEN ADJUSTED":
        assert decision["recorded_counter"] == str(number)
        assert decision["adjusted"]["by"] == list(names)
        assert decision["adjusted"]["signed"] is True
        again = await story.tell(told)
        assert verdict(again) == "SEEN NO_CHANGE"


async def test_d11_nothing_unsigned_counts_where_signers_are(story: Story) -> None:
    signers = story.folder.parent / "signers.toml"
    signers.write_text(Person.new("Ann").entry())
    story.more = f'[adjustments]\nsigners = "{signers}"'
    gpf = await story.known_gpf()
    decision = await story.tell(adjustment(gpf.device.eui, 50_000, by=("Ann", "Bob")))
    assert verdict(decision) == "REJECTED NOT_AUTHORISED"
    assert decision["recorded_counter"] is None


async def test_d11_what_was_signed_before_an_acknowledgement_still_raises(story: Story) -> None:
    ann = Person.new("Ann")
    signers = story.folder.parent / "signers.toml"
    signers.write_text(ann.entry())
    story.more = f'[adjustments]\nsigners = "{signers}"'
    told = await _signed(story, 50_000, ann)
    assert isinstance(told.key, str)
    partition = partition_for(told.key.encode(), story.streams.partitions)
    before = await story.streams.incarnation(partition)
    await acknowledge(story.streams, partition, reason="rehearsal", by="ops", clock=lambda: 0)
    assert await story.streams.incarnation(partition) != before
    await story.publish(told)
    decision = (await story.work())[-1]
    assert verdict(decision) == "SEEN ADJUSTED"
    assert decision["recorded_counter"] == "50000"
