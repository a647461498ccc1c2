"""A hundred ways to change a package, each with what its check must name."""

import hashlib
import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from slotkeeper.slots.evidence.folder import write_list

ROWS, LEAVES, SIGNATURE, MANIFEST = "rows.jsonl", "leaves.txt", "manifest.p7s", "manifest.json"


@dataclass(frozen=True, slots=True)
class Manipulation:
    """A change of a package in a folder.

    Attributes:
        name: For the person who reads a failure.
        change: Does it.
        file: That a finding must name.
        line: Of the file, likewise; None for no line.
        what: Likewise; None for any.
    """

    name: str
    change: Callable[[Path], None]
    file: str
    line: int | None = None
    what: str | None = None


def manipulations(package: Path, other: Path) -> Iterator[Manipulation]:
    """Give them; ``other`` is another package of the same signer."""
    lines = (package / ROWS).read_bytes().splitlines(keepends=True)
    for at in range(len(lines)):
        yield from _of_row(at, lines)
    yield from _of_signature(package)
    yield from _of_files(package, other)
    yield from _of_whole(lines)


def _of_row(at: int, lines: list[bytes]) -> Iterator[Manipulation]:
    members = {
        "decided_at": "2026-01-01T00:00:00Z",
        "device_time": "2026-01-01T00:00:00Z",
        "evidence_offset": 900,
        "kind": "ALERT",
        "party": "GNO-9",
        "received_at": "2026-01-01T00:00:00Z",
        "verified": False,
        "device": "00-DB-12-34-56-78-90-A3",
        "certificate": None,
        "public_key": None,
    }
    for member, value in members.items():
        told = json.loads(lines[at]) | {member: value}
        yield _put(f"{member} of row {at}", at, [_line(told)], lines)
    told = json.loads(lines[at])
    message = told["message"]
    middle = len(message) // 2
    letter = "A" if message[middle] != "A" else "B"
    told["message"] = message[:middle] + letter + message[middle + 1 :]
    yield _put(f"message of row {at}", at, [_line(told)], lines)
    spaced = lines[at].replace(b'":', b'": ', 1)
    yield _put(f"a space in row {at}", at, [spaced], lines)
    removed = lines[:at] + lines[at + 1 :]
    is_end = at == len(lines) - 1
    yield Manipulation(
        f"row {at} removed", _write(removed), ROWS, at + 1, "cut" if is_end else "removed"
    )
    fitted = _fitted(removed)
    yield Manipulation(f"row {at} removed, lists made to fit", fitted, "files.sha256")


def _put(name: str, at: int, new: list[bytes], lines: list[bytes]) -> Manipulation:
    return Manipulation(name, _write(lines[:at] + new + lines[at + 1 :]), ROWS, at + 1)


def _of_signature(package: Path) -> Iterator[Manipulation]:
    size = (package / SIGNATURE).stat().st_size
    drawn = random.Random(6962)  # noqa: S311
    for bit in sorted(drawn.sample(range(8 * size), 24)):
        yield Manipulation(f"bit {bit} of the signature", _flip(bit), MANIFEST, what="signature")
    yield Manipulation("signature longer", _append(SIGNATURE), MANIFEST, what="signature")
    yield Manipulation("manifest longer", _append(MANIFEST), MANIFEST, what="signature")


def _of_files(package: Path, other: Path) -> Iterator[Manipulation]:
    def swap(*names: str) -> Callable[[Path], None]:
        def change(folder: Path) -> None:
            for name in names:
                shutil.copyfile(other / name, folder / name)

        return change

    yield Manipulation("another manifest", swap(MANIFEST), MANIFEST, what="signature")
    yield Manipulation("another signature", swap(SIGNATURE), MANIFEST, what="signature")
    yield Manipulation("both of another package", swap(MANIFEST, SIGNATURE), "files.sha256")
    yield Manipulation("the list of another", swap("files.sha256"), "files.sha256")
    yield Manipulation("the rows of another", swap(ROWS, LEAVES), ROWS)
    certificates = sorted((package / "certificates").glob("*.der"))
    for certificate in certificates:
        name = f"certificates/{certificate.name}"
        yield Manipulation("a certificate is gone", _unlink(name), name, what="missing")
        yield Manipulation("a certificate is longer", _append(name), name, what="altered")
    yield Manipulation("a file put in", _append("more.txt"), "more.txt", what="put in")
    odd = "more\x1b[2J.txt"
    yield Manipulation("a file with an odd name", _append(odd), "more\\u{1b}[2J.txt", what="put in")
    yield Manipulation("another page", _append("VERIFY.md"), "VERIFY.md", what="altered")


def _of_whole(lines: list[bytes]) -> Iterator[Manipulation]:
    stranger = json.loads(lines[-1]) | {"device": "FF-FF-FF-FF-FF-FF-FF-FF"}
    yield Manipulation(
        "a row put in", _write([*lines, _line(stranger)]), ROWS, len(lines) + 1, "put in"
    )
    yield Manipulation("a row twice", _write([*lines, lines[-1]]), ROWS, len(lines) + 1, "moved")
    yield Manipulation("two rows changed places", _write([*lines[1::-1], *lines[2:]]), ROWS, 1)
    yield Manipulation("the end is cut", _write(lines[:-2]), ROWS, len(lines) - 1, "cut")
    yield Manipulation("no row is left", _write([]), ROWS, 1, "cut")
    yield Manipulation("no last end of line", _write([*lines[:-1], lines[-1][:-1]]), ROWS)
    yield Manipulation("a line without end", _append(ROWS, b"{" * (3 << 20)), ROWS, len(lines) + 1)


def _write(lines: list[bytes]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / ROWS).write_bytes(b"".join(lines))

    return change


def _fitted(lines: list[bytes]) -> Callable[[Path], None]:
    """Change the rows, and every list that nobody has signed."""

    def change(folder: Path) -> None:
        _write(lines)(folder)
        leaves = [f"{leaf_digest(line)}  {json.loads(line)['device']}\n" for line in lines]
        (folder / LEAVES).write_text("".join(leaves))
        write_list(folder)

    return change


def leaf_digest(line: bytes) -> str:
    return hashlib.sha256(b"\0" + line.removesuffix(b"\n")).hexdigest()


def _flip(bit: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        octets = bytearray((folder / SIGNATURE).read_bytes())
        octets[bit // 8] ^= 1 << bit % 8
        (folder / SIGNATURE).write_bytes(octets)

    return change


def _append(name: str, more: bytes = b"\n") -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        with (folder / name).open("ab") as file:
            file.write(more)

    return change


def _unlink(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _line(told: object) -> bytes:
    return json.dumps(told, separators=(",", ":"), sort_keys=True).encode() + b"\n"
