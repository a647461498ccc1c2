"""`publish` and `read`: in order, in bounded memory, and clear about what was done."""

import json
import os
import signal
import subprocess
from pathlib import Path

from .conftest import COMMAND, Cli

STREAM = "srv-6.15.1-responses"
DEVICE = "00-DB-12-34-56-78-90-A3"
AT = ("--streams", "sqlite:///streams.db")


def line(number: int) -> bytes:
    return json.dumps({"key": DEVICE, "value": {"n": number}}).encode() + b"\n"


def test_what_is_published_is_read_in_order(cli: Cli) -> None:
    cli("publish", STREAM, *AT, given=b"".join(line(n) for n in range(100)))
    read = cli("read", STREAM, "--from-start", *AT)
    records = [json.loads(one) for one in read.stdout.splitlines()]
    assert [record["value"]["n"] for record in records] == list(range(100))
    assert {record["key"] for record in records} == {DEVICE}
    assert read.stderr == ""


def test_a_file_is_as_good_as_standard_input(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(line(1) + b"\n" + line(2).rstrip())
    told = cli("publish", STREAM, "lines", "--json", *AT)
    assert json.loads(told.stdout) == {"stream": STREAM, "published": 2}


def test_a_malformed_line_is_named_and_what_stood_before_it_is_kept(cli: Cli) -> None:
    given = line(1) + line(2) + b'{"key"\n' + line(3)
    told = cli("publish", STREAM, *AT, given=given, expected=1)
    assert "line 3" in told.stderr
    assert "2 records were published" in told.stderr
    assert len(cli("read", STREAM, "--from-start", *AT).stdout.splitlines()) == 2


def test_an_unknown_stream_is_wrong_use(cli: Cli) -> None:
    told = cli("publish", "srv-6.15.1-response", *AT, given=line(1), expected=2)
    assert STREAM in told.stderr


def test_a_headers_name_that_a_file_cannot_keep_is_wrong_use(cli: Cli) -> None:
    given = [
        json.dumps({"key": DEVICE, "value": {}, "headers": {"n" * octets: ""}}).encode()
        for octets in (65_535, 65_536)
    ]
    cli("publish", STREAM, *AT, given=given[0])
    told = cli("publish", STREAM, *AT, given=given[1], expected=2)
    assert "the name of a header is 65536 octets long" in told.stderr


def test_what_only_the_worker_writes_cannot_be_published(cli: Cli) -> None:
    cli("publish", "originator-counters", *AT, given=line(1), expected=2)


def test_reading_from_now_on_without_following_is_nothing(cli: Cli) -> None:
    cli("publish", STREAM, *AT, given=line(1))
    assert cli("read", STREAM, *AT).stdout == ""


def test_a_reader_that_has_seen_enough_is_no_fault(cli: Cli, tmp_path: Path) -> None:
    cli("publish", STREAM, *AT, given=b"".join(line(n) for n in range(20_000)))
    reader = subprocess.Popen(
        [COMMAND, "read", STREAM, "--from-start", *AT],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    )
    assert reader.stdout is not None
    assert reader.stderr is not None
    first = reader.stdout.readline()
    reader.stdout.close()
    complaints = reader.stderr.read()
    reader.stderr.close()
    assert reader.wait() == 0
    assert json.loads(first)["value"] == {"n": 0}
    assert complaints == b""


def test_nobody_reading_at_all_is_no_fault_either(cli: Cli, tmp_path: Path) -> None:
    cli("publish", STREAM, *AT, given=line(1))
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [COMMAND, "read", STREAM, "--from-start", *AT],
        stdout=writer,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        # Unbuffered, the interpreter has nothing left to complain about when it ends.
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_following_ends_cleanly_with_ctrl_c(cli: Cli, tmp_path: Path) -> None:
    cli("publish", STREAM, *AT, given=line(1))
    # A suite in the background of a shell ignores Ctrl-C, and so would its children.
    interruptible = ("env", "--default-signal=INT")
    reader = subprocess.Popen(
        [*interruptible, COMMAND, "read", STREAM, "--from-start", "--follow", *AT],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    )
    assert reader.stdout is not None
    assert json.loads(reader.stdout.readline())["value"] == {"n": 1}
    cli("publish", STREAM, *AT, given=line(2))
    assert json.loads(reader.stdout.readline())["value"] == {"n": 2}
    reader.send_signal(signal.SIGINT)
    _, complaints = reader.communicate()
    assert (reader.returncode, complaints) == (130, b"stopped\n")
