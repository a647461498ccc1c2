"""The demonstration's fleet: what tracking saves, judged by the devices themselves."""

from datetime import UTC, datetime

import orjson
import pytest

from slotkeeper.lab import events, messages
from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.fleet import GROUPS, Fleet, Member
from slotkeeper.lab.gpf import Refusal
from slotkeeper.lab.terms import Role

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def handover(fleet: Fleet, member: Member, counter: int) -> bytes:
    payload = messages.slot_payload(fleet.successor, counter=counter)
    return messages.command(payload, fleet.pki.acb, member.gpf.device, fleet.pki.acb)


def test_tracking_saves_the_groups_that_counted_ahead_and_only_those() -> None:
    fleet = Fleet(15, now=NOW)
    assert len(list(fleet.hand_backs())) == 15
    for member in fleet.members:
        recorded = member.gpf.numbers[Role.NETWORK_OPERATOR]
        delivery = fleet.deliver(handover(fleet, member, max(recorded + 1, member.natural)))
        assert delivery.reply.refusal is None
        lost = delivery.refused_without_tracking is Refusal.REPLAY
        assert lost is member.group.lost_without_tracking
    for group in GROUPS:
        tally = fleet.tallies[group.name]
        assert (tally.devices, tally.handed_back, tally.accepted, tally.refused) == (3, 3, 3, 0)
        assert tally.refused_without_tracking == (3 if group.lost_without_tracking else 0)


def test_a_command_without_tracking_is_counted_as_refused() -> None:
    fleet = Fleet(5, now=NOW)
    list(fleet.hand_backs())
    for member in fleet.members:
        fleet.deliver(handover(fleet, member, member.natural))
    assert {name: tally.refused for name, tally in fleet.tallies.items()} == {
        group.name: int(group.lost_without_tracking) for group in GROUPS
    }


def test_one_seed_gives_one_fleet() -> None:
    first, second = ([event.line() for event in Fleet(5, now=NOW).hand_backs()] for _ in range(2))
    assert first == second
    assert first != [event.line() for event in Fleet(5, now=NOW, seed=1).hand_backs()]


def test_hand_backs_are_outcomes_that_carry_the_operators_number() -> None:
    fleet = Fleet(5, now=NOW)
    for event, member in zip(fleet.hand_backs(), fleet.members, strict=True):
        assert event.stream == events.UPDATE_RESPONSES
        assert event.octets is not None
        number = int(orjson.loads(event.octets)["request_id"].rpartition(":")[2])
        assert member.gpf.numbers[Role.NETWORK_OPERATOR] == number
        assert Envelope.decode(member.journal[1][1]).counter == number


def test_requests_carry_the_dsps_own_counter_as_json_and_none_as_duis() -> None:
    fleet = Fleet(5, now=NOW)
    for event, member in zip(fleet.handover_requests(), fleet.members, strict=True):
        assert event.octets is not None
        assert orjson.loads(event.octets)["originator_counter"] == str(member.natural)
    for event in fleet.handover_requests(as_duis=True):
        assert event.octets is not None
        assert event.octets.startswith(b"<sr:Request ")


def test_a_command_for_a_stranger_is_no_devices() -> None:
    fleet, other = Fleet(5, now=NOW), Fleet(6, now=NOW)
    with pytest.raises(KeyError):
        fleet.deliver(handover(other, other.members[1], 1))
