"""What a row proves, whoever signed the package: no signer can make a device's signature."""

import base64
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from slotkeeper._core import check_package
from slotkeeper.slots.digest import digest
from slotkeeper.slots.evidence.folder import write_list
from slotkeeper.slots.evidence.manifest import FILES, MANIFEST, SIGNATURE, Counts, Manifest
from slotkeeper.slots.evidence.staging import P256_COMPRESSED_INFO, point_of
from slotkeeper.slots.evidence.verifying import Verdict, verify

from .conftest import Site
from .manipulations import LEAVES, ROWS, leaf_digest


@pytest.fixture
async def package(site: Site, tmp_path: Path) -> Path:
    await site.package(tmp_path / "package")
    return tmp_path / "package"


Row = dict[str, Any]


def signed_anew(site: Site, package: Path, change: Callable[[list[Row]], None]) -> Verdict:
    """Change rows as the signer could, with all lists and a signature that fit."""
    rows = [json.loads(line) for line in (package / ROWS).read_text().splitlines()]
    change(rows)
    lines = [orjson.dumps(row, option=orjson.OPT_SORT_KEYS) for row in rows]
    (package / ROWS).write_bytes(b"".join(line + b"\n" for line in lines))
    leaves = [
        f"{leaf_digest(line)}  {row['device']}\n" for line, row in zip(lines, rows, strict=True)
    ]
    (package / LEAVES).write_text("".join(leaves))
    write_list(package)
    checked = orjson.loads(check_package(package))
    manifest = Manifest.decode((package / MANIFEST).read_bytes())
    sign(
        site,
        package,
        replace(
            manifest,
            counts=Counts.of(checked),
            root=checked["root"],
            files=checked["files"],
            files_sha256=digest(package / FILES),
        ),
    )
    return verify(package, None)


def sign(site: Site, package: Path, manifest: Manifest) -> None:
    octets, signer = manifest.encode(), site.signer()
    (package / MANIFEST).write_bytes(octets)
    (package / SIGNATURE).write_bytes(signer.key.sign_detached(octets, signer.certificate))


def test_what_is_not_changed_stays_proven(site: Site, package: Path) -> None:
    verdict = signed_anew(site, package, lambda _: None)
    assert verdict.findings == []
    assert verdict.counts.anchored == 4


def _another_device(rows: list[Row]) -> None:
    rows[0]["message"], rows[1]["message"] = rows[1]["message"], rows[0]["message"]


def _another_key(rows: list[Row]) -> None:
    rows[1]["public_key"] = rows[0]["public_key"]
    rows[1]["certificate"] = rows[0]["certificate"]


def _other_octets(rows: list[Row]) -> None:
    octets = bytearray(base64.b64decode(rows[2]["message"]))
    octets[-70] ^= 1
    rows[2]["message"] = base64.b64encode(octets).decode()


def _no_message(rows: list[Row]) -> None:
    rows[3]["message"] = base64.b64encode(b"no message").decode()


@pytest.mark.parametrize(
    ("change", "line", "detail"),
    [
        (_another_device, 1, "its message is another device's"),
        (_another_key, 2, "its message was not signed with that key"),
        (_other_octets, 3, "its message was not signed with that key"),
        (_no_message, 4, "its message cannot be read"),
    ],
)
def test_no_signer_can_make_up_a_message(
    site: Site, package: Path, change: Callable[[list[Row]], None], line: int, detail: str
) -> None:
    found = signed_anew(site, package, change).findings
    assert any((one.what, one.line, one.detail) == ("unproven", line, detail) for one in found)


def test_a_key_without_certificate_proves_little(site: Site, package: Path) -> None:
    def change(rows: list[Row]) -> None:
        rows[0]["certificate"] = None
        info = base64.b64decode(rows[1]["public_key"])
        point = point_of(info)
        assert point is not None
        compressed = P256_COMPRESSED_INFO + bytes.fromhex(point)
        rows[1]["public_key"] = base64.b64encode(compressed).decode()
        # Verified by a MAC, or a baseline: nobody else can tell.
        rows[2] |= {"certificate": None, "public_key": None}

    verdict = signed_anew(site, package, change)
    assert verdict.findings == []
    counts = verdict.counts
    assert (counts.anchored, counts.bare_keys, counts.unverified) == (2, 1, 1)
    assert any("keys that no certificate" in told for told in verdict.not_proven)
    assert any("not known to be signed" in told for told in verdict.not_proven)


def test_an_issuer_that_is_not_there_is_said(site: Site, package: Path) -> None:
    shutil.rmtree(package / "certificates" / "issuing")
    verdict = signed_anew(site, package, lambda _: None)
    assert (verdict.counts.anchored, verdict.counts.certified) == (0, 4)
    assert any("compare them with the SMKI Repository" in told for told in verdict.not_proven)


def test_a_decision_behind_the_head_is_named(site: Site, package: Path) -> None:
    def change(rows: list[Row]) -> None:
        rows[0]["audit"]["number"] = 4_000

    found = signed_anew(site, package, change).findings
    assert any(one.what == "chain" and "decision 4000" in one.detail for one in found)


@pytest.mark.parametrize("name", [ROWS, LEAVES, FILES, MANIFEST, SIGNATURE])
def test_a_pipe_is_no_file(package: Path, name: str) -> None:
    (package / name).unlink()
    os.mkfifo(package / name)
    assert verify(package, None).findings


def test_nothing_of_a_stranger_reaches_a_terminal(site: Site, package: Path) -> None:
    manifest = Manifest.decode((package / MANIFEST).read_bytes())
    sign(site, package, replace(manifest, party="\x1b]0;owned\x07"))
    (package / "evil\x1b[2J\u202e").write_text("")
    done = site.run("evidence", "verify", package, expected=1)
    for shown in (done.stdout, done.stderr):
        assert not any(ord(letter) < 32 and letter != "\n" for letter in shown)
        assert "\u202e" not in shown
    assert "not written as manifests are" in done.stderr
