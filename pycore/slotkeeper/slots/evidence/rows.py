"""Writes the rows of a package, each in the one way there is to write it."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import orjson

from slotkeeper._core import EvidenceTree
from slotkeeper.slots.tables import Tables

from .manifest import LEAVES, ROWS

_ROWS = """
SELECT told.device, scope.party, told.partition, told."offset", kind, message,
    coalesce(held.public_key, told.public_key), verified, source_stream, source_partition,
    source_offset, audit_sha256, decided."offset", number, decided_at, device_time, received_at,
    held.sha256
FROM told JOIN scope USING (device)
LEFT JOIN decided ON decided.sha256 = audit_sha256 AND decided.partition = told.partition
LEFT JOIN (
    SELECT device, point, min(public_key) AS public_key, min(sha256) AS sha256
    FROM held GROUP BY device, point
) AS held ON held.device = told.device AND held.point = told.point
LEFT JOIN cut ON cut.partition = told.partition
WHERE cut.below IS NULL OR decided."offset" IS NULL OR decided."offset" < cut.below
ORDER BY told.device, told."offset"
"""
"""A report knows nothing that was decided after its build."""

_AT_A_TIME = 1_000


def write_rows(made: Tables, folder: Path) -> str:
    """Write ``rows.jsonl`` and ``leaves.txt``; gives the root of their tree, hexadecimal."""
    tree = EvidenceTree()
    with (folder / ROWS).open("wb") as rows, (folder / LEAVES).open("wb") as leaves:
        lines = _lines(made)
        while some := list(islice(lines, _AT_A_TIME)):
            digests = tree.add([line for _, line in some])
            rows.write(b"".join(line + b"\n" for _, line in some))
            leaves.write(
                b"".join(
                    f"{leaf.hex()}  {device}\n".encode()
                    for leaf, (device, _) in zip(digests, some, strict=True)
                )
            )
    return tree.root.hex()


def _lines(made: Tables) -> Iterator[tuple[str, bytes]]:
    for row in made.rows(_ROWS):
        (device, party, partition, offset, kind, message, key, verified, stream, of, at, sha256,
         decided, number, decided_at, device_time, received_at, certificate) = row  # fmt: skip
        told = {
            "audit": {
                "number": number,
                "offset": decided,
                "partition": partition,
                "sha256": sha256,
            },
            "certificate": certificate,
            "decided_at": decided_at,
            "device": device,
            "device_time": device_time,
            "evidence_offset": offset,
            "kind": kind,
            "message": message,
            "party": party,
            "public_key": key,
            "received_at": received_at,
            "source": {"offset": at, "partition": of, "stream": stream},
            "verified": verified,
        }
        yield device, orjson.dumps(told)
