"""Asks a worker how it is, by the endpoints that it serves on the local host."""

import asyncio
import re
from collections import defaultdict

from .desk import WorkerHealth

WAIT_S = 3.0
"""For one answer; a worker has five for its own questions about lag."""

MAX_ANSWER = 4 << 20
"""Octets of a scrape; one of 64 partitions has 59 kB."""

_SAMPLE = re.compile(r"(slotkeeper_\w+)(?:\{([^}]*)\})? ([0-9.e+-]+)")
_PARTITION = re.compile(r'partition="(\d+)"')

_SUMS = {
    "slotkeeper_consumer_lag_messages": "lag",
    "slotkeeper_restore_remaining_records": "restoring",
    "slotkeeper_messages_consumed_total": "records decided",
    "slotkeeper_requests_held": "requests held",
    "slotkeeper_partitions_open": "partitions open",
    "slotkeeper_state_devices": "devices",
}
"""Figures that pages show, each the sum over partitions."""


async def asked(address: str) -> WorkerHealth:
    """Ask one worker; one that does not answer is not ready, whatever the cause."""
    try:
        async with asyncio.timeout(WAIT_S):
            ready = await _get(address, "/readyz")
            figures = await _get(address, "/metrics")
    except (OSError, TimeoutError, ValueError) as error:
        said = (
            "nobody answers there" if isinstance(error, OSError) else "it does not answer in time"
        )
        return WorkerHealth(address=address, ready=None, said=said)
    status, text = ready
    return WorkerHealth(
        address=address,
        ready=status == 200,  # noqa: PLR2004
        said=_printable(text) or "ready",
        figures=_figures(figures[1]),
    )


async def _get(address: str, path: str) -> tuple[int, str]:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    try:
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        octets = b""
        while chunk := await reader.read(65_536):
            octets += chunk
            if len(octets) > MAX_ANSWER:
                raise ValueError("the answer is too long")
    finally:
        writer.close()
    head, _, body = octets.partition(b"\r\n\r\n")
    words = head.split(maxsplit=2)
    if len(words) < 2 or not words[1].isdigit():  # noqa: PLR2004
        raise ValueError("no answer of HTTP")
    return int(words[1]), body.decode(errors="replace")


def _figures(text: str) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for name, labels, value in _SAMPLE.findall(text):
        if name in _SUMS:
            found[_SUMS[name]] += float(value)
        partition = _PARTITION.search(labels)
        if name == "slotkeeper_restore_remaining_records" and partition:
            # A worker tells this of each partition that it serves, and of no other.
            found[f"partition {partition[1]}"] = 1.0
    return dict(found)


def _printable(text: str) -> str:
    return " ".join(re.sub(r"[^\x20-\x7e]", " ", text).split())[:500]
