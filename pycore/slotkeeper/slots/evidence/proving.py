"""Proves one device of a package to somebody who must not see the others."""

import base64
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from slotkeeper._core import EvidenceTree
from slotkeeper.errors import FaultFoundError, WrongUseError

from .folder import new_package
from .manifest import CERTIFICATES, ISSUING, MANIFEST, PAGE, ROWS, SIGNATURE
from .manifests import Signed, UnsoundError, open_manifest
from .page import proof_page

_AT_A_TIME = 1_000
_LONGEST_LINE = 2 << 20
"""Octets; longer than any row is (``rust/engine/src/package/check.rs``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenRow:
    """A row and its way up the tree.

    Attributes:
        index: Which leaf it is, from 0.
        line: Of ``rows.jsonl``, without its LF.
        path: The Merkle Audit Path, its sibling first.
        sides: On which side each stands: "left" or "right".
    """

    index: int
    line: bytes
    path: Sequence[bytes]
    sides: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """All rows of one device, and the manifest that has their root."""

    device: str
    signed: Signed
    rows: Sequence[ProvenRow]

    def told(self) -> dict[str, Any]:
        """Give it for a program."""
        manifest = self.signed.manifest
        return {
            "device": self.device,
            "manifest_sha256": self.signed.sha256,
            "root": manifest.root,
            "tree_size": manifest.counts.rows,
            "rows": [
                {
                    "index": row.index,
                    "line": row.line.decode(),
                    "path": [digest.hex() for digest in row.path],
                    "sides": list(row.sides),
                }
                for row in self.rows
            ],
        }


def prove(package: Path, device: str) -> Proof:
    """Prove that the rows of a device are in a package.

    Raises:
        FaultFoundError: The package is not what was signed: `verify` says more.
        WrongUseError: It has no row of that device.
    """
    try:
        signed = open_manifest(package / MANIFEST, package / SIGNATURE)
    except UnsoundError as error:
        raise FaultFoundError(f"{package}: {error}") from None
    tree = EvidenceTree()
    mark = f'"device":"{device}"'.encode()
    found: list[tuple[int, bytes]] = []
    with (package / ROWS).open("rb") as file:
        rows = iter(lambda: file.readline(_LONGEST_LINE), b"")
        while lines := [line.rstrip(b"\n") for line in islice(rows, _AT_A_TIME)]:
            begin = len(tree)
            tree.add(lines)
            found += [(begin + at, line) for at, line in enumerate(lines) if mark in line]
    if tree.root.hex() != signed.manifest.root:
        raise FaultFoundError(f"{package}: the rows are not those of its manifest")
    if not found:
        raise WrongUseError(f"{package} has no row of {device}")
    proven = [
        ProvenRow(
            index=index,
            line=line,
            path=tree.path(index) or (),
            sides=sides(index, len(tree)),
        )
        for index, line in found
    ]
    return Proof(device=device, signed=signed, rows=proven)


def sides(index: int, size: int) -> Sequence[str]:
    """Say on which side the members of a Merkle Audit Path stand (RFC 9162, section 2.1.3.2)."""
    found, last = [], size - 1
    while last:
        if index % 2:
            found.append("left")
        elif index < last:
            found.append("right")
        # Else it is the last of an odd number, which goes up as it is.
        index, last = index // 2, last // 2
    return found


def write_proof(proof: Proof, package: Path, folder: Path) -> None:
    """Write a proof as a folder that needs no more than openssl and sha256sum.

    Raises:
        WrongUseError: The folder is not empty.
    """
    with new_package(folder) as making:
        for name in (MANIFEST, SIGNATURE):
            shutil.copyfile(package / name, making / name)
        issuing = package / CERTIFICATES / ISSUING
        if issuing.is_dir():
            shutil.copytree(issuing, making / ISSUING)
        for number, row in enumerate(proof.rows, start=1):
            for name, octets in _row_files(row, package):
                (making / f"{number}-{name}").write_bytes(octets)
        (making / PAGE).write_text(proof_page(proof.device, len(proof.rows)), encoding="utf-8")


def _row_files(row: ProvenRow, package: Path) -> Iterator[tuple[str, bytes]]:
    yield "row.json", row.line
    steps = zip(row.sides, row.path, strict=True)
    yield "path.txt", "".join(f"{side} {digest.hex()}\n" for side, digest in steps).encode()
    told = orjson.loads(row.line)
    yield "message.bin", base64.b64decode(told["message"])
    if told["public_key"] is not None:
        yield "key.der", base64.b64decode(told["public_key"])
    if told["certificate"] is not None:
        file = package / CERTIFICATES / f"{told['certificate']}.der"
        yield "certificate.der", file.read_bytes()
