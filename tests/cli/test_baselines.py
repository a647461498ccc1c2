"""`slots import` as people run it."""

import json
from pathlib import Path

from .conftest import Cli, Site

HEAD = "device_id,as_of,ds_subject,ds_key_identifier,ka_subject,ka_key_identifier,by\n"
HOLDER = "90-B3-D5-1F-30-02-00-00,48cf97fa9f827fb5,90-B3-D5-1F-30-02-00-00,4BC9D38D1CB49F2A"


def test_good_rows_are_published_and_the_others_named(cli: Cli, site: Site, tmp_path: Path) -> None:
    at = ("--config", site.config)
    cli("publish", "smart-metering-inventory", *at, given=site.lines(site.fleet.inventory()))
    device = site.fleet.members[0].gpf.device.eui
    file = tmp_path / "base.csv"
    file.write_text(
        f"{HEAD}{device},2026-01-01,{HOLDER},Ann; Bob\n"
        f"{device},2026-02-30,{HOLDER},Ann\n"
        f"\x1b[31m,2026-01-01,{HOLDER},Ann\n"
        f"{device},2026-01-01,,,,,Ann\n"
    )
    told = cli("slots", "import", file, *at, expected=1)
    assert "base.csv: row 3: refused: baseline.as_of is no day of the calendar" in told.stderr
    assert "base.csv: row 4: refused: device_id is no EUI-64" in told.stderr
    assert "row 5: refused: neither digital_signature nor key_agreement" in told.stderr
    assert "1 baselines published, 3 refused" in told.stderr
    assert "\x1b" not in told.stdout + told.stderr
    (line,) = cli("read", "slot-baselines", "--from-start", *at).stdout.splitlines()
    value = json.loads(line)["value"]
    assert value["key_agreement"]["subject_key_identifier"] == "4bc9d38d1cb49f2a"
    assert (value["source"], value["by"]) == ("base.csv", ["Ann", "Bob"])
    cli("run", "--until-idle", *at)
    trail = [
        json.loads(one)["value"]
        for one in cli("read", "audit-trail", "--from-start", *at).stdout.splitlines()
    ]
    assert [(one["disposition"], one["reason"]) for one in trail if one.get("disposition")] == [
        ("SEEN", "IMPORTED")
    ]


def test_json_lines_are_the_records_themselves(cli: Cli, site: Site, tmp_path: Path) -> None:
    at = ("--config", site.config)
    holder = {
        "subject_unique_id": "90B3D51F30020000",
        "subject_key_identifier": "48cf97fa9f827fb5",
    }
    row = {"device_id": "00DB1234567890A3", "as_of": "2026-01-01", "digital_signature": holder}
    file = tmp_path / "base.jsonl"
    file.write_text(json.dumps(row) + "\n" + json.dumps({**row, "as_of": 7}) + "\n")
    told = cli("slots", "import", file, "--json", *at, expected=1)
    first, last = map(json.loads, told.stdout.splitlines())
    assert (first["refused"]["row"], last) == (2, {"published": 1, "refused": 1})
    (line,) = cli("read", "slot-baselines", "--from-start", *at).stdout.splitlines()
    assert json.loads(line)["key"] == "00-DB-12-34-56-78-90-A3"


def test_a_file_of_something_else_is_wrong_use(cli: Cli, site: Site, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("mprn,from\n1,2026-01-01\n")
    told = cli("slots", "import", "other.csv", "--config", site.config, expected=2)
    assert "no column 'mprn'" in told.stderr
