"""Wireshark's reading of a GBCS message: an opinion from outside."""

import shutil
import subprocess
from pathlib import Path

import pytest


def dissect(message: bytes, folder: Path) -> str:
    """Give tshark's full text for one message, or skip where the tools are absent."""
    for tool in ("tshark", "text2pcap"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed; Debian: apt-get install tshark")
    dump, capture = folder / "message.txt", folder / "message.pcap"
    dump.write_text(f"000000 {message.hex(' ')}\n")
    subprocess.run(
        ["text2pcap", "-q", "-P", "gbcs_message", str(dump), str(capture)],
        check=True,
        capture_output=True,
    )
    read = subprocess.run(
        ["tshark", "-V", "-r", str(capture)], check=True, capture_output=True, text=True
    )
    return read.stdout
