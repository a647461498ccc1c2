"""``slotkeeper inspect``: messages and DUIS documents, decoded."""

import sys
from pathlib import Path
from typing import Any

import click
import orjson

from slotkeeper._core import Keystore, inspect_duis, inspect_message
from slotkeeper.cli.inspect_text import describe
from slotkeeper.cli.message_files import NoMessageError, is_duis, message_octets, payloads
from slotkeeper.cli.options import json_option
from slotkeeper.cli.output import tables, write_json_line
from slotkeeper.cli.pcap import PcapWriter
from slotkeeper.errors import FaultFoundError, SlotkeeperError

_STANDARD_INPUT = "-"


@click.command(
    epilog="Example: slotkeeper inspect --keystore keys response.hex    "
    "Example: slotkeeper inspect --json --pcap out.pcap *.HEX"
)
@click.argument("files", nargs=-1, type=click.Path(allow_dash=True))
@click.option(
    "--keystore",
    type=click.Path(exists=True, file_okay=False),
    help="Folder of <eui64>-ds.pem, -ka.pem and .key: signatures and MACs are checked with it.",
)
@click.option(
    "--pcap",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the messages as a capture that Wireshark's gbcs_message dissector reads.",
)
@json_option
def inspect(
    *, files: tuple[str, ...], keystore: str | None, pcap: Path | None, as_json: bool
) -> None:
    """Decode and check GBCS messages and DUIS documents.

    Messages are of CS02a and CS02b, in hex, base64 or binary. FILES default to standard input.
    A file that cannot be decoded does not stop the others. Exit status 1 if any file cannot be
    decoded, or any signature or MAC is false.
    """
    keys = Keystore(keystore) if keystore else None
    names = files or (_STANDARD_INPUT,)
    faults = 0
    capture = PcapWriter(pcap) if pcap else None
    try:
        for name in names:
            data, answer = _inspected(name, keys)
            faults += _is_faulty(answer)
            if capture and answer.get("error") is None:
                for message in payloads(data):
                    capture.write(message)
            if as_json:
                write_json_line({"file": name, **answer} if len(names) > 1 else answer)
            else:
                tables().print(describe(name, answer))
    finally:
        if capture:
            capture.close()
    if faults:
        raise FaultFoundError(f"{faults} of {len(names)} could not be decoded or proved false")


def _inspected(name: str, keys: Keystore | None) -> tuple[bytes, dict[str, Any]]:
    data = b""
    try:
        data = _read(name)
        answer = inspect_duis(data, keys) if is_duis(data) else _inspected_message(data, keys)
        return data, orjson.loads(answer)
    except (OSError, NoMessageError, SlotkeeperError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        return data, {"error": reason or str(error)}


def _inspected_message(data: bytes, keys: Keystore | None) -> bytes:
    return inspect_message(message_octets(data), keys)


def _is_faulty(answer: dict[str, Any]) -> bool:
    if answer.get("error") is not None:
        return True
    if any(_is_faulty(message) for message in answer.get("messages") or ()):
        return True
    return any((answer.get(proof) or {}).get("valid") is False for proof in ("signature", "mac"))


def _read(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == _STANDARD_INPUT else Path(name).read_bytes()
