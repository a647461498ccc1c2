"""P32 and its like: whatever is changed in a package has a name."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from slotkeeper.settings.reading import certificates
from slotkeeper.slots.evidence.manifests import chain_faults, last_of
from slotkeeper.slots.evidence.verifying import Finding, verify

from .conftest import PARTY, Site, make_signer
from .manipulations import ROWS, Manipulation, manipulations


@pytest.fixture(scope="module")
def package(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The second of two packages about a party; the third, beside it, is about another one."""
    folder = tmp_path_factory.mktemp("packages")
    for name, party in (("1", PARTY), ("2", PARTY), ("3", "GNO-2")):
        site.run("evidence", "export", party, "--to", folder / name)
    return folder / "2"


@pytest.fixture(scope="module")
def signer(site: Site) -> bytes:
    return certificates(site.signer_pem)[0]


def _named(found: list[Finding], wanted: Manipulation) -> bool:
    return any(
        one.file == wanted.file
        and wanted.line in {None, one.line}
        and wanted.what in {None, one.what}
        for one in found
    )


def test_p32_a_hundred_manipulations_have_a_name(
    package: Path, signer: bytes, tmp_path: Path
) -> None:
    assert not verify(package, signer).findings
    done, missed = 0, []
    for each in manipulations(package, package.with_name("3")):
        changed = tmp_path / "changed"
        shutil.copytree(package, changed)
        each.change(changed)
        found = verify(changed, signer).findings
        if not _named(list(found), each):
            missed.append(f"{each.name}: {[str(one) for one in found]}")
        shutil.rmtree(changed)
        done += 1
    assert not missed, "\n".join(missed)
    assert done >= 100


def test_p32_what_is_said_to_a_person(site: Site, package: Path, tmp_path: Path) -> None:
    lines = (package / ROWS).read_bytes().splitlines(keepends=True)

    def told(change: list[bytes]) -> str:
        folder = tmp_path / "changed"
        shutil.copytree(package, folder)
        (folder / ROWS).write_bytes(b"".join(change))
        said = site.run("evidence", "verify", folder, expected=1).stderr
        shutil.rmtree(folder)
        return said

    altered = told([lines[0], lines[1].replace(b"GNO-1", b"GNO-2"), *lines[2:]])
    assert altered.startswith("error: rows.jsonl, line 2 (02-1A-B0-01-")
    assert "altered; it is not as it was signed" in altered
    assert "line 3 (" in told(lines[:-2])
    assert "cut; 2 rows that were signed are not there" in told(lines[:-2])
    folder = tmp_path / "swapped"
    shutil.copytree(package, folder)
    shutil.copyfile(package.with_name("1") / "manifest.json", folder / "manifest.json")
    said = site.run("evidence", "verify", folder, expected=1).stderr
    assert "manifest.p7s: the signature is over another manifest" in said


def test_another_key_is_another_signer(site: Site, tmp_path: Path) -> None:
    """Whoever has a key can sign a folder: only the pinned certificate tells."""
    make_signer(tmp_path, "stranger")
    forged = tmp_path / "forged"
    config = tmp_path / "slotkeeper.toml"
    folder = site.folder
    text = site.config.read_text().replace('"acb-', f'"{folder}/acb-')
    text = text.replace('"issuing.pem"', f'"{folder}/issuing.pem"').replace('"evid', '"stranger')
    text = text.replace("strangerence", "stranger").replace("sqlite:///", f"sqlite:///{folder}/")
    config.write_text(text)
    site.run("evidence", "export", PARTY, "--config", config, "--to", forged)
    alone = site.run("evidence", "verify", forged)
    assert "signer not pinned" in alone.stdout
    told = site.run("evidence", "verify", forged, "--signer", site.signer_pem, expected=1)
    assert "manifest.p7s: signer; it was signed with certificate" in told.stderr


def test_a_hole_between_packages_has_a_name(package: Path, signer: bytes, tmp_path: Path) -> None:
    for name in ("00000001.json", "00000001.p7s"):
        folder = tmp_path / name
        shutil.copytree(package, folder)
        (folder / "earlier" / name).unlink()
        found = verify(folder, signer).findings
        assert any(one.what == "chain" and name in one.detail for one in found)


@pytest.fixture(scope="module")
def with_report(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package about a report, and beside it the folder of a report as of the day before."""
    folder = tmp_path_factory.mktemp("reports")
    site.run("slots", "build", "--to", folder / "slots")
    [manifest] = (folder / "slots" / "builds").glob("*/manifest.json")
    text = manifest.read_text()
    day = text[text.index('"made_at": "') + 12 :][:10]
    for name, as_of in (("report", day), ("other", "2026-01-01")):
        made = ("report", "--from", folder / "slots", "--as-of", as_of, "--to", folder / name)
        site.run(*made)
    site.run("evidence", "export", folder / "report", "--to", folder / "package")
    return folder / "package"


def _reports(with_report: Path) -> Iterator[tuple[str, str]]:
    other = with_report.with_name("other")
    for path in sorted(other.iterdir()):
        # Parquet and page have no fixed octets: a report's manifest does not name them.
        if (with_report / "report" / path.name).exists():
            yield path.name, str(path)


def test_another_report_has_a_name(with_report: Path, signer: bytes, tmp_path: Path) -> None:
    assert not verify(with_report, signer).findings
    for number, (name, path) in enumerate(_reports(with_report)):
        same = Path(path).read_bytes() == (with_report / "report" / name).read_bytes()
        folder = tmp_path / str(number)
        shutil.copytree(with_report, folder)
        shutil.copyfile(path, folder / "report" / name)
        found = verify(folder, signer).findings
        assert same or any(one.file == f"report/{name}" for one in found), name
    whole = tmp_path / "whole"
    shutil.copytree(with_report, whole)
    shutil.rmtree(whole / "report")
    shutil.copytree(with_report.with_name("other"), whole / "report")
    found = verify(whole, signer).findings
    assert any(one.what == "report" and "another report" in one.detail for one in found)


async def test_what_a_chain_must_be(site: Site, tmp_path: Path) -> None:
    """A signer who leaves a package out, or changes one that others hold, leaves a mark."""
    for name, after in (("1", None), ("2", tmp_path / "1"), ("3", tmp_path / "2")):
        await site.package(tmp_path / name, after=after)
    chain = list(last_of(tmp_path / "3"))
    assert chain_faults(chain) == []
    assert "manifest 2 says that it is number 3" in chain_faults([chain[0], chain[2]])
    assert "manifest 2 names another manifest before it" in chain_faults([chain[0], chain[2]])
    first = chain[0].manifest
    shorter = replace(first, audit=[replace(one, until=(1, bytes(32))) for one in first.audit])
    [*faults] = chain_faults([replace(chain[0], manifest=shorter), *chain[1:]])
    holes = [f"a hole in partition {one.partition}" for one in first.audit]
    assert [fault.rpartition(": ")[2] for fault in faults] == holes
