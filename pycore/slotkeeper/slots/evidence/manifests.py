"""Manifests in their order: each names the SHA-256 of the one before it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from slotkeeper._core import open_detached
from slotkeeper.errors import FaultFoundError, WrongUseError

from .manifest import EARLIER, LARGEST, MANIFEST, SIGNATURE, Manifest


class UnsoundError(Exception):
    """A manifest is not what was signed; the text says why."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A manifest whose signature holds.

    Attributes:
        octets: Of the manifest.
        signature: Of ``manifest.p7s``.
        manifest: What it says.
        certificate: DER of the signer's certificate.
    """

    octets: bytes
    signature: bytes
    manifest: Manifest
    certificate: bytes

    @property
    def sha256(self) -> str:
        """The digest by which the next manifest names this one."""
        return hashlib.sha256(self.octets).hexdigest()


def open_manifest(manifest: Path, signature: Path) -> Signed:
    """Read a manifest and check its signature; who signed it, is the caller's to judge.

    Raises:
        UnsoundError: One of the files is not there, or they do not belong together.
    """
    octets, signed = _read(manifest), _read(signature)
    certificate, fault = open_detached(octets, signed)
    if certificate is None:
        raise UnsoundError(f"{signature.name}: {fault}")
    try:
        found = Manifest.decode(octets)
    except ValueError as error:
        raise UnsoundError(f"{manifest.name}: {error}") from None
    if found.signer_certificate_sha256 != hashlib.sha256(certificate).hexdigest():
        raise UnsoundError(
            f"{signature.name}: the certificate is not the one that the manifest names"
        )
    return Signed(octets, signed, found, certificate)


def last_of(package: Path) -> Sequence[Signed]:
    """Give the manifests that a package holds, its own last.

    Raises:
        UnsoundError: One of them is not what was signed.
    """
    own = open_manifest(package / MANIFEST, package / SIGNATURE)
    return [*earlier_of(package, own.manifest.sequence), own]


def earlier_of(package: Path, sequence: int) -> Sequence[Signed]:
    """Give the manifests before that of a package.

    Raises:
        UnsoundError: One of them is not there, or not what was signed.
    """
    return [
        open_manifest(package / f"{stem}.json", package / f"{stem}.p7s")
        for stem in (place(number) for number in range(1, sequence))
    ]


def place(number: int) -> str:
    """Say where a manifest stands in the packages after it, without the end of its name."""
    return f"{EARLIER}/{number:08d}"


def before(folder: Path, after: Path | None) -> Sequence[Signed]:
    """Give the manifests that a new package goes on from, the oldest first.

    Args:
        folder: Of the new package; those beside it are looked at.
        after: The package before, wherever it is; None takes the last one beside the new one.

    Raises:
        FaultFoundError: The package before is not what was signed.
        WrongUseError: Which one is the last cannot be told.
    """
    if after is None:
        found: dict[int, list[Path]] = {}
        for manifest in sorted(folder.absolute().parent.glob(f"*/{MANIFEST}")):
            sequence = _sequence(manifest)
            if sequence is not None:
                found.setdefault(sequence, []).append(manifest.parent)
        if not found:
            return []
        last = found[max(found)]
        if len(last) > 1:
            names = " and ".join(str(one) for one in last)
            raise WrongUseError(f"{names} are both number {max(found)}: say --after which")
        [after] = last
    try:
        return last_of(after)
    except UnsoundError as error:
        raise FaultFoundError(f"{after} cannot be gone on from: {error}") from None


def chain_faults(chain: Sequence[Signed]) -> list[str]:
    """Say where manifests do not follow each other."""
    faults = []
    for number, one in enumerate(chain, start=1):
        told = one.manifest
        last = chain[number - 2] if number > 1 else None
        if told.sequence != number:
            faults.append(f"manifest {number} says that it is number {told.sequence}")
        if told.previous != (None if last is None else last.sha256):
            faults.append(f"manifest {number} names another manifest before it")
        ended = {} if last is None else last.manifest.until()
        begins = {each.partition: each.after for each in told.audit if each.after is not None}
        faults += [
            f"manifest {number} does not go on where the one before ended: a hole in partition {p}"
            for p in sorted(ended.keys() | begins.keys())
            if ended.get(p) != begins.get(p)
        ]
    return faults


def _sequence(manifest: Path) -> int | None:
    """Say which number a manifest claims; None for a file that is no manifest."""
    try:
        return Manifest.decode(_read(manifest)).sequence
    except (UnsoundError, ValueError):
        return None


def _read(path: Path) -> bytes:
    try:
        # A pipe, for one, would have no end.
        if not path.is_file():
            raise UnsoundError(f"{path.name} cannot be read: it is no file")
        with path.open("rb") as file:
            octets = file.read(LARGEST + 1)
    except OSError as error:
        raise UnsoundError(f"{path.name} cannot be read: {error.strerror}") from None
    if len(octets) > LARGEST:
        raise UnsoundError(f"{path.name} has more than {LARGEST} octets")
    return octets
