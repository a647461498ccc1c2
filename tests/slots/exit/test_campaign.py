"""A campaign: its phases, its gates, and what persons may decide when."""

from datetime import date, timedelta

import pytest

from slotkeeper.slots.exit.acts import Act, Ignored
from slotkeeper.slots.exit.campaign import Breach
from slotkeeper.slots.exit.facts import What
from slotkeeper.slots.exit.listing import rows, woken
from slotkeeper.slots.exit.states import Phase, State, Word
from slotkeeper.slots.facts import Exit

from .plan import (
    ACB,
    ANN,
    BOB,
    INTENT,
    OPENED,
    OWN,
    WAITS,
    Told,
    act,
    certificate,
    holding,
    leaving,
    on,
    opening,
    revoked,
    seen_on,
)

SHA = "a" * 64
WHY = "agreed with the DCC"


def ignored(*told: Ignored) -> list[str]:
    return [one.reason for one in told]


def replaced(count: int = 3, day: float = 1) -> list[Told]:
    return [holding(number).handed_back(day) for number in range(count)]


def request(days: float, *persons: str, reason: str = "", fence: int = 1 << 40) -> Act:
    word = Word.RECORD_REVOCATION_REQUEST
    return act(word, days, *persons, place=1, reason=reason, fence=fence)


def closing(*persons: str, residue: int = 0) -> Act:
    return act(Word.CLOSE, 20, *persons, place=2, manifest=SHA, residue=residue)


def test_r17_a_draft_says_what_opening_takes() -> None:
    told = seen_on(0, [holding()])
    assert (told.phase, told.survey.baseline) == (Phase.DRAFT, 1)
    assert [gate.missing for gate in told.gates if gate.missing] == []
    stays = seen_on(0, [holding()], party=leaving(intent=None))
    assert any("no intent_on" in gate.missing for gate in stays.gates)


def test_an_empty_plan_is_not_opened() -> None:
    told = seen_on(1, [Told(presumed=True)], [opening()])
    assert told.phase is Phase.DRAFT
    assert "of which anything is left to do" in told.ignored[0].reason


def test_two_persons_open_it() -> None:
    alone = act(Word.OPEN, 0, ANN, place=0)
    told = seen_on(1, [holding()], [alone])
    assert (told.phase, ignored(*told.ignored)) == (
        Phase.DRAFT,
        ["two persons must sign it, and Ann Archer alone did"],
    )
    both = act(Word.OPEN, 0.5, ANN, BOB, place=1)
    assert seen_on(1, [holding()], [alone, both]).phase is Phase.OPEN


def test_it_is_ready_by_itself_after_quiet_days() -> None:
    devices = [*replaced(), holding(9).tried(0, What.REQUESTED)]
    told = seen_on(8, devices, [opening()])
    assert (told.phase, told.survey.blocking) == (Phase.OPEN, 1)
    assert [gate.missing for gate in told.gates[:2]] == ["left: 1 REQUESTED", "something is left"]
    devices[-1].handed_back(8)
    assert seen_on(14.9, devices, [opening()]).phase is Phase.OPEN
    assert seen_on(15, devices, [opening()]).phase is Phase.READY


@pytest.mark.parametrize(
    "odd",
    [
        holding(9),
        holding(9).tried(1, What.REQUESTED),
        holding(9).tried(1, What.SCHEDULED),
        holding(9).tried(1, What.QUARANTINED),
        holding(9).tried(1, What.FAILED),
        holding(9).seen(1, ACB, OWN),
        holding(9).seen(1, OWN, ACB),
        holding(9).handed_back(1).seen(1.5, OWN),
        holding(9).handed_back(1).tried(1, What.PARKED, "s/1"),
        Told(9),
    ],
)
def test_p25_no_term_above_nothing_is_ready(odd: Told) -> None:
    assert seen_on(300, [*replaced(), odd], [opening()]).phase is Phase.OPEN


def test_p12_an_offline_hub_wakes_up_with_the_old_certificate() -> None:
    devices = replaced()
    assert seen_on(9, devices, [opening()]).phase is Phase.READY
    hub = Told(9, registered=None).seen(20, OWN)
    told = seen_on(20, [*devices, hub], [opening()])
    assert (told.phase, told.survey.joined) == (Phase.REOPENED, 1)
    hub.handed_back(21)
    assert seen_on(27, [*devices, hub], [opening()]).phase is Phase.REOPENED
    assert seen_on(28, [*devices, hub], [opening()]).phase is Phase.READY


