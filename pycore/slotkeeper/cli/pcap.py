"""A capture file of GBCS messages for Wireshark and tshark.

Packets are of link type WIRESHARK_UPPER_PDU: tags name the dissector, here ``gbcs_message``, and
the message follows. A message needs no invented addresses and ports this way.
"""

import struct
from pathlib import Path

_MAGIC = 0xA1B2C3D4
_VERSION = (2, 4)
_SNAP_LENGTH = 0x40000
"""Wireshark's own limit for a packet; the largest CS02b message has some 4 kB."""

_LINKTYPE_WIRESHARK_UPPER_PDU = 252
_TAG_END = 0
_TAG_DISSECTOR_NAME = 12
_DISSECTOR = b"gbcs_message"


class PcapWriter:
    """Writes messages into a new file."""

    def __init__(self, path: Path) -> None:
        """Create the file with its header.

        Raises:
            OSError: The file cannot be written.
        """
        self._file = path.open("wb")
        self._file.write(
            struct.pack(
                ">IHHiIII", _MAGIC, *_VERSION, 0, 0, _SNAP_LENGTH, _LINKTYPE_WIRESHARK_UPPER_PDU
            )
        )
        self._packets = 0

    def write(self, message: bytes) -> None:
        """Append one message. It carries no time of its own: packets are a second apart."""
        # Tag and length are 16 bits each, big-endian; the name's 12 octets need no padding to 4.
        tags = struct.pack(">HH", _TAG_DISSECTOR_NAME, len(_DISSECTOR)) + _DISSECTOR
        packet = tags + struct.pack(">HH", _TAG_END, 0) + message
        self._file.write(struct.pack(">IIII", self._packets, 0, len(packet), len(packet)) + packet)
        self._packets += 1

    def close(self) -> None:
        """Finish the file."""
        self._file.close()
