"""Standard error: JSON lines for programs, text for people, contents for nobody."""

import json
import subprocess
import sys

from .conftest import OnTerminal, Site

MEMBERS = {"time", "level", "logger", "event"}


def test_each_line_is_one_object_with_the_promised_members(site: Site) -> None:
    worker = site.start()
    worker.wait_until_open()
    worker.ask_to_stop()
    assert worker.ended() == 0
    assert all(line.keys() >= MEMBERS for line in worker.lines)
    events = [line["event"] for line in worker.lines]
    assert events[0] == "worker begins"
    assert events[-2:] == ["asked to stop: batches in hand end first", "worker ended"]
    opened = [line for line in worker.lines if line["event"] == "partition is open"]
    assert sorted(line["partition"] for line in opened) == [0, 1, 2, 3]


def test_an_end_for_an_operator_is_one_line_too(site: Site) -> None:
    first = site.start()
    first.wait_until_open()
    second = site.start()
    assert second.ended() == 4
    last = second.lines[-1]
    assert (last["event"], last["level"], last["exit_status"]) == ("ended early", "error", 4)
    assert "another worker" in last["error"]
    assert last["advice"] == ["stop the other worker, or wait for it"]


def test_a_wrong_setting_is_one_line_too(site: Site) -> None:
    worker = site.start(SLOTKEEPER_COUNTER__CEILING="-1")
    assert worker.ended() == 2
    assert [line["exit_status"] for line in worker.lines] == [2]


def test_a_port_out_of_range_is_found_before_anything_runs(site: Site) -> None:
    with site.config.open("a") as end:
        end.write('[http]\nlisten = "127.0.0.1:65536"\n')
    site.call("check-config", expected=2)


def test_contents_and_keys_stay_out(site: Site) -> None:
    bad = {"key": "00-DB-12-34-56-78-90-A3", "value": {"gbcs_payload": "swordfish"}}
    site.call("publish", "srv-6.15.1-responses", given=json.dumps(bad).encode())
    site.call("publish", "srv-6.21-requests", given=b'{"key": "swordfish", "value": "swordfish"}')
    worker = site.start()
    worker.wait_for_figure("slotkeeper_messages_consumed_total", 2)
    worker.ask_to_stop()
    assert worker.ended() == 0
    told = json.dumps(worker.lines)
    assert "swordfish" not in told
    assert "00-DB-12" not in told
    assert "PRIVATE KEY" not in told


def test_people_get_text(on_terminal: OnTerminal) -> None:
    shown = on_terminal("run", "--until-idle")
    assert "partition is open partition=0" in shown
    assert '"event"' not in shown


def test_a_defect_is_one_line_with_its_traceback() -> None:
    program = "from slotkeeper.cli import logs; logs.begin(); 1 / 0"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 1
    line = json.loads(done.stderr)
    assert line["level"] == "critical"
    assert "ZeroDivisionError" in line["exception"]


def test_warnings_of_other_packages_are_lines_too() -> None:
    program = "from slotkeeper.cli import logs; logs.begin(); import warnings; warnings.warn('w')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert json.loads(done.stderr)["logger"] == "py.warnings"