def test_p12_after_the_request_it_must_be_recorded_anew() -> None:
    devices = replaced()
    acts = [opening(), request(9)]
    assert seen_on(10, devices, acts).phase is Phase.REVOCATION_REQUESTED
    hub = Told(9, registered=None).seen(20, OWN).handed_back(21)
    assert seen_on(20.5, [*devices, hub], acts).phase is Phase.REOPENED
    assert seen_on(40, [*devices, hub], acts).phase is Phase.READY


def test_p13_r18_a_request_is_refused_while_devices_hold() -> None:
    devices = [*replaced(), holding(9)]
    told = seen_on(30, devices, [opening(), request(20, reason=WHY)])
    assert told.phase is Phase.OPEN
    assert "not READY (1 HOLDING)" in told.ignored[0].reason
    both = request(20, ANN, BOB, reason=WHY)
    told = seen_on(30, devices, [opening(), both])
    assert told.phase is Phase.REVOCATION_REQUESTED
    bare = request(20, ANN, BOB)
    assert seen_on(30, devices, [opening(), bare]).phase is Phase.OPEN


def test_r20_an_early_revocation_is_a_breach_with_its_count() -> None:
    devices = [*replaced(), *(holding(number) for number in (7, 8, 9))]
    day = (OPENED + timedelta(days=5)).date()
    told = seen_on(10, devices, [opening()], party=revoked(day))
    assert (told.phase, told.breach, told.residue) == (Phase.REVOKED, Breach(day, 3), 3)
    # Who was replaced on the day itself was so before the revocation.
    devices[-1].handed_back(5.5)
    assert seen_on(10, devices, [opening()], party=revoked(day)).breach == Breach(day, 2)


def test_r20_a_revocation_in_order_is_none() -> None:
    day = on(10).date()
    told = seen_on(30, replaced(), [opening(), request(9)], party=revoked(day))
    assert (told.phase, told.breach, told.residue) == (Phase.REVOKED, None, 0)


def test_r20_some_certificates_are_revoked_while_devices_hold_them() -> None:
    day = on(5).date()
    party = leaving(certificate(("R", day)), certificate(usage="KA"), certificate(serial="6F"))
    told = seen_on(10, [*replaced(), holding(9)], [opening()], party=party)
    assert (told.phase, told.breach) == (Phase.OPEN, Breach(day, 1))
    # An old certificate that nobody holds harms nobody.
    assert seen_on(10, replaced(day=4), [opening()], party=party).breach is None


def test_p26_a_key_compromise_is_no_breach() -> None:
    day = on(5).date()
    devices = [*replaced(), holding(9)]
    alone = act(Word.RECORD_KEY_COMPROMISE, 6, ANN, place=1, reason=WHY)
    both = act(Word.RECORD_KEY_COMPROMISE, 6, ANN, BOB, place=2, reason=WHY)
    told = seen_on(10, devices, [opening(), alone], party=revoked(day))
    assert (told.compromised, told.breach) == (False, Breach(day, 1))
    told = seen_on(10, devices, [opening(), alone, both], party=revoked(day))
    assert (told.compromised, told.breach, told.residue) == (True, None, 1)


def test_it_is_closed_once_every_gate_holds() -> None:
    day = on(10).date()
    acts = [opening(), request(9), act(Word.CLOSE, 20, place=2, manifest=SHA, residue=0)]
    party = revoked(day, user_until=on(15).date())
    told = seen_on(30, replaced(), acts, party=party)
    assert (told.phase, told.gates) == (Phase.CLOSED, ())
    late = revoked(day, user_until=on(25).date())
    told = seen_on(30, replaced(), acts, party=late)
    assert told.phase is Phase.REVOKED
    assert "DCC User" in told.ignored[0].reason


