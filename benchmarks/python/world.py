"""A small metering world: parties, devices, and the records that they send."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from slotkeeper.lab import anchors, events, keystore, messages
from slotkeeper.lab.events import Event
from slotkeeper.lab.outcomes import CellOutcome, ExecutionOutcome
from slotkeeper.lab.pki import Device, Organisation, Pki
from slotkeeper.lab.terms import KeyUsage, Mode, Role, Status
from slotkeeper.settings import Settings

NOW_MS = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp() * 1000)

_PKI = Pki("benchmarks")
_LEAVER = _PKI.organisation(Role.NETWORK_OPERATOR, 1)
_SUCCESSOR = _PKI.organisation(Role.NETWORK_OPERATOR, 2)
_SUPPLIER = _PKI.organisation(Role.SUPPLIER, 1)
_RENEWED_SUPPLIER = _PKI.organisation(Role.SUPPLIER, 1, generation=1)
# A fleet is made quickly, and keys still differ from device to device.
_KEY_PAIRS = 64


def settings(folder: Path) -> Settings:
    """Write the ACB's keys into the folder; read the settings that name them."""
    return Settings.load(keystore.write_settings(folder, [_PKI.acb]), environment={})


@cache
def inventory(count: int) -> list[Event]:
    """Give the inventory records of so many GPFs."""
    return [events.inventory(_device(number)) for number in range(count)]


@cache
def hand_backs(count: int) -> list[Event]:
    """Give an outcome of each GPF, by which its operator leaves the slot to the ACB."""
    return [
        _outcome(_device(number), Role.NETWORK_OPERATOR, _LEAVER, _PKI.acb)
        for number in range(count)
    ]


@cache
def supplier_outcomes(count: int) -> list[Event]:
    """Give an outcome of each of other devices, which concerns their supplier only."""
    first = 1_000_000
    return [
        _outcome(_device(first + number), Role.SUPPLIER, _SUPPLIER, _RENEWED_SUPPLIER)
        for number in range(count)
    ]


@cache
def requests(count: int) -> list[Event]:
    """Give a request for the handover of each GPF's slot."""
    return [
        events.handover_request(
            _SUPPLIER, _device(number).eui, _SUCCESSOR, number=1_000 + number, floor=0
        )
        for number in range(count)
    ]


def _device(number: int) -> Device:
    return _PKI.device(number, shared_keys=_KEY_PAIRS)


def _outcome(device: Device, role: Role, existing: Organisation, replacing: Organisation) -> Event:
    mode = Mode(role.value)
    before = anchors.cells_of(role, existing)
    cells = tuple(
        CellOutcome(
            cell,
            Status.SUCCESS,
            anchors.occupant(before[cell]),
            anchors.occupant(certificate),
        )
        for cell, certificate in anchors.cells_of(role, replacing).items()
        if cell.key_usage in (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT) and cell in before
    )
    counter = 1_767_225_600_000
    message = messages.response(
        device,
        existing.eui,
        ExecutionOutcome(seq_number=counter, mode=mode, cells=cells),
        counter=counter,
        at=datetime(2026, 1, 1, tzinfo=UTC),
        message_code=mode.message_code,
    )
    request = events.request_id(existing.eui, device.eui, counter)
    return events.outcome(events.UPDATE_RESPONSES, device.eui, message, request=request)
