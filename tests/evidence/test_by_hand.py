"""The pages of packages, followed as they stand with openssl and sha256sum, without Slotkeeper."""

import re
import subprocess
from pathlib import Path

import pytest

from slotkeeper._core import EvidenceTree
from slotkeeper.slots.evidence.proving import prove, sides, write_proof

from .conftest import Site


def follow(folder: Path, signer: Path) -> "subprocess.CompletedProcess[str]":
    """Run the page's blocks one after the other; nothing of ours can be called."""
    page = (folder / "VERIFY.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) > 3
    script = "\n".join(blocks).replace("signer.pem", str(signer))
    return subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin"},
    )


async def test_the_page_of_a_package(site: Site, tmp_path: Path) -> None:
    await site.package(tmp_path / "package")
    done = follow(tmp_path / "package", site.signer_pem)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Verification successful" in done.stderr
    assert "Verified OK" in done.stdout
    assert "device.pem: OK" in done.stdout
    assert "NOT SO" not in done.stdout


async def test_the_page_of_one_device(site: Site, tmp_path: Path) -> None:
    await site.package(tmp_path / "package")
    for member in site.fleet.members[:4]:
        device = str(member.gpf.device.eui)
        target = tmp_path / f"proof-{device}"
        write_proof(prove(tmp_path / "package", device), tmp_path / "package", target)
        done = follow(target, site.signer_pem)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "1-row.json is in the list" in done.stdout
        assert "Verified OK" in done.stdout
        others = [other for other in site.fleet.members if other is not member]
        shown = b"".join(path.read_bytes() for path in target.iterdir() if path.is_file())
        assert not any(str(other.gpf.device.eui).encode() in shown for other in others)


@pytest.mark.parametrize("name", ["1-row.json", "1-path.txt", "1-message.bin", "manifest.json"])
async def test_a_page_does_not_believe_a_changed_file(
    site: Site, tmp_path: Path, name: str
) -> None:
    await site.package(tmp_path / "package")
    device = str(site.fleet.members[0].gpf.device.eui)
    target = tmp_path / "proof"
    write_proof(prove(tmp_path / "package", device), tmp_path / "package", target)
    octets = bytearray((target / name).read_bytes())
    octets[len(octets) // 2] ^= 1
    (target / name).write_bytes(octets)
    assert follow(target, site.signer_pem).returncode != 0


def test_paths_have_their_sides() -> None:
    for size in range(1, 40):
        tree = EvidenceTree()
        tree.add([bytes([number]) for number in range(size)])
        for index in range(size):
            path = tree.path(index)
            assert path is not None
            assert len(path) == len(sides(index, size))
