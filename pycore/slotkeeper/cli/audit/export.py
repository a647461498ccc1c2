"""Exports that ``slotkeeper read`` has written, octet for octet."""

import re
from collections.abc import Iterator
from pathlib import Path

import orjson

from slotkeeper.cli.lines import LineError, message_of
from slotkeeper.errors import FaultFoundError

LONGEST_LINE = 8 << 20
"""More than any record of a stream, whose default limit is 1 MiB, takes in base64."""

_VALUE = re.compile(rb'^\{"partition":\d+,"offset":\d+,"key":[^{}]*?,"value":(\{.*\}),"headers":')
"""A value that is an object stands in its line as it stood in its record."""


def exported(file: Path) -> Iterator[tuple[int, int, bytes | None, bytes | None]]:
    """Give partition, offset, key and value of each line.

    Raises:
        FaultFoundError: A line is none of ``slotkeeper read``.
    """
    with file.open("rb") as lines:
        for number, line in enumerate(iter(lambda: lines.readline(LONGEST_LINE), b""), 1):
            try:
                yield _read(line)
            except (orjson.JSONDecodeError, LookupError, TypeError, LineError) as error:
                raise FaultFoundError(
                    f"{file}: line {number} is none that `slotkeeper read` has written ({error})"
                ) from None


def _read(line: bytes) -> tuple[int, int, bytes | None, bytes | None]:
    fields = orjson.loads(line)
    partition, offset = fields["partition"], fields["offset"]
    if not (isinstance(partition, int) and isinstance(offset, int)):
        raise TypeError("partition and offset must be whole numbers")
    message = message_of(line, "")
    found = _VALUE.match(line) if isinstance(fields.get("value"), dict) else None
    return partition, offset, message.key, message.value if found is None else found[1]
