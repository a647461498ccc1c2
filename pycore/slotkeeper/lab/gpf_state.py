"""What an emulated GPF keeps over a power cut, as plain JSON values."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, TypedDict

from slotkeeper.lab.commands import CommandPayload
from slotkeeper.lab.gpf import Pending
from slotkeeper.lab.terms import Cell, CellUsage, Eui64, KeyUsage, Role

if TYPE_CHECKING:
    from slotkeeper.lab.gpf import Gpf

__all__ = ["GpfState", "load", "save"]


class PendingState(TypedDict):
    """A future-dated command, by its payload."""

    originator: str
    payload: str


class CellState(TypedDict):
    """A Trust Anchor Cell and its certificate."""

    role: int
    key_usage: str
    cell_usage: int
    certificate: str


class GpfState(TypedDict):
    """All that a device must not forget; numbers as decimal strings."""

    device_id: str
    cells: list[CellState]
    numbers: dict[str, str]
    specialist_numbers: dict[str, str]
    pending: list[PendingState]
    alert_counter: str


def save(gpf: Gpf) -> GpfState:
    """Give the device's state; write it before the device's answer leaves."""
    return {
        "device_id": str(gpf.device.eui),
        "cells": [
            {
                "role": cell.role.value,
                "key_usage": cell.key_usage.value.hex(),
                "cell_usage": cell.cell_usage.value,
                "certificate": b64encode(certificate).decode(),
            }
            for cell, certificate in gpf.cells.items()
        ],
        "numbers": {str(role.value): str(number) for role, number in gpf.numbers.items()},
        "specialist_numbers": {
            str(role.value): str(number) for role, number in gpf.specialist_numbers.items()
        },
        "pending": [
            {
                "originator": str(one.originator),
                "payload": b64encode(one.command.encode()).decode(),
            }
            for one in gpf.pending
        ],
        "alert_counter": str(gpf.alert_counter),
    }


def load(gpf: Gpf, state: GpfState) -> None:
    """Put a saved state into a device made anew with the same identity.

    Raises:
        ValueError: the state is another device's.
    """
    if state["device_id"] != str(gpf.device.eui):
        raise ValueError(f"state of {state['device_id']}, not of {gpf.device.eui}")
    gpf.cells = {
        Cell(
            Role(one["role"]),
            KeyUsage(bytes.fromhex(one["key_usage"])),
            CellUsage(one["cell_usage"]),
        ): b64decode(one["certificate"])
        for one in state["cells"]
    }
    gpf.numbers = {Role(int(role)): int(n) for role, n in state["numbers"].items()}
    gpf.specialist_numbers = {
        Role(int(role)): int(n) for role, n in state["specialist_numbers"].items()
    }
    gpf.pending = []
    for one in state["pending"]:
        command = CommandPayload.decode(b64decode(one["payload"]))
        if command.execution is not None:
            originator = Eui64.parse(one["originator"])
            gpf.pending.append(Pending(command.execution, originator, command))
    gpf.alert_counter = int(state["alert_counter"])
