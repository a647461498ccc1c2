"""The laboratory: emulated devices, a test PKI, fleets and messages, for test houses too.

Everything here comes from the protocol alone and shares no code with the engine, so that it can
judge what the engine makes. What this module offers is public (``docs/lab.md``); what stands in
its submodules alone may change.

- :class:`Gpf` is a device that checks every command; :class:`Policy` names its choices where the
  protocol leaves one, :class:`Faults` what goes wrong with it.
- :class:`Pki` makes keys and certificates from a seed, :class:`PkiFolder` writes them to files.
- :class:`Fleet` is devices whose slots are handed back once and handed on once;
  :class:`EmulatedFleet` lives for a while, after a :class:`Plan` with :class:`FaultRates`;
  :func:`summary` and :func:`write_export` tell what became of it.
- :func:`slot_payload`, :func:`pre_command`, :func:`command` and :func:`factory_anchors` make what
  parties send and what a new device holds.
"""

from slotkeeper.lab.anchors import factory_anchors
from slotkeeper.lab.emulated import (
    EmulatedFleet,
    FaultRates,
    Leaving,
    Plan,
    StateFileError,
    Summary,
    summary,
    write_export,
)
from slotkeeper.lab.fleet import Fleet
from slotkeeper.lab.gpf import Faults, FloorPolicy, Gpf, Policy, Refusal, Reply
from slotkeeper.lab.messages import command, pre_command, slot_payload
from slotkeeper.lab.pki import Device, Organisation, Pki
from slotkeeper.lab.pki_folder import Issued, PkiFolder
from slotkeeper.lab.terms import Cell, CellUsage, Eui64, KeyUsage, Mode, Role, Status

__all__ = [
    "Cell",
    "CellUsage",
    "Device",
    "EmulatedFleet",
    "Eui64",
    "FaultRates",
    "Faults",
    "Fleet",
    "FloorPolicy",
    "Gpf",
    "Issued",
    "KeyUsage",
    "Leaving",
    "Mode",
    "Organisation",
    "Pki",
    "PkiFolder",
    "Plan",
    "Policy",
    "Refusal",
    "Reply",
    "Role",
    "StateFileError",
    "Status",
    "Summary",
    "command",
    "factory_anchors",
    "pre_command",
    "slot_payload",
    "summary",
    "write_export",
]
