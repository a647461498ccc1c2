"""What each step of a history says, and the emulated devices that say it."""

import base64
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from slotkeeper.lab import anchors, duis, events, messages
from slotkeeper.lab.anchors import operator_cell
from slotkeeper.lab.commands import CANCELLATION
from slotkeeper.lab.events import Event
from slotkeeper.lab.gpf import FloorPolicy, Gpf, Policy
from slotkeeper.lab.pki import Organisation
from slotkeeper.lab.terms import Cell, Eui64, KeyUsage, Mode, Role, Status

from . import arrangement, cast, persons
from .cast import DEVICES, ORGANISATIONS, START, Read, Told

if TYPE_CHECKING:
    from .model.decisions import Record

Json = dict[str, Any]
NOW_MS = int(START.timestamp() * 1_000) + 3_600_000
"""The engine's clock, which stands still an hour after that of the devices begins."""

_USAGES = {
    "ds": [KeyUsage.DIGITAL_SIGNATURE],
    "ka": [KeyUsage.KEY_AGREEMENT],
    "both": [KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT],
}


class Steps:
    """The devices, their messages, and the records that wait for the end of their batch."""

    def __init__(self, drawn: Json) -> None:
        self.now = START
        policy = Policy(floor=FloorPolicy[drawn["floor_policy"]])
        self.gpfs = [
            Gpf(device, cast.factory_cells("A"), policy=policy, clock=self._clock)
            for device in DEVICES
        ]
        self.mail: list[list[bytes]] = [[] for _ in DEVICES]
        self.given: dict[tuple[str, int], bytes] = {}
        self.batch: list[tuple[Record, str, Json]] = []
        self.offset = 0
        self.stores = list(persons.STORES[:1])

    def _clock(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def _add(
        self,
        event: Event,
        facts: Json | None = None,
        *,
        form: str = "record",
        step: Json | None = None,
    ) -> None:
        self.offset += 1
        key = event.key if isinstance(event.key, bytes) else event.key.encode()
        record = (event.stream, self.offset, key, event.octets, facts or {})
        self.batch.append((record, form, step or {}))

    def _inventory(self, step: Json) -> None:
        device = DEVICES[step["device"]]
        event = events.inventory(
            device, device_type=step["type"], status=step["status"], smets_version=step["smets"]
        )
        assert isinstance(event.value, dict)
        value = dict(event.value)
        for member, usage in (("signing", "digital_signature"), ("agreement", "key_agreement")):
            name = (
                "digital_signing_certificate"
                if member == "signing"
                else "key_agreement_certificate"
            )
            value[name] = None
            if step[member] is not None:
                identity = arrangement.identity(step[member], str(device.eui))
                value[name] = base64.b64encode(getattr(identity, usage).certificate).decode()
        if step["acb_agreement"] is not None:
            broker = ORGANISATIONS[step["acb_agreement"]].key_agreement
            value["acb_key_agreement_identifier"] = broker.details.key_identifier.hex()
        said = {
            name: step[name]
            for name in ("type", "status", "smets", "signing", "agreement", "acb_agreement")
        }
        self._add(replace(event, value=value), {"said": said})

    def _tombstone(self, step: Json) -> None:
        key = str(DEVICES[step["device"]].eui)
        self._add(Event(events.INVENTORY, key, None), {"said": None})

    def _told(self, step: Json) -> None:
        names = ("device", "party", "mode", "number", "header", "at", "kind", "code")
        told = Told(
            **{name: step[name] for name in names},
            cells=tuple(tuple(one) for one in step["cells"]),
            floors=tuple(tuple(one) for one in step["floors"]),
        )
        self._carry(cast.octets(told), step)

    def _read(self, step: Json) -> None:
        """Let a device tell what stands in its cells, or what it might have there."""
        roles = [(role, number, tuple(map(tuple, cells))) for role, number, cells in step["roles"]]
        if step["truly"]:
            gpf = self.gpfs[step["device"]]
            roles = [
                (role, gpf.numbers.get(Role(role), 0), self._held(gpf, Role(role)))
                for role, _, _ in roles
            ]
        at = step["at"]
        if at == "now":
            at = int((self._clock() - START).total_seconds())
        self._carry(
            cast.read_back(Read(step["device"], step["party"], step["number"], tuple(roles), at)),
            step,
        )

    @staticmethod
    def _held(gpf: Gpf, role: Role) -> tuple[tuple[str, str], ...]:
        names = {
            (usage, cast.holder(name, usage)): name
            for name in ORGANISATIONS
            for usage in cast.USAGES
        }
        cells = ((usage, gpf.cells.get(Cell(role, code))) for usage, code in cast.USAGES.items())
        return tuple(
            (usage, names[usage, anchors.occupant(certificate)])
            for usage, certificate in cells
            if certificate is not None
        )

    @staticmethod
    def _about(step: Json) -> Eui64:
        device: Eui64 = DEVICES[(step["device"] + (step["about"] != "own")) % len(DEVICES)].eui
        return device

    def _alert(self, step: Json) -> None:
        device, about = DEVICES[step["device"]].eui, self._about(step)
        told: Json = {"kind": step["kind"], "device_id": str(about)}
        if step["at"] is not None:
            told["at"] = cast.at(step["at"]).isoformat().replace("+00:00", "Z")
        match step["kind"]:
            case "SecurityCredentialsUpdated":
                told |= {
                    "remote_party_role": step["role"],
                    "certificates": [
                        {"key_usage": usage.upper(), "sha1": cast.sha1(name, usage)}
                        for usage, name in step["certificates"]
                    ],
                    "remote_party_floor_seq_number": _text(step["floor"]),
                }
            case "RecoveryCompleteACBCredentials":
                for role, member in ((3, "network_operator_cells"), (2, "supplier_cells")):
                    told[member] = [u.upper() for r, u in step["cells"] if r == role]
            case "DeviceLogRestored":
                told |= {"old_device_id": str(about), "new_device_id": str(about)}
            case "QuarantinedRequest":
                told["request_id"] = events.request_id(cast.SUPPLIERS[0].eui, about, 1)
        event = Event(events.ALERTS, str(device), told)
        named = [(usage, cast.sha1(name, usage)) for usage, name in step["certificates"]]
        self._add(
            event,
            {"alert": {**step, "named": named, "device": str(about), "at": _seconds(step["at"])}},
        )

    def _baseline(self, step: Json) -> None:
        device, about = DEVICES[step["device"]].eui, self._about(step)
        told: Json = {"device_id": str(about), "source": "lab", "by": ["lab"]}
        told["as_of"] = cast.at(step["at"]).isoformat().replace("+00:00", "Z")
        for member, usage in (("digital_signature", "ds"), ("key_agreement", "ka")):
            if usage in step["holders"]:
                eui, key = arrangement.party(step["holders"][usage], usage)
                told[member] = {"subject_unique_id": eui, "subject_key_identifier": key}
        facts = {
            "device": str(about),
            "as_of": _seconds(step["at"]),
            "cells": [
                (usage, arrangement.party(name, usage)) for usage, name in step["holders"].items()
            ],
        }
        self._add(Event(events.BASELINES, str(device), told), {"baseline": facts})

    def _again(self, step: Json) -> None:
        mail = self.mail[step["device"]]
        if mail:
            self._carry(mail[-1 - step["which"] % len(mail)], step)

    _handover = _again

    def _carry(self, message: bytes, step: Json) -> None:
        """Put a message into a record, twisted and addressed as the step says."""
        if message not in self.mail[step["device"]]:
            self.mail[step["device"]].append(message)
        octets = cast.twisted(message, step["twist"])
        device = DEVICES[step["device"]].eui
        event = events.outcome(step["stream"], device, octets, request="x")
        event = replace(event, key=self._key(step))
        assert isinstance(event.value, dict)
        facts = {"entry": dict(event.value)}
        if step["form"] == "gbcs":
            self._add(replace(event, value=octets), facts, form="gbcs")
        elif (
            step["form"] == "duis"
            and step["twist"] != "cut"
            and octets[:1] == b"\xdf"
            and octets[2] != 1
        ):
            self._add(duis.response_document(event), facts)
        else:
            self._add(event, facts)

    def _key(self, step: Json) -> str:
        own, device = DEVICES[step["device"]].eui, step["key"]
        match device:
            case "lower":
                return own.compact
            case "other":
                return str(DEVICES[(step["device"] + 1) % len(DEVICES)].eui)
            case "none":
                return "no device"
        return str(own)

    def _occupant(self, gpf: Gpf) -> Organisation | None:
        """Give who can command the Network Operator slot; None where nobody of the cast can."""
        standing = gpf.cells[operator_cell(KeyUsage.DIGITAL_SIGNATURE)]
        return next(
            (
                one
                for name, one in ORGANISATIONS.items()
                if one.digital_signature.certificate == standing and not name.startswith("acb")
            ),
            None,
        )

    @staticmethod
    def _faults(which: str | None, role: Role) -> dict[Any, Status]:
        if which is None:
            return {}
        (usage,) = _USAGES[which]
        return {Cell(role, usage): Status.RESOURCES_BUSY}

    def _update(self, step: Json, execution: datetime | None = None) -> None:
        gpf = self.gpfs[step["device"]]
        operator = self._occupant(gpf)
        if operator is None:
            return
        number = min(gpf.numbers.get(Role.NETWORK_OPERATOR, 0) + step["step"], 2**63 - 1)
        payload = messages.slot_payload(
            ORGANISATIONS[step["to"]],
            counter=number,
            floor=step.get("floor"),
            key_usages=_USAGES[step.get("usages", "both")],
            execution=execution,
        )
        if step.get("tapped"):
            tapped = messages.pre_command(payload, operator, gpf.device.eui, signed=True)
            self._carry(tapped, {**step, "stream": events.PRE_COMMANDS})
        if not step.get("arrives", True):
            return
        gpf.faults.cells = self._faults(step.get("fails"), Role.NETWORK_OPERATOR)
        reply = gpf.receive(messages.command(payload, operator, gpf.device, cast.ACB))
        gpf.faults.cells = {}
        if reply.response is None:
            return
        if step.get("lost"):
            self.mail[step["device"]].append(reply.response)
        else:
            self._carry(reply.response, step)

    def _future(self, step: Json) -> None:
        days = step["days"]
        due = None if days is None else self.now + timedelta(days=days)
        self._update(step, CANCELLATION if due is None else due.replace(microsecond=0))

    def _due(self, step: Json) -> None:
        gpf = self.gpfs[step["device"]]
        if gpf.pending:
            self.now = max(self.now, *(one.due for one in gpf.pending))
            for alert in gpf.execute_due():
                self._carry(alert, step)

    def _tapped(self, step: Json) -> None:
        party = ORGANISATIONS[step["party"]]
        supplier = party.role is Role.SUPPLIER
        payload = messages.slot_payload(
            ORGANISATIONS[step["to"]],
            counter=step["number"],
            floor=step["floor"],
            role=Role.SUPPLIER if supplier else Role.NETWORK_OPERATOR,
            mode=Mode.SUPPLIER_BY_SUPPLIER
            if supplier
            else Mode.NETWORK_OPERATOR_BY_NETWORK_OPERATOR,
        )
        device = DEVICES[step["device"]].eui
        octets = messages.pre_command(payload, party, device, signed=step["signed"])
        self._carry(octets, step)

    def _request(self, step: Json) -> None:
        device = DEVICES[step["device"]].eui
        target = device if step["target"] == "own" else DEVICES[(step["device"] + 1) % 4].eui
        holder = ORGANISATIONS[step["holder"]]
        role = {"NetworkOperator": Role.NETWORK_OPERATOR}.get(step["role"], Role.SUPPLIER)
        event = events.handover_request(
            cast.SUPPLIERS[0],
            device,
            holder,
            number=step["number"],
            role=role,
            floor=step["floor"],
            key_agreement=step["agreement"],
            apply_time_checks=step["checks"],
        )
        assert isinstance(event.value, dict)
        due = step["due_in"]
        moment = (
            None if due is None else datetime.fromtimestamp(NOW_MS // 1000 + due, tz=START.tzinfo)
        )
        value = event.value | {
            "request_id": events.request_id(cast.SUPPLIERS[0].eui, target, step["number"]),
            "remote_party_role": step["role"],
            "originator_counter": {"none": None, "bad": "12 or so"}.get(
                str(step["hint"]), str(step["hint"])
            ),
            "execution_date_time": None
            if moment is None
            else moment.isoformat().replace("+00:00", "Z"),
        }
        if step["top_up_floor"] is not None:
            value["remote_party_prepayment_top_up_floor_seq_number"] = str(step["top_up_floor"])
        else:
            value["remote_party_prepayment_top_up_floor_seq_number"] = None
        as_document = step["form"] == "duis"
        if as_document:
            value["originator_counter"] = None
            step = {**step, "top_up_floor": None}
        hint = value["originator_counter"]
        asked = {
            "remote_party_role": step["role"],
            "target": str(target),
            "request_id": value["request_id"],
            "holder_name": step["holder"],
            "holder": {
                usage: arrangement.party(step["holder"], usage)
                for usage in ("ds", "ka")
                if usage == "ds" or step["agreement"]
            },
            "checks": step["checks"],
            "certificate_fault": arrangement.certificate_fault,
            "hint": int(hint) if hint and hint.isdigit() else None,
            "floor": step["floor"],
            "top_up_floor": step["top_up_floor"],
            "execution_ms": None if due is None else NOW_MS + due * 1000,
        }
        event = replace(event, value=value)
        self._add(
            duis.request_document(event) if as_document else event, {"asked": asked}, step=step
        )

    def _adjust(self, step: Json) -> None:
        device, about = DEVICES[step["device"]].eui, self._about(step)
        requests = {
            events.request_id(cast.SUPPLIERS[0].eui, about, int(number)): counter
            for number, counter in step["requests"].items()
        }
        entry = {
            "device_id": str(about),
            "remote_party_role": step["role"],
            "kind": step["kind"],
            "at_least": step["at_least"],
            "issued_numbers": step["issued_numbers"],
            "issued_blocks": step["issued_blocks"],
            "issued_floor": step["issued_floor"],
            "request_ids": requests,
            "by": step["by"],
        }
        raising = ("at_least", "issued_numbers", "issued_blocks", "issued_floor", "request_ids")
        if all(entry[name] in (None, [], {}) for name in raising):
            entry["at_least"] = 1
        if step["kind"] == "issued" and entry["at_least"] is not None:
            # Who makes up for damage names what commands had, as `counters show` tells it.
            given = [number for to, number in self.given if to == str(about)]
            entry["at_least"] = max([entry["at_least"], *given])
        value = {
            **entry,
            "at_least": _text(entry["at_least"]),
            "issued_numbers": [str(one) for one in step["issued_numbers"]],
            "issued_blocks": [[str(one) for one in block] for block in step["issued_blocks"]],
            "issued_floor": _text(step["issued_floor"]),
            "request_ids": {request: str(number) for request, number in requests.items()},
            "reason": "a reason",
            "source": "differential",
        }
        if step.get("signed"):
            by = [(name, fault) for name, fault in step["signed"]]
            value, signers = persons.signed(value, by, self.stores)
            entry["signed"] = signers
        self._add(Event(events.ADJUSTMENTS, str(device), value), {"entry": entry})

    def _error(self, step: Json) -> None:
        device = DEVICES[step["device"]].eui
        value = {"request_id": "x", "response_code": step["code"]}
        self._add(Event(step["stream"], str(device), value), {"entry": value})

    def _garbage(self, step: Json) -> None:
        key = str(DEVICES[step["device"]].eui)
        value = {
            "text": b"no JSON",
            "array": b"[]",
            "tombstone": None,
            "base64": b'{"gbcs_payload": "%%%"}',
            "empty": b"{}",
            "inventory": b'{"device_id": 7}',
        }[step["what"]]
        stream = events.INVENTORY if step["what"] == "inventory" else step["stream"]
        self._add(Event(stream, key, value), {"unreadable": True})

    def _clock_moves(self, step: Json) -> None:
        self.now += timedelta(days=step["days"])


def _seconds(at: int | None) -> float | None:
    return None if at is None else cast.at(at).timestamp()


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
