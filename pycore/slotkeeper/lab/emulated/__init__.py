"""Fleets that live for a while: parties act, devices answer, messages get lost.

:class:`EmulatedFleet` knows no streams: it says what is published and takes commands. ``slotkeeper
emulate`` carries both.
"""

from slotkeeper.lab.emulated.export import Summary, summary, write_export
from slotkeeper.lab.emulated.fleet import EmulatedFleet
from slotkeeper.lab.emulated.plan import FaultRates, Leaving, Plan
from slotkeeper.lab.emulated.state_file import StateFileError

__all__ = [
    "EmulatedFleet",
    "FaultRates",
    "Leaving",
    "Plan",
    "StateFileError",
    "Summary",
    "summary",
    "write_export",
]
