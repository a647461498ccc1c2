"""Inputs that once ended in tracebacks: a cause and a status, or nothing to complain of.

Where the folder of such inputs stands beside the test vectors, it is read as well.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from slotkeeper.lab.pki import Pki
from slotkeeper.settings import Settings

from .conftest import COMMAND, Cli, Site
from .in_process import Run, run_fixture  # noqa: F401  # a fixture

KUBERNETES = {
    "SLOTKEEPER_PORT": "tcp://10.96.0.7:9464",
    "SLOTKEEPER_SERVICE_HOST": "10.96.0.7",
    "SLOTKEEPER_SERVICE_PORT": "9464",
    "SLOTKEEPER_SERVICE_PORT_HTTP": "9464",
    "SLOTKEEPER_PORT_9464_TCP": "tcp://10.96.0.7:9464",
    "SLOTKEEPER_PORT_9464_TCP_ADDR": "10.96.0.7",
    "SLOTKEEPER_WORKER_SERVICE_HOST": "10.96.0.8",
}

DEVICE = "02-1A-B0-01-00-00-00-00"


def given(name: str) -> Path | None:
    """Give an input of the folder beside the test vectors, if there is one."""
    vectors = os.environ.get("SLOTKEEPER_RTDS")
    file = Path(vectors).parent / "faults" / name if vectors else None
    return file if file is not None and file.exists() else None


def shell(site: Site, line: str) -> "subprocess.CompletedProcess[str]":
    """Run a line of a shell in which C is the configuration and S the command."""
    return subprocess.run(
        ["/bin/sh", "-c", line],
        env={**os.environ, "C": str(site.config), "S": str(COMMAND)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("line", "status", "told"),
    [
        ("$S publish smart-metering-inventory --config $C <&-", 2, "standard input is closed"),
        ("$S inspect <&-", 2, "standard input is closed"),
        ("$S check-config --config $C >&-", 2, "standard output is closed"),
        ("$S read audit-trail --from-start --config $C >&-", 2, "standard output is closed"),
        ("$S run --until-idle --config $C <&-", 0, ""),
        ("$S run --until-idle --config $C <&- >&- 2>&-", 0, ""),
        ("$S run --until-idle --config $C 2>&-", 0, ""),
        ("$S --help >&-", 2, "standard output is closed"),
    ],
)
def test_closed_standard_streams(served: Site, line: str, status: int, told: str) -> None:
    done = shell(served, line)
    assert done.returncode == status, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_does_not_take_the_place_of_a_closed_stream(cli: Cli, served: Site) -> None:
    """What is written to standard error must not land in the store."""
    before = cli("read", "audit-trail", "--from-start", "--config", served.config).stdout
    shell(served, "$S run --until-idle --config $C <&- >&- 2>&-")
    after = cli("read", "audit-trail", "--from-start", "--config", served.config).stdout
    assert after == before


@pytest.mark.parametrize(
    "command", ["read audit-trail --from-start", "why $D", "explain PARTIAL_DS"]
)
def test_a_reader_that_ends_early_is_no_fault(served: Site, command: str) -> None:
    command = command.replace("$D", str(served.fleet.members[0].gpf.device.eui))
    config = "" if command.startswith("explain") else "--config $C"
    done = shell(served, f"{{ $S {command} {config}; echo $? >&3; }} 3>&2 2>&2 | true")
    assert done.stderr.strip() == "0"


def test_variables_of_a_kubernetes_service_are_no_settings(
    run: Run, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = given("k8s.env")
    lines = file.read_text().split() if file else []
    for name, value in {**KUBERNETES, **dict(line.split("=", 1) for line in lines)}.items():
        monkeypatch.setenv(name, value)
    run("check-config", "--config", site.config)


def test_a_variable_that_could_be_meant_is_still_refused(
    run: Run, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOTKEEPER_STREAM", "x")
    assert "SLOTKEEPER_STREAMS?" in run("check-config", "--config", site.config, expected=2).err


def test_a_key_with_a_pass_phrase_is_named(run: Run, site: Site) -> None:
    key = Pki("faults").acb.digital_signature.key
    for form in (PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8):
        octets = key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"x"))
        (site.config.parent / "acb-ds-0.key").write_bytes(octets)
        told = run("run", "--until-idle", "--config", site.config, expected=2).err
        assert "acb-ds-0.key is encrypted with a pass phrase" in told
    if file := given("encrypted-sec1.key"):
        (site.config.parent / "acb-ds-0.key").write_bytes(file.read_bytes())
        told = run("check-config", "--config", site.config, expected=2).err
        assert "is encrypted with a pass phrase" in told


def test_a_list_of_operators_in_another_encoding_is_named(run: Run, site: Site) -> None:
    file = site.config.parent / "operators.txt"
    octets = "# Müller\n02-1A-B0-00-00-03-00-01\n".encode("latin-1")
    if there := given("operators-latin1.txt"):
        octets = there.read_bytes()
    file.write_bytes(octets)
    with site.config.open("a") as end:
        end.write('[parties]\nnetwork_operators = "operators.txt"\n')
    told = run("check-config", "--config", site.config, expected=2).err
    assert "operators.txt is not UTF-8: line 1" in told
    file.write_bytes(b"\xef\xbb\xbf# M\xc3\xbcller\n02-1A-B0-00-00-03-00-01\n")
    run("check-config", "--config", site.config)


@pytest.mark.parametrize(
    "oddity", ["attr", "cdata", "charref", "comment", "comment2", "entity13", "pi"]
)
def test_the_capture_of_an_odd_document_has_what_was_decoded(
    run: Run, tmp_path: Path, oddity: str
) -> None:
    file = given(f"{oddity}.xml")
    if file is None:
        pytest.skip("no such inputs beside the test vectors; test_message_files.py has the like")
    told = json.loads(run("inspect", "--json", "--pcap", tmp_path / "out.pcap", file).out)
    (message,) = told["messages"]
    assert message["message_code"] == "00CB" or message["use_case"] == "CS02b"
    capture = (tmp_path / "out.pcap").read_bytes()
    # Header of the file, of the packet, and the tags that name the dissector (pcap.py).
    octets = capture[24 + 16 + 4 + 12 + 4 :]
    again = json.loads(run("inspect", "--json", write(tmp_path / "octets", octets)).out)
    assert again == message


def write(file: Path, octets: bytes) -> Path:
    file.write_bytes(octets)
    return file


def test_null_members_of_an_adjustment_are_none(cli: Cli, site: Site) -> None:
    value = {
        "device_id": DEVICE,
        "remote_party_role": "NetworkOperator",
        "at_least": "1700000000000",
        "kind": "recorded",
    }
    nulls = [
        {**value, "issued_numbers": None, "request_ids": None, "reason": "back-fill", "by": ["a"]},
        {**value, "by": None, "reason": None, "source": None},
    ]
    lines = b"\n".join(orjson.dumps({"key": DEVICE, "value": one}) for one in nulls)
    if file := given("adjustments-null.jsonl"):
        lines += b"\n" + file.read_bytes()
    at = ("--config", site.config)
    cli("publish", "counter-adjustments", *at, given=lines)
    cli("run", "--until-idle", *at)
    trail = cli("read", "audit-trail", "--from-start", *at).stdout
    decided = [json.loads(line)["value"] for line in trail.splitlines()]
    assert len(decided) == len(lines.split(b"\n")) - (not lines.split(b"\n")[-1])
    assert {one["disposition"] for one in decided} == {"SEEN"}


def test_half_a_surrogate_pair_costs_no_record(cli: Cli, served: Site) -> None:
    text = '{"request_id": "\\ud800", "response_code": "\\udfff", "gbcs_payload": "3wk="}'
    line = json.dumps({"key": DEVICE, "value": text}).encode()
    if file := given("outcome-lone-surrogate.jsonl"):
        line += b"\n" + file.read_bytes()
    at = ("--config", served.config)
    cli("publish", "srv-6.15.1-responses", *at, given=line)
    cli("run", "--until-idle", *at)
    assert "MALFORMED" in cli("dead-letters", "list", *at).stdout
    assert "cannot be read" in cli("why", DEVICE, *at).stdout.splitlines()[0]


def test_no_secret_is_told(run: Run, site: Site) -> None:
    secret = "271828182845904"  # noqa: S105  # it is to be found nowhere
    text = site.config.read_text()
    for more in (
        f"[kafka]\nsasl_plain_password = {secret}\n",
        f"[kafka]\nsasl_plain_password = true\nssl_password = '{secret}'\nretry_backoff_ms = 'x'\n",
        f"[sqlite]\nwitness = '''-----BEGIN EC PRIVATE KEY-----\n{secret}\n'''\n",
        f"[audit]\nkey = '''-----BEGIN PRIVATE KEY-----\n{secret}\n'''\n",
        f"[kafka]\nssl_keyfile = '''-----BEGIN PRIVATE KEY-----\n{secret}\n'''\n",
    ):
        site.config.write_text(text + more)
        for command in (("check-config",), ("check-config", "--json"), ("read", "audit-trail")):
            told = run(*command, "--config", site.config, expected=None)
            assert secret not in told.out + told.err
        settings = Settings.examine(site.config, environment={}).settings
        assert secret not in repr(settings) + str(settings)
    site.config.write_text(text)
    url = f"kafka://user:{secret}@127.0.0.1:1"
    done = shell(site, f"$S run --config $C --streams {url}")
    assert done.returncode == 2
    assert "kafka.sasl_plain_password" in done.stderr
    assert secret not in done.stdout + done.stderr


def test_an_error_names_a_mistyped_command_and_option(run: Run) -> None:
    assert "did you mean run or rule?" in run("rum", expected=2).err
    assert "did you mean export" in run("counters", "exprot", expected=2).err
    assert "--until-idle" in run("run", "--until-idel", expected=2).err
    assert run("-h").out == run("--help").out
    assert "Example: " in run("counters", "show", "-h").out


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
def test_a_shell_learns_to_complete(run: Run, shell_name: str) -> None:
    told = run("completion", shell_name).out
    assert f"_SLOTKEEPER_COMPLETE={shell_name}_complete" in told
    asked = subprocess.run(
        [COMMAND],
        env={
            **os.environ,
            "_SLOTKEEPER_COMPLETE": "bash_complete",
            "COMP_WORDS": "slotkeeper counters sh",
            "COMP_CWORD": "2",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout == "plain,show\n"


def test_an_example_of_every_help_can_be_pasted(run: Run) -> None:
    """Each example is a line of a shell whose command, and whose options, exist."""
    for path in commands():
        told = " ".join(run(*path, "--help").out.split())
        for example in re.findall(r"Example: (.*?)(?= Example: |$)", told):
            parts = [one for one in re.split(r"[|;]", example) if "slotkeeper " in one]
            part = next((one for one in parts if f"slotkeeper {path[0]}" in one), parts[0])
            words = part.partition("slotkeeper ")[2].rstrip('")').split()
            assert tuple(words[: len(path)]) == path, example
            options = {word.partition("=")[0] for word in words if word.startswith("--")}
            known = set(re.findall(r"--[\w-]+", run(*path, "--help").out))
            assert options <= known, example


def commands() -> list[tuple[str, ...]]:
    import click  # noqa: PLC0415

    from slotkeeper.cli import cli  # noqa: PLC0415

    found: list[tuple[str, ...]] = []
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        if isinstance(command, click.Group):
            found += [(name, inner) for inner in command.list_commands(context)]
        else:
            found.append((name,))
    return found


def test_a_signal_while_a_worker_begins_ends_it_at_once(served: Site) -> None:
    begun = subprocess.Popen(
        [sys.executable, "-X", "importtime", COMMAND, "run", "--config", served.config],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert begun.stderr is not None
    begun.stderr.readline()
    begun.send_signal(signal.SIGTERM)
    _, told = begun.communicate()
    assert "Traceback" not in told
    assert begun.returncode in (0, -signal.SIGTERM)


def test_a_signal_while_brokers_are_silent_ends_a_worker_at_once(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"kafka://127.0.0.1:{silent.getsockname()[1]}"
        begun = subprocess.Popen(
            [COMMAND, "run", "--config", site.config, "--streams", url],
            stderr=subprocess.PIPE,
            text=True,
        )
        # It waits for an answer from here on, for which it has 40 s.
        asked, _ = silent.accept()
        with asked:
            begun.send_signal(signal.SIGTERM)
            _, told = begun.communicate()
    assert begun.returncode == 0, told
    assert "asked to stop" in told
    assert "Traceback" not in told
