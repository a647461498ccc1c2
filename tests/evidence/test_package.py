"""A package of what devices have signed: made, verified, gone on from, and about a report."""

import json
import shutil
from pathlib import Path

import pytest

from slotkeeper.errors import FaultFoundError
from slotkeeper.slots.evidence import staging
from slotkeeper.slots.evidence.verifying import verify

from .conftest import PARTY, Site, make_signer


def test_a_package_is_what_was_signed(site: Site, tmp_path: Path) -> None:
    package = tmp_path / "one"
    made = json.loads(site.run("evidence", "export", PARTY, "--to", package, "--json").stdout)
    assert (made["sequence"], made["devices"], made["anchored"]) == (1, 4, 4)

    alone = site.run("evidence", "verify", package)
    assert "not proven: signer not pinned" in alone.stdout
    assert "4 rows of 4 devices" in alone.stdout
    pinned = site.run("evidence", "verify", package, "--signer", site.signer_pem, "--json")
    told = json.loads(pinned.stdout)
    assert told["signer_pinned"]
    assert told["findings"] == []
    assert not any("pinned" in sentence for sentence in told["not_proven"])

    rows = [json.loads(line) for line in (package / "rows.jsonl").read_text().splitlines()]
    devices = [row["device"] for row in rows]
    assert devices == sorted(devices)
    assert {row["party"] for row in rows} == {PARTY}
    assert all(row["audit"]["number"] and row["decided_at"] for row in rows)
    # The fifth device had another party's certificates.
    assert len(site.fleet.members) == 5
    again = site.run("evidence", "export", PARTY, "--to", package, expected=2)
    assert "not empty" in again.stderr


async def test_packages_go_on_from_each_other(site: Site, tmp_path: Path) -> None:
    first = await site.package(tmp_path / "1")
    second = await site.package(tmp_path / "2")
    elsewhere = await site.package(tmp_path / "far" / "3", after=tmp_path / "2")
    assert [one.sequence for one in (first, second, elsewhere)] == [1, 2, 3]
    assert {one.partition: one.after for one in second.audit} == {
        one.partition: one.until for one in first.audit
    }
    site.run("evidence", "verify", tmp_path / "far" / "3", "--signer", site.signer_pem)
    names = sorted(path.name for path in (tmp_path / "far" / "3" / "earlier").iterdir())
    assert names == ["00000001.json", "00000001.p7s", "00000002.json", "00000002.p7s"]
    # Which one is the last must be told where two claim to be.
    shutil.copytree(tmp_path / "2", tmp_path / "copy")
    refused = site.run("evidence", "export", PARTY, "--to", tmp_path / "4", expected=2)
    assert "--after" in refused.stderr


async def test_a_trail_that_was_cut_is_not_gone_on_from(site: Site, tmp_path: Path) -> None:
    await site.package(tmp_path / "1")
    other = Site(site.fleet, tmp_path / "other")
    shutil.copytree(site.folder, other.folder)
    read = staging.Decisions.take
    # What a store says that was rolled back: it ends before the head that the package names.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(staging.Decisions, "take", lambda self, some: read(self, some[:1]))
        with pytest.raises(FaultFoundError, match="its end was removed"):
            await other.package(tmp_path / "2")
    assert not (tmp_path / "2").exists()


def test_a_report_goes_into_its_package(site: Site, tmp_path: Path) -> None:
    site.run("slots", "build", "--to", tmp_path / "slots")
    [manifest] = (tmp_path / "slots" / "builds").glob("*/manifest.json")
    day = json.loads(manifest.read_text())["made_at"][:10]
    report = tmp_path / "report"
    site.run("report", "--from", tmp_path / "slots", "--as-of", day, "--to", report)
    package = tmp_path / "package"
    site.run("evidence", "export", report, "--to", package)
    checked = site.run("evidence", "verify", package, "--signer", site.signer_pem, "--json")
    told = json.loads(checked.stdout)["manifest"]["report"]
    assert (told["as_of"], told["judged"], told["with_rows"], told["without_rows"]) == (
        day,
        5,
        5,
        0,
    )

    # A folder that is no report, a report that was changed.
    assert (
        "no report"
        in site.run(
            "evidence", "export", tmp_path / "slots", "--to", tmp_path / "no", expected=1
        ).stderr
    )
    lines = (report / "device.csv").read_text().splitlines(keepends=True)
    (report / "device.csv").write_text("".join(lines[:-1]))
    cut = site.run("evidence", "export", report, "--to", tmp_path / "no", expected=1)
    assert "device.csv" in cut.stderr
    assert not (tmp_path / "no").exists()


def test_no_key_of_the_acb_and_no_strange_certificate(site: Site, tmp_path: Path) -> None:
    make_signer(tmp_path, "stranger")
    text = site.config.read_text()
    folder = site.folder

    def export(certificate: str, key: str) -> str:
        config = tmp_path / "slotkeeper.toml"
        changed = text.replace('"evidence.pem"', f'"{certificate}"')
        changed = changed.replace('"evidence.key"', f'"{key}"').replace('"acb-', f'"{folder}/acb-')
        changed = changed.replace('"issuing.pem"', f'"{folder}/issuing.pem"')
        config.write_text(changed.replace("sqlite:///", f"sqlite:///{folder}/"))
        to = tmp_path / "package"
        told = site.run("evidence", "export", PARTY, "--config", config, "--to", to, expected=2)
        assert not to.exists()
        return told.stderr

    assert "key of the ACB" in export(f"{folder}/acb-ds-0.pem", f"{folder}/acb-ds-0.key")
    assert "not that of evidence.key" in export("stranger.pem", f"{folder}/evidence.key")
    assert "must be set" in export("", "")
    unknown = site.run("evidence", "export", "NOBODY", "--to", tmp_path / "p", expected=2)
    assert "no party NOBODY" in unknown.stderr


async def test_what_is_missing_has_a_name(site: Site, tmp_path: Path) -> None:
    package = tmp_path / "whole"
    await site.package(package)
    [certificate, *_] = sorted((package / "certificates").glob("*.der"))
    names = ["manifest.json", "manifest.p7s", "rows.jsonl", "leaves.txt", "files.sha256"]
    for name in [*names, f"certificates/{certificate.name}"]:
        broken = tmp_path / name.replace("/", "-")
        shutil.copytree(package, broken)
        (broken / name).unlink()
        found = verify(broken, None).findings
        assert any(name in str(one) for one in found), name
    told = site.run("evidence", "verify", tmp_path / "manifest.p7s", expected=1)
    assert "manifest.p7s cannot be read" in told.stderr
    site.run("evidence", "verify", tmp_path / "nowhere", expected=2)
