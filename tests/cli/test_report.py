"""`slots build` and `report` as people run them, on what a worker has decided."""

import csv
import json
from pathlib import Path

from .conftest import Cli, Site

FAR = "2099-01-01"


def test_p44_from_a_worker_to_a_report(cli: Cli, served: Site, tmp_path: Path) -> None:
    at = ("--config", served.config)
    counts = json.loads(cli("slots", "build", "--to", "slots", "--json", *at).stdout)
    assert counts["devices"] == 5
    [manifest] = (tmp_path / "slots" / "builds").glob("*/manifest.json")
    day = json.loads(manifest.read_text())["made_at"][:10]
    made = ("report", "--from", "slots", *at)
    told = cli(*made, "--as-of", day, "--to", "out", "--json")
    assert json.loads(told.stdout)["findings"] == {"UNDETERMINED": 5}
    assert "register of parties is empty" in told.stderr.splitlines()[0]
    with (tmp_path / "out" / "device.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["evidence"] for row in rows} == {"OUTCOME"}

    # A folder that has something in it, a day that the build does not know, no such format.
    assert "not empty" in cli(*made, "--as-of", day, "--to", "out", expected=2).stderr
    assert "knows no later day" in cli(*made, "--as-of", FAR, "--to", "far", expected=2).stderr
    cli(*made, "--as-of", day, "--to", "odd", "--format", "pdf", expected=2)

    # What the facts are of is said before the figures.
    old = json.loads(manifest.read_text()) | {"made_at": "2026-01-05T00:00:00Z"}
    manifest.write_text(json.dumps(old))
    stale = cli(*made, "--as-of", "2026-01-04", "--to", "stale")
    assert stale.stderr.startswith("warning: build 00000001 was made at 2026-01-05T00:00:00Z")
    again = json.loads((tmp_path / "stale" / "manifest.json").read_text())
    assert "2026-01-05" in again["warnings"][0]
    assert "0 devices differ" in cli("report", "compare", "out", "out").stderr
    differ = cli("report", "compare", "out", "stale", "--json")
    assert len(differ.stdout.splitlines()) == 5
    assert "needs --from" in cli("report", *at, expected=2).stderr


def test_without_a_build_there_is_no_report(cli: Cli, tmp_path: Path, site: Site) -> None:
    (tmp_path / "slots").mkdir()
    made = ("report", "--from", "slots", "--as-of", "2026-01-01", "--to", "out")
    told = cli(*made, "--config", site.config, expected=2)
    assert "slots build" in told.stderr
    assert "acb.id" in cli("slots", "build", "--to", "slots", expected=2).stderr
