"""Devices on streams, as an inventory and an audit trail tell of them."""

import csv
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson
from tests.slots.desk import Desk

from slotkeeper.slots.build.building import build
from slotkeeper.slots.build.folder import open_build
from slotkeeper.slots.facts import Policy
from slotkeeper.slots.report.judging import judge_all
from slotkeeper.slots.report.writing import Split, write_report
from slotkeeper.slots.tables import tables
from slotkeeper.streams import Message
from slotkeeper.streams.memory import MemoryStreams
from slotkeeper.streams.partitioning import partition_of

ACB = "90-B3-D5-1F-30-00-00-02"
ACB_DS, ACB_KA = "a" * 16, "b" * 16
POLICY = Policy(acb_id=ACB, acb_keys={"DS": frozenset({ACB_DS}), "KA": frozenset({ACB_KA})})

Cells = tuple[tuple[str, str] | None, tuple[str, str] | None]
ACB_CELLS: Cells = ((ACB, ACB_DS), (ACB, ACB_KA))


def device(number: int) -> str:
    octets = f"00DB12340000{number:04X}"
    return "-".join(octets[at : at + 2] for at in range(0, 16, 2))


def decision(
    number: int,
    cells: Cells,
    at: datetime,
    existed: Cells = (None, None),
    /,
    **members: Any,  # noqa: ANN401
) -> bytes:
    """Write the record of the audit trail that says what a device's slot holds since a time."""
    usages = ("digital_signature", "key_agreement")
    record = {
        "kind": "decision",
        "device_id": device(number),
        "remote_party_role": "NetworkOperator",
        "disposition": "RECORDED",
        "reason": "ACB_IN_SLOT",
        "slot": {
            usage: cell and {"subject_unique_id": cell[0], "subject_key_identifier": cell[1]}
            for usage, cell in zip(usages, cells, strict=True)
        }
        | {"state": "ACB"},
        "message": {"digest": "00", "signature": "valid"},
        "cells": [
            {
                "key_usage": usage,
                "existing_subject_unique_id": cell[0],
                "existing_subject_key_identifier": cell[1],
            }
            for usage, cell in zip(("digitalSignature", "keyAgreement"), existed, strict=True)
            if cell
        ],
        "decided_at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        **members,
    }
    return orjson.dumps(record)


@dataclass
class Fleet:
    """A desk with devices.

    Attributes:
        desk: With the registers.
        offsets: Of the audit trail, by partition.
    """

    desk: Desk
    offsets: dict[int, int] = field(default_factory=dict)

    async def inventory(self, number: int, **members: Any) -> str:  # noqa: ANN401
        """Put a GPF, unless said otherwise, into the inventory."""
        record = {
            "device_id": device(number),
            "device_type": "GPF",
            "status": "Commissioned",
            "smets_version": "SMETS2",
            **members,
        }
        message = Message("smart-metering-inventory", device(number).encode(), orjson.dumps(record))
        await self.desk.streams.publish([message])
        return device(number)

    def decided(
        self,
        number: int,
        cells: Cells,
        at: datetime,
        /,
        *,
        existed: Cells = (None, None),
        **members: Any,  # noqa: ANN401
    ) -> None:
        """Let the audit trail say what a device's slot holds since a time."""
        self.audit(number, decision(number, cells, at, existed, **members))

    def audit(self, number: int, octets: bytes) -> None:
        key = device(number).encode()
        streams = self.desk.streams
        assert isinstance(streams, MemoryStreams)
        partition = partition_of(key, streams.partitions)
        streams.log("audit-trail", partition).append(key, octets, (), 0)

    async def build(
        self, now: datetime, *, policy: Policy = POLICY, folder: Path | None = None
    ) -> Path:
        """Make a build, and give the folder of the builds."""
        folder = folder or self.desk.folder / "slots"
        await build(
            self.desk.streams,
            folder,
            policy=policy,
            now_ms=int(now.timestamp() * 1_000),
            advance=lambda _stream, _offsets, _total: None,
        )
        return folder

    def report(
        self,
        folder: Path,
        as_of: date,
        *,
        policy: Policy = POLICY,
        known_by: Path | None = None,
        threads: int = 2,
        split_by: Split | None = None,
    ) -> "Report":
        """Write a report, and give its folder."""
        out = self.desk.folder / f"report-{len(list(self.desk.folder.glob('report-*')))}"
        out.mkdir()
        made_of = open_build(folder, known_by)
        with tables(made_of.reads, out, threads=threads) as made:
            registers = judge_all(made, made_of, policy, as_of)
            totals = write_report(
                made,
                made_of,
                registers,
                policy=policy,
                as_of=as_of,
                out=out,
                formats=("csv", "json", "parquet"),
                warnings=[],
                split_by=split_by,
            )
        return Report(out, totals)


@dataclass
class Report:
    """The files of a report."""

    folder: Path
    totals: dict[str, Any]

    def rows(self, name: str = "device.csv") -> list[dict[str, str]]:
        with (self.folder / name).open(newline="") as file:
            return list(csv.DictReader(file))

    def of(self, number: int) -> dict[str, str]:
        [row] = [row for row in self.rows() if row["device_id"] == device(number)]
        return row

    def octets(self) -> dict[str, bytes]:
        return {
            path.name: path.read_bytes()
            for path in sorted(self.folder.iterdir())
            if path.suffix in {".csv", ".json"}
        }
