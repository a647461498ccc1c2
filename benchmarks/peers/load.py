"""The requests: those of the lab, the same octets in every run, for devices of every partition."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from slotkeeper.lab import events
from slotkeeper.lab.pki import Device, Organisation, Pki
from slotkeeper.lab.terms import Role
from slotkeeper.streams import Message
from slotkeeper.streams.partitioning import partition_of

PARTITIONS = 4

_PKI = Pki("peers")
_SUPPLIER = _PKI.organisation(Role.SUPPLIER, 1)
_SUCCESSORS = [_PKI.organisation(Role.NETWORK_OPERATOR, number) for number in range(2, 10)]
"""Whose certificates are handed over: there are about as many gas network operators."""

_KEY_PAIRS = 64
"""A fleet is made quickly, and keys still differ from device to device."""

_COUNTER = 0
"""Stands in the template's RequestID."""


def acb() -> Organisation:
    """Give the Access Control Broker whose commands are made."""
    return _PKI.acb


@dataclass(frozen=True)
class Load:
    """Requests for a number of devices, in turn.

    Attributes:
        count: How many devices.
        hot: Whether all of them stand in one partition.
    """

    count: int
    hot: bool = False

    @cached_property
    def devices(self) -> Sequence[Device]:
        found: list[Device] = []
        number = 0
        while len(found) < self.count:
            device = _PKI.device(number, shared_keys=_KEY_PAIRS)
            if not self.hot or partition_of(str(device.eui).encode(), PARTITIONS) == 0:
                found.append(device)
            number += 1
        return found

    def inventory(self) -> Iterator[Message]:
        for device in self.devices:
            event = events.inventory(device)
            yield Message(event.stream, str(device.eui).encode(), event.octets)

    def requests(self, first: int, count: int) -> Iterator[Message]:
        """Give requests from the one numbered ``first`` on."""
        # Certificates make up nearly all of a request; the RequestID is the rest.
        templates = [self._template(successor) for successor in _SUCCESSORS]
        for number in range(first, first + count):
            device = str(self.devices[number % self.count].eui).encode()
            before, after = templates[number % len(templates)]
            identity = f"{_SUPPLIER.eui}:".encode() + device + b":%d" % number
            yield Message(events.HANDOVER_REQUESTS, device, before + identity + after)

    def digest(self) -> str:
        """Name the octets: two runs with the same digest had the same requests."""
        digest = hashlib.sha256()
        for message in self.requests(0, 10_000):
            digest.update(message.value or b"")
        return digest.hexdigest()[:16]

    def _template(self, successor: Organisation) -> tuple[bytes, bytes]:
        device = self.devices[0].eui
        octets = events.handover_request(
            _SUPPLIER, device, successor, number=_COUNTER, floor=0
        ).octets
        identity = events.request_id(_SUPPLIER.eui, device, _COUNTER).encode()
        before, found, after = (octets or b"").partition(identity)
        assert found, "a request carries its RequestID"
        return before, after
