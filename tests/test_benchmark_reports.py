"""What reports and pictures of the benchmarks say."""

from pathlib import Path
from xml.etree import ElementTree as ET  # files of the benchmarks

import orjson
import pytest
from benchmarks.figures import Figure
from benchmarks.machine import ROOT, Machine
from benchmarks.peers import report as peers_report
from benchmarks.peers.results import Results as PeersResults
from benchmarks.peers.soak import report as soak_report
from benchmarks.peers.soak.judgement import Sample
from benchmarks.results import Results
from benchmarks.slots.report import Results as SlotsResults

KEPT = ROOT / "benchmarks" / "results"
MACHINE = Machine(
    processor="made up",
    memory_gib=1,
    system="none",
    load_before=0.0,
    versions={},
    commit="0",
    modified=False,
    date="2026-01-01T00:00:00Z",
)


@pytest.mark.parametrize("name", ["results.json", "results.md", "scale.svg"])
def test_the_report_of_the_bench_is_that_of_its_figures(name: str, tmp_path: Path) -> None:
    Results.kept(KEPT / "results.json").write(tmp_path)
    assert (tmp_path / name).read_text() == (KEPT / name).read_text()


@pytest.mark.parametrize("name", ["peers.json", "peers.md", "peers.svg"])
def test_the_report_of_the_peers_is_that_of_their_figures(name: str, tmp_path: Path) -> None:
    for other in ("results.json", "peers-causes.json"):
        (tmp_path / other).write_bytes((KEPT / other).read_bytes())
    peers_report.write(PeersResults.kept(KEPT), tmp_path)
    assert (tmp_path / name).read_text() == (KEPT / name).read_text()


@pytest.mark.parametrize("name", ["slots.json", "slots.md", "slots.svg"])
def test_the_report_on_slots_is_that_of_its_figures(name: str, tmp_path: Path) -> None:
    SlotsResults.kept(KEPT / "slots.json").write(tmp_path)
    assert (tmp_path / name).read_text() == (KEPT / name).read_text()


def test_who_was_not_measured_has_no_bar_and_a_reason(tmp_path: Path) -> None:
    results = PeersResults(MACHINE, failures=["Quix Streams, even, 1 of 1: it stopped"])
    results.add("even", "signed", {"requests_s": 100.0, "how": "made up"})
    peers_report.write(results, tmp_path)
    picture = ET.parse(tmp_path / "peers.svg")  # noqa: S314  # written above
    texts = [text.text for text in picture.iterfind(".//{*}text")]
    assert texts[texts.index("Slotkeeper, signing on") + 1] == "100"
    assert texts[texts.index("Kafka Streams, in-memory") + 1] == "not measured: not run yet"
    assert texts[texts.index("Quix Streams") + 1] == "not measured: every run failed"
    assert texts[texts.index("Faust-streaming") + 1] == "not measured: no goal needs it"
    assert len(picture.findall(".//{*}path[@class='shape c0']")) == 1
    assert not picture.findall(".//{*}path[@class='shape other']")


@pytest.mark.parametrize("name", ["scale.svg", "peers.svg", "soak.svg", "slots.svg"])
def test_a_picture_names_and_describes_itself_and_keeps_its_text(name: str) -> None:
    root = ET.parse(KEPT / name).getroot()  # noqa: S314  # a file of this repository
    told = {root.findtext(f"{{*}}{part}") for part in ("title", "desc")}
    assert len(told) == 2
    assert all(told)
    assert root.findtext("{*}text") == root.findtext("{*}title")
    assert "prefers-color-scheme: dark" in (root.findtext("{*}style") or "")


def test_a_goal_is_met_missed_or_not_measured() -> None:
    def met(value: float | None, goal: dict[str, float] | None) -> bool | None:
        return Figure(what="made up", value=value, unit="x", goal=goal).met

    assert met(0.85, {"at_least": 0.85}) is True
    assert met(0.84, {"at_least": 0.85}) is False
    assert met(1.1, {"at_most": 1.1}) is True
    assert met(1.2, {"at_most": 1.1}) is False
    assert met(None, {"at_most": 1.1}) is None
    assert met(1.0, None) is None


def test_a_soak_keeps_its_samples_out_of_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soak_report, "SAMPLES", tmp_path / "cache" / "soak.json")
    sample = Sample(
        at_s=5.0,
        fed=100,
        answered=90,
        lag=10,
        resident_mib=50.0,
        cpu=0.5,
        broker_cpu=0.25,
        disk_mib=1.0,
    )
    soak = soak_report.Soak(MACHINE, {"minutes": 1}, rate=20.0, samples=[sample])
    soak.write(tmp_path / "results")
    assert {file.name for file in (tmp_path / "results").iterdir()} == {"soak.md", "soak.svg"}
    kept = orjson.loads((tmp_path / "cache" / "soak.json").read_bytes())
    assert kept["samples"][0]["lag"] == 10
