"""Raises by hand and back-fill: only upwards, audited, by two persons where it matters (D11)."""

import pytest
from tests.scenarios.story import Story, verdict

from slotkeeper.lab.events import adjustment
from slotkeeper.lab.terms import Role


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
    assert verdict(decision) == expected
    raised = expected == "SEEN ADJUSTED"
    assert decision["recorded_counter"] == (str(number) if raised else None)


async def test_a_raise_touches_one_role(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.tell(adjustment(gpf.device.eui, 50_000, by=("operations",), role=Role.SUPPLIER))
    assert verdict(await story.ask(gpf)) == "ISSUED NATURAL"
