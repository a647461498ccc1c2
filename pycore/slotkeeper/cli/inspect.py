"""``slotkeeper inspect``: messages and DUIS documents, decoded."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import orjson

from slotkeeper._core import Keystore, inspect_duis, inspect_message
from slotkeeper.cli.certificates_shown import certificates_in
from slotkeeper.cli.inspect_text import describe
from slotkeeper.cli.message_files import (
    NoMessageError,
    documents,
    is_duis,
    message_octets,
    payloads,
    read_input,
)
from slotkeeper.cli.options import json_option
from slotkeeper.cli.output import note, tables, write_json_line
from slotkeeper.cli.pcap import PcapWriter
from slotkeeper.errors import FaultFoundError, SlotkeeperError

_STANDARD_INPUT = "-"


@click.command(
    epilog="Example: slotkeeper read cs02b-commands --from-start | slotkeeper inspect --json"
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

    Messages are of CS02a and CS02b, in hex, base64, base64url or binary. A file may hold several,
    one a line, or the lines of `slotkeeper read`; of a folder every file is taken. FILES default to
    standard input. A file that cannot be decoded does not stop the others. Exit status 1 if any
    file cannot be decoded, or any signature or MAC is false.
    """
    keys = _keystore(keystore)
    faults = count = 0
    capture = PcapWriter(pcap) if pcap else None
    inputs = list(_inputs(files or (_STANDARD_INPUT,)))
    try:
        for given in inputs:
            answer = _inspected(given, keys)
            count += 1
            faults += _is_faulty(answer)
            if capture and answer.get("error") is None:
                for message in payloads(given.document):
                    capture.write(message)
            if as_json:
                write_json_line({"file": given.name, **answer} if len(inputs) > 1 else answer)
            else:
                tables().print(describe(given.name, answer, has_keystore=keys is not None))
    finally:
        if capture:
            capture.close()
    if faults:
        raise FaultFoundError(f"{faults} of {count} could not be decoded or proved false")


class _Input(NamedTuple):
    """A message or document, and where it came from; or why there is none."""

    name: str
    document: bytes
    error: str | None = None


def _keystore(folder: str | None) -> Keystore | None:
    if folder is None:
        return None
    keys = Keystore(folder)
    for warning in keys.warnings:
        note(f"warning: {warning}")
    return keys


def _inputs(names: Iterable[str]) -> Iterator[_Input]:
    for name in names:
        for file in _files(name):
            try:
                found = documents(read_input(file))
            except (OSError, NoMessageError) as error:
                reason = error.strerror if isinstance(error, OSError) else None
                yield _Input(file, b"", reason or str(error))
                continue
            for number, document in enumerate(found, 1):
                yield _Input(file if len(found) == 1 else f"{file}:{number}", document)


def _files(name: str) -> list[str]:
    """Give the files of a folder in order, hidden ones apart; a file is itself."""
    folder = Path(name)
    if name == _STANDARD_INPUT or not folder.is_dir():
        return [name]
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return [str(file) for file in files if not file.name.startswith(".")]


def _inspected(given: _Input, keys: Keystore | None) -> dict[str, Any]:
    if given.error is not None:
        return {"error": given.error}
    document = given.document
    try:
        answer: dict[str, Any] = orjson.loads(
            inspect_duis(document, keys)
            if is_duis(document)
            else inspect_message(message_octets(document), keys)
        )
    except (NoMessageError, SlotkeeperError) as error:
        return {"error": str(error)}
    if answer.get("duis"):
        answer["certificates"] = list(certificates_in(answer["duis"]["body"]))
    return answer


def _is_faulty(answer: dict[str, Any]) -> bool:
    if answer.get("error") is not None:
        return True
    if any(_is_faulty(message) for message in answer.get("messages") or ()):
        return True
    return any((answer.get(proof) or {}).get("valid") is False for proof in ("signature", "mac"))
