"""What became of a fleet, as files: devices, commands with their causes, who held the slots."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import orjson

from slotkeeper.lab import anchors, registers
from slotkeeper.lab.emulated.parties import Holder
from slotkeeper.lab.emulated.sending import mprn
from slotkeeper.lab.keystore import pem
from slotkeeper.lab.terms import KeyUsage, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from slotkeeper.lab.emulated.fleet import EmulatedFleet
    from slotkeeper.lab.outcomes import Occupant

__all__ = ["FORMATS", "Format", "Summary", "devices", "results", "slots", "summary", "write_export"]

Format = Literal["csv", "jsonl"]

FORMATS: Final[tuple[Format, ...]] = ("csv", "jsonl")


class Line(NamedTuple):
    """Commands or requests of one service that ended alike."""

    service: str
    result: str
    cause: str
    valid: bool
    left_by: str
    commands: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of all commands.

    Attributes:
        lines: counted by service, result, cause, validity and way of counting.
        published: records that have been given to be published.
        devices: how many there have been, exchanged ones included.
    """

    lines: tuple[Line, ...]
    published: int
    devices: int

    @property
    def refused_valid(self) -> int:
        """6.21 commands that devices refused although, as far as told, they had to take them."""
        return sum(
            one.commands
            for one in self.lines
            if (one.service, one.result, one.valid) == ("6.21", "REFUSED", True)
        )

    def handovers(self) -> Counter[tuple[str, str]]:
        """Count 6.21 by result and cause."""
        found: Counter[tuple[str, str]] = Counter()
        for one in self.lines:
            if one.service == "6.21":
                found[one.result, one.cause] += one.commands
        return found


def summary(fleet: EmulatedFleet) -> Summary:
    """Count what became of all commands so far."""
    rows = fleet.state.rows(
        "SELECT service, result, cause, valid, left_by, count(*) AS n FROM results"
        " GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5"
    )
    return Summary(
        tuple(
            Line(
                row["service"],
                row["result"],
                row["cause"],
                bool(row["valid"]),
                row["left_by"],
                row["n"],
            )
            for row in rows
        ),
        int(fleet.state.about("published") or 0),
        fleet.state.counts(),
    )


def devices(fleet: EmulatedFleet) -> Iterator[dict[str, Any]]:
    """Give what each device holds, by number."""
    eui = _eui(fleet)
    for member in fleet.state.members():
        held = {
            name: _named(anchors.occupant(member.cells[anchors.operator_cell(usage)]))
            for name, usage in _USAGES.items()
        }
        yield {
            "device_id": eui(member.number),
            "status": member.status,
            "replaces": None if member.replaces is None else eui(member.replaces),
            **{f"{name}_{member}": text for name, one in held.items() for member, text in one},
            "network_operator_number": str(member.held),
            "supplier_number": str(member.numbers.get(Role.SUPPLIER, 0)),
            "pending": len(member.pending),
            "clock_error": member.clock_error,
        }


def results(fleet: EmulatedFleet) -> Iterator[dict[str, Any]]:
    """Give what became of each command and request, in the order in which it happened."""
    eui = _eui(fleet)
    for row in fleet.state.rows("SELECT * FROM results ORDER BY id"):
        row["device_id"] = eui(row["device"])
        yield {
            name: bool(row[name]) if name == "valid" else row[name]
            for name in (
                "device_id",
                "at",
                "service",
                "request_id",
                "originator",
                "counter",
                "held",
                "result",
                "cause",
                "valid",
                "left_by",
            )
        }


def slots(fleet: EmulatedFleet) -> Iterator[dict[str, Any]]:
    """Give who came into each Network Operator slot and when, in order."""
    eui = _eui(fleet)
    for row in fleet.state.rows("SELECT device, at, ds, ka FROM holders ORDER BY id"):
        held = {
            name: _named(anchors.occupant(fleet.state.certificate(row[name]))) for name in _USAGES
        }
        yield {
            "device_id": eui(row["device"]),
            "at": row["at"],
            **{f"{name}_{member}": text for name, one in held.items() for member, text in one},
        }


def registrations(fleet: EmulatedFleet) -> Iterator[dict[str, Any]]:
    """Give the network and supplier of each meter point, by days, as the register has it."""
    rows = fleet.state.rows(
        "SELECT device, at, operator, supplier FROM owners ORDER BY device % ?, id",
        fleet.plan.devices,
    )
    by_meter = groupby(rows, key=lambda row: mprn(fleet.plan, row["device"]))
    for meter, history in by_meter:
        yield registers.registration(
            meter,
            (
                (datetime.fromisoformat(row["at"]), row["operator"], row["supplier"] + 1)
                for row in history
            ),
        )


def parties(fleet: EmulatedFleet) -> Iterator[dict[str, Any]]:
    """Give the operators as gas network parties."""
    for number in range(1, fleet.parties.operators + 1):
        operator = fleet.parties.organisation(Holder(Role.NETWORK_OPERATOR, number, 0))
        yield registers.party(number, operator.eui)


def write_export(fleet: EmulatedFleet, folder: Path, formats: Iterable[Format]) -> list[Path]:
    """Write what became of a fleet into a folder.

    ``devices``, ``commands`` and ``slots`` in each format; ``parties.jsonl``,
    ``registrations.jsonl`` and ``certificates/`` as the registers take them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, rows in _TABLES.items():
        for kind in formats:
            path = folder / f"{name}.{kind}"
            (_write_csv if kind == "csv" else _write_lines)(path, rows(fleet))
            written.append(path)
    for name, rows in {"parties": parties, "registrations": registrations}.items():
        _write_lines(path := folder / f"{name}.jsonl", rows(fleet))
        written.append(path)
    held = folder / "certificates"
    held.mkdir(exist_ok=True)
    for organisation, (_, _, generation) in fleet.parties.operator_certificates():
        for usage, credential in (
            ("ds", organisation.digital_signature),
            ("ka", organisation.key_agreement),
        ):
            path = held / f"{organisation.eui.compact}-{usage}-{generation}.pem"
            path.write_bytes(pem(credential.certificate))
    return [*written, held]


_TABLES: Final[dict[str, Callable[[EmulatedFleet], Iterator[dict[str, Any]]]]] = {
    "devices": devices,
    "commands": results,
    "slots": slots,
}

_USAGES: Final = {
    "ds": KeyUsage.DIGITAL_SIGNATURE,
    "ka": KeyUsage.KEY_AGREEMENT,
}


def _named(occupant: Occupant) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("subject", str(occupant.eui)), ("key_identifier", occupant.key_identifier.hex())


def _eui(fleet: EmulatedFleet) -> Callable[[int], str]:
    return lambda number: str(fleet.parties.pki.device_eui(number))


def _write_csv(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = None
        for row in rows:
            if writer is None:
                writer = csv.DictWriter(file, list(row), lineterminator="\n")
                writer.writeheader()
            writer.writerow(row)


def _write_lines(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    with path.open("wb") as file:
        for row in rows:
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