def test_closing_takes_the_evidence_and_the_keys() -> None:
    day = on(10).date()
    bare = act(Word.CLOSE, 20, place=2, residue=0)
    party = revoked(day, user_until=on(15).date())
    told = seen_on(30, replaced(), [opening(), bare], party=party)
    assert "no evidence package" in told.ignored[0].reason
    gone = Exit(intent_on=INTENT, keys_kept_until=on(18).date())
    party = leaving(*party.certificates, user_until=on(15).date(), intent=gone)
    whole = act(Word.CLOSE, 20, place=2, residue=0, manifest=SHA)
    told = seen_on(30, replaced(), [opening(), whole], party=party)
    assert "destroyed" in told.ignored[0].reason


def test_p14_r19_a_subscription_after_the_intent_keeps_it_open() -> None:
    day = on(10).date()
    new = certificate(("R", day), serial="NEW", first=INTENT + timedelta(days=3))
    party = leaving(certificate(("R", day)), new, user_until=on(15).date())
    close = act(Word.CLOSE, 20, place=2, manifest=SHA, residue=0)
    told = seen_on(30, replaced(), [opening(), close], party=party)
    assert told.phase is Phase.REVOKED
    assert told.ignored[0].reason == "issued after the intent (R19): NEWDS"
    pending = certificate(("P", day), serial="NEW")
    told = seen_on(
        30, replaced(), [opening(), close], party=leaving(certificate(("R", day)), pending)
    )
    assert "neither revoked nor expired: NEWDS" in told.ignored[0].reason


def test_r21_residue_is_closed_by_two_persons_with_their_list() -> None:
    devices = [*replaced(), holding(8), holding(9)]
    party = revoked(on(5).date(), user_until=on(15).date())
    for persons, residue, why in (
        ((ANN,), 2, "2 devices are left, and Ann Archer alone signed"),
        ((ANN, BOB), 1, "1 devices were signed as left, and 2 were"),
    ):
        acts = [opening(), closing(*persons, residue=residue)]
        told = seen_on(30, devices, acts, party=party)
        assert (told.phase, ignored(*told.ignored)) == (Phase.REVOKED, [why])
    acts = [opening(), closing(ANN, BOB, residue=2)]
    told = seen_on(30, devices, acts, party=party)
    assert (told.phase, told.residue) == (Phase.CLOSED_WITH_RESIDUE, 2)


def test_p33_a_hub_wakes_after_closing() -> None:
    party = revoked(on(10).date(), user_until=on(15).date())
    acts = [opening(), request(9), closing()]
    hub = Told(9, registered=None).seen(40, OWN)
    devices = [*replaced(), hub]
    told = seen_on(50, devices, acts, party=party)
    assert (told.phase, told.residue, told.stranded) == (Phase.CLOSED, 1, 1)
    [note] = woken(told, [one.facts for one in devices], WAITS)
    assert (note.device_id, note.since, note.stranded) == (hub.facts.device_id, on(40), True)


def test_r21_the_stranded_are_listed() -> None:
    devices = [*replaced(), holding(7), holding(8).seen(1, ACB, OWN)]
    told = seen_on(10, devices, [opening()], party=revoked(on(5).date()))
    listed = [
        one.device_id for one in rows(told, [one.facts for one in devices], WAITS) if one.stranded
    ]
    assert listed == [one.facts.device_id for one in devices[-2:]]
    assert told.stranded == 2
    # What was left when it was closed is no news.
    closed = [opening(), closing(ANN, BOB, residue=2)]
    party = revoked(on(5).date(), user_until=on(15).date())
    told = seen_on(30, devices, closed, party=party)
    assert told.phase is Phase.CLOSED_WITH_RESIDUE
    assert list(woken(told, [one.facts for one in devices], WAITS)) == []


def test_p19_a_supplier_places_the_certificate_of_one_that_leaves() -> None:
    placed = Told(9, registered=None).seen(20, ACB).seen(20, OWN, again=True)
    told = seen_on(20, [*replaced(), placed], [opening(), request(9)])
    assert (told.phase, told.survey.joined) == (Phase.REOPENED, 1)
    assert told.survey.counts[State.HELD_AGAIN] == 1


def test_p39_cancelled_half_way() -> None:
    acts = [opening(), act(Word.CANCEL, 5, place=1)]
    told = seen_on(30, [*replaced(), holding(9)], acts)
    assert told.phase is Phase.CANCELLED
    # When all is done it is too late.
    late = [opening(), act(Word.CANCEL, 25, place=1)]
    told = seen_on(30, replaced(), late)
    assert (told.phase, told.ignored[0].reason) == (
        Phase.READY,
        "the exit was READY then, and CANCEL is for DRAFT, OPEN, PAUSED, REOPENED",
    )


