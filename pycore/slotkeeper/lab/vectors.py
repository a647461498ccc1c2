"""The project's own vectors: one file of hexadecimal digits for each message.

``python -m slotkeeper.lab.vectors FOLDER`` writes ``vectors/*.HEX``, ``keystore/`` and ``duis/``,
shaped like the public vectors, with modes that those lack: change of supplier, recovery and
contingency with their commands, a slot handed back by its operator. All of it is the traffic of
emulated devices.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slotkeeper.lab import anchors, duis, events, keystore, messages, sealing
from slotkeeper.lab.commands import CANCELLATION, SeqNumberChange
from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.gpf import Gpf
from slotkeeper.lab.pki import Device, Organisation, Pki
from slotkeeper.lab.terms import (
    Cell,
    Cra,
    Eui64,
    KeyUsage,
    Mode,
    Role,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slotkeeper.lab.commands import CommandPayload

__all__ = ["Vector", "make", "write"]

_NOW: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)
_LATER: Final = timedelta(days=30)
_OPERATOR_KA: Final = anchors.operator_cell(KeyUsage.KEY_AGREEMENT)


@dataclass(frozen=True, slots=True)
class Vector:
    """A message under the name of its file."""

    name: str
    message: bytes


def make(seed: int = 0) -> list[Vector]:
    """Make all vectors; the same seed gives the same octets."""
    return list(_Bench(seed).vectors())


def write(folder: Path, *, seed: int = 0) -> None:
    """Write vectors, keystore and DUIS documents under ``folder``."""
    bench = _Bench(seed)
    target = folder / "vectors"
    target.mkdir(parents=True, exist_ok=True)
    for vector in bench.vectors():
        text = vector.message.hex().upper()
        (target / f"{vector.name}_GBCS.HEX").write_text(f"{text}\n", encoding="ascii")
    keystore.write_keystore(folder / "keystore", bench.identities())
    (folder / "duis").mkdir(exist_ok=True)
    request = duis.request_document(bench.request())
    (folder / "duis" / "Handover_6.21_REQUEST_DUIS.XML").write_bytes(request.octets or b"")


class _Bench:
    """One device after the other, each fresh, each with one story."""

    def __init__(self, seed: int) -> None:
        self._pki = Pki(f"vectors {seed}")
        self._acb = self._pki.acb
        self._leaver = self._pki.organisation(Role.NETWORK_OPERATOR, 1)
        self._successor = self._pki.organisation(Role.NETWORK_OPERATOR, 2)
        self._supplier = self._pki.organisation(Role.SUPPLIER, 1)
        self._next_supplier = self._pki.organisation(Role.SUPPLIER, 2)
        self._trans_cos = self._pki.organisation(Role.TRANSITIONAL_COS)
        self._recovery = self._pki.organisation(Role.RECOVERY)
        self._device = self._pki.device(1)
        self._now = _NOW

    def identities(self) -> list[Organisation | Device]:
        return [
            self._acb,
            self._leaver,
            self._successor,
            self._supplier,
            self._next_supplier,
            self._trans_cos,
            self._recovery,
            self._device,
        ]

    def request(self) -> events.Event:
        return events.handover_request(
            self._supplier, self._device.eui, self._successor, number=1001, floor=0
        )

    def vectors(self) -> Iterator[Vector]:
        yield from self._operator_stories()
        yield from self._supplier_stories()
        yield from self._other_modes()
        yield from self._read_back()

    def _operator_stories(self) -> Iterator[Vector]:
        gpf = self._gpf()
        back = messages.slot_payload(self._acb, counter=1200, floor=0)
        yield self._pre_command("HandBack_6.15.1", back, self._leaver)
        yield from self._exchange(gpf, "HandBack_6.15.1_SUCCESS", back, self._leaver)
        on = messages.slot_payload(self._successor, counter=1301, floor=0)
        yield from self._exchange(gpf, "Handover_6.21_SUCCESS", on, self._acb)
        gpf = self._gpf()
        gpf.faults.cells = {_OPERATOR_KA: Status.RESOURCES_BUSY}
        back = messages.slot_payload(self._acb, counter=1201)
        yield from self._exchange(gpf, "HandBack_6.15.1_PARTIAL", back, self._leaver)
        renewal = messages.slot_payload(self._successor, counter=2**63 - 1)
        yield from self._exchange(self._gpf(), "Renewal_6.15.1_SUCCESS", renewal, self._leaver)
        yield from self._future_dated()

    def _future_dated(self) -> Iterator[Vector]:
        for code, faults in (("8F66", {}), ("8F67", {_OPERATOR_KA: Status.INSUFFICIENT_MEMORY})):
            gpf = self._gpf()
            gpf.faults.cells = faults
            payload = messages.slot_payload(self._acb, counter=1004, execution=self._now + _LATER)
            name = f"HandBack_6.15.1_FUTURE_DATED_{code}"
            yield from self._exchange(gpf, name, payload, self._leaver)
            self._now += 2 * _LATER
            yield from (Vector(f"{name}_ALERT", alert) for alert in gpf.execute_due())
            self._now = _NOW
        cancellation = messages.slot_payload(self._acb, counter=1005, execution=CANCELLATION)
        name = "HandBack_6.15.1_CANCELLATION"
        yield from self._exchange(self._gpf(), name, cancellation, self._leaver)

    def _supplier_stories(self) -> Iterator[Vector]:
        mode = Mode.SUPPLIER_BY_SUPPLIER
        payload = messages.slot_payload(
            self._next_supplier, counter=1000, role=Role.SUPPLIER, mode=mode, floor=0
        )
        payload = replace(payload, top_up_floor=0, apply_time_checks=False)
        name = "SupplierBySupplier_6.15.1_SUCCESS"
        yield from self._exchange(self._gpf(), name, payload, self._supplier)
        payload = replace(
            messages.slot_payload(
                self._next_supplier,
                counter=6001,
                role=Role.SUPPLIER,
                mode=Mode.SUPPLIER_BY_TRANS_COS,
            ),
            other_changes=(SeqNumberChange(role=Role.SUPPLIER, floor=0, top_up=0),),
        )
        name = "SupplierByTransCoS_6.23_SUCCESS"
        yield from self._exchange(self._gpf(), name, payload, self._trans_cos)

    def _other_modes(self) -> Iterator[Vector]:
        renewed = self._pki.organisation(Role.ACCESS_CONTROL_BROKER, generation=1)
        payload = messages.slot_payload(
            renewed,
            counter=1300,
            role=Role.ACCESS_CONTROL_BROKER,
            mode=Mode.ACCESS_CONTROL_BROKER_BY_ACB,
            floor=0,
        )
        yield from self._exchange(self._gpf(), "ACBByACB_8.5_SUCCESS", payload, self._acb)
        payload = replace(
            messages.slot_payload(
                self._acb,
                counter=7000,
                mode=Mode.ANY_EXCEPT_ABNORMAL_ROOT_BY_RECOVERY,
                floor=0,
            ),
            other_changes=(SeqNumberChange(role=Role.NETWORK_OPERATOR, floor=42),),
        )
        yield from self._exchange(self._gpf(), "ByRecovery_SUCCESS", payload, self._recovery)
        payload = replace(
            messages.slot_payload(self._acb, counter=5000, mode=Mode.ANY_BY_CONTINGENCY, floor=0),
            authorising_cell=Cell(Role.ROOT, KeyUsage.KEY_CERT_SIGN),
            symmetric_key=bytes(range(16)),
            other_changes=(SeqNumberChange(role=Role.NETWORK_OPERATOR, floor=43),),
        )
        yield from self._contingency(payload)

    def _contingency(self, payload: CommandPayload) -> Iterator[Vector]:
        envelope = Envelope(
            cra=Cra.COMMAND,
            counter=payload.seq_number,
            originator=Eui64.of(self._pki.acb.eui[-1]),
            recipient=self._device.eui,
            message_code=payload.mode.message_code,
            payload=payload.encode(),
        )
        command = envelope.signed(sealing.sign(envelope, self._pki.contingency_key())).encode()
        yield from self._send(self._gpf(), "ByContingency_SUCCESS", command)

    def _read_back(self) -> Iterator[Vector]:
        roles = (Role.SUPPLIER, Role.NETWORK_OPERATOR, Role.LOAD_CONTROLLER)
        command = messages.credentials_command(self._acb, self._device, counter=1302, roles=roles)
        yield from self._send(self._gpf(), "CS02a_6.24.1_SUCCESS", command)

    def _exchange(
        self, gpf: Gpf, name: str, payload: CommandPayload, originator: Organisation
    ) -> Iterator[Vector]:
        command = messages.command(payload, originator, self._device, self._acb)
        yield from self._send(gpf, name, command)

    def _send(self, gpf: Gpf, name: str, command: bytes) -> Iterator[Vector]:
        yield Vector(f"{name}_COMMAND", command)
        reply = gpf.receive(command)
        if reply.response is None:
            raise AssertionError(f"{name} was refused: {reply.refusal}")
        yield Vector(f"{name}_RESPONSE", reply.response)

    def _pre_command(self, name: str, payload: CommandPayload, originator: Organisation) -> Vector:
        message = messages.pre_command(payload, originator, self._device.eui)
        return Vector(f"{name}_PRECOMMAND", message)

    def _gpf(self) -> Gpf:
        cells = anchors.factory_anchors(
            self._pki, operator=self._leaver, supplier=self._supplier, acb=self._acb
        )
        return Gpf(
            self._device,
            cells,
            clock=lambda: self._now,
            contingency=self._pki.contingency_key().public_key(),
        )


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m slotkeeper.lab.vectors", description=__doc__)
    parser.add_argument("folder", type=Path, help="made where it is absent")
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    write(wanted.folder, seed=wanted.seed)


if __name__ == "__main__":
    _main()