def test_p39_an_intent_that_is_taken_back_holds_until_then() -> None:
    party = leaving(intent=Exit(intent_on=INTENT, cancelled_on=on(20).date()))
    assert seen_on(19, [holding()], [opening()], party=party).phase is Phase.OPEN
    # The exit that was opened while it held goes on until persons cancel it.
    assert seen_on(30, [holding()], [opening()], party=party).phase is Phase.OPEN
    late = act(Word.OPEN, 25, ANN, BOB, place=0)
    told = seen_on(30, [holding()], [late], party=party)
    assert (told.phase, "no intent_on that holds" in told.ignored[0].reason) == (Phase.DRAFT, True)


def test_p40_a_hub_is_exchanged() -> None:
    devices = [*replaced(), holding(8, retired=True)]
    devices.append(Told(9, registered=on(3), presumed=True, successor=True))
    told = seen_on(30, devices, [opening()]).survey
    assert (told.baseline, told.joined, told.exact) == (4, 1, True)
    assert (told.counts[State.RETIRED], told.counts[State.NOT_HOLDING]) == (1, 1)
    # A hub that has gone is stranded for nobody.
    party = revoked(on(10).date(), user_until=on(15).date())
    gone = seen_on(30, devices, [opening(), request(9)], party=party)
    assert (gone.phase, gone.stranded, gone.residue) == (Phase.REVOKED, 0, 0)


def test_pause_and_resume() -> None:
    acts = [opening(), act(Word.PAUSE, 2, place=1)]
    assert seen_on(3, [holding()], acts).phase is Phase.PAUSED
    acts.append(act(Word.RESUME, 4, place=2))
    assert seen_on(5, [holding()], acts).phase is Phase.OPEN
    twice = [*acts, act(Word.RESUME, 4.5, place=3)]
    assert "RESUME is for PAUSED" in seen_on(5, [holding()], twice).ignored[0].reason


def test_a_draft_can_be_cancelled_and_is_then_not_opened() -> None:
    acts = [act(Word.CANCEL, -1, place=0), act(Word.OPEN, 0, ANN, BOB, place=1)]
    told = seen_on(1, [holding()], acts)
    assert (told.phase, told.ignored[0].reason) == (
        Phase.CANCELLED,
        "the exit was CANCELLED then",
    )


def test_an_act_is_judged_by_what_its_persons_could_know() -> None:
    """A message that came later, about a time before, does not unmake what was in order."""
    devices = replaced()
    fence = max(one.offset for one in devices) + 1
    acts = [opening(fence=1), request(9, fence=fence)]
    late = Told(9, registered=None, offset=100).seen(8, OWN).handed_back(15)
    told = seen_on(10, [*devices, late], acts)
    assert (told.ignored, told.phase) == ((), Phase.REOPENED)


def test_what_this_build_has_not_read_waits_for_the_next() -> None:
    told = seen_on(1, [holding()], [opening(fence=500)], fence=100)
    assert "the next one judges it" in told.ignored[0].reason
    told = seen_on(-1, [holding()], [opening()])
    assert "signed after this build" in told.ignored[0].reason


def test_an_act_of_another_exit_is_shown() -> None:
    party = leaving(intent=Exit(intent_on=date(2026, 1, 5)))
    told = seen_on(1, [holding()], [opening()], party=party)
    assert "the register names NORTH/2026-01-05" in told.ignored[0].reason


def test_the_pace_is_a_median_and_the_forecast_follows() -> None:
    devices = [holding(number).handed_back(number // 10 + 0.5) for number in range(70)]
    devices += [holding(100 + number) for number in range(25)]
    told = seen_on(7, devices, [opening()]).survey
    assert (told.pace(), told.forecast()) == (10.0, on(10).date())
    still = seen_on(30, devices, [opening()]).survey
    assert (still.pace(), still.forecast()) == (0.0, None)
    days = list(told.burn_down())
    assert (days[0].left, days[-1].left, days[-1].replaced) == (85, 25, 70)
