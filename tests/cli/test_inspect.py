"""`inspect`: every member of its contract, proofs judged, and no bad file stops the others."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from slotkeeper.lab import duis
from slotkeeper.lab.fleet import Fleet
from slotkeeper.lab.keystore import write_keystore

from .conftest import Cli

MEMBERS = {
    "kind",
    "message_code",
    "use_case",
    "originator_counter",
    "originator_id",
    "recipient_id",
    "credentials_replacement_mode",
    "authorising_seq_number",
    "authorising_cell",
    "floor_seq_number",
    "specialist_floor_seq_numbers",
    "apply_time_based_cpv_checks",
    "execution_date_time",
    "message_date_time",
    "seq_number_changes",
    "replacements",
    "certification_path",
    "outcomes",
    "credentials",
    "alert_code",
    "signature",
    "mac",
    "round_trip",
}


@pytest.fixture
def messages(tmp_path: Path) -> dict[str, bytes]:
    """A command and its Response, with a keystore of everyone concerned."""
    fleet = Fleet(5, seed=3)
    for _ in fleet.hand_backs():
        pass
    member = fleet.members[0]
    write_keystore(tmp_path / "keys", [member.gpf.device, fleet.pki.acb, member.operator])
    return dict(member.journal)


def test_every_member_of_the_contract_is_there(cli: Cli, messages: dict[str, bytes]) -> None:
    command, response = (
        json.loads(cli("inspect", "--json", "--keystore", "keys", given=one).stdout)
        for one in messages.values()
    )
    assert command.keys() >= MEMBERS
    assert response.keys() >= MEMBERS
    assert (command["kind"], response["kind"]) == ("COMMAND", "RESPONSE")
    assert command["credentials_replacement_mode"] == "networkOperatorByNetworkOperator"
    assert command["originator_counter"] == response["authorising_seq_number"]
    assert command["signature"] == command["mac"] == {"present": True, "valid": True}
    assert response["signature"] == {"present": True, "valid": True}
    assert [cell["status"] for cell in response["outcomes"]] == ["success", "success"]
    assert command["round_trip"] is response["round_trip"] is True


def test_without_keys_nothing_is_proved_and_nothing_is_wrong(
    cli: Cli, messages: dict[str, bytes]
) -> None:
    told = json.loads(cli("inspect", "--json", given=messages["6.15.1 command"]).stdout)
    assert told["signature"] == {"present": True, "valid": None}


@pytest.mark.parametrize("form", ["hex", "base64", "binary"])
def test_every_form_is_read(cli: Cli, messages: dict[str, bytes], form: str) -> None:
    message = messages["6.15.1 response"]
    given = {
        "hex": message.hex().upper().encode(),
        "base64": base64.b64encode(message),
        "binary": message,
    }[form]
    assert json.loads(cli("inspect", "--json", given=given).stdout)["kind"] == "RESPONSE"


def test_a_bad_file_does_not_stop_the_others(
    cli: Cli, messages: dict[str, bytes], tmp_path: Path
) -> None:
    response = messages["6.15.1 response"]
    forged = response[:-1] + bytes([response[-1] ^ 1])
    for name, octets in (("a", forged), ("b", b"\xdf\x09"), ("d", response)):
        (tmp_path / name).write_bytes(octets)
    told = cli("inspect", "--json", "--keystore", "keys", "a", "b", "c", "d", expected=1)
    a, b, c, d = (json.loads(line) for line in told.stdout.splitlines())
    assert [one["file"] for one in (a, b, c, d)] == ["a", "b", "c", "d"]
    assert a["signature"]["valid"] is False
    assert b["error"]
    assert "No such file" in c["error"]
    assert d["signature"]["valid"] is True
    assert "3 of 4" in told.stderr


def test_people_read_it_too(cli: Cli, messages: dict[str, bytes]) -> None:
    shown = cli("inspect", "--keystore", "keys", given=messages["6.15.1 command"]).stdout
    assert "networkOperatorByNetworkOperator" in shown
    assert "mac: valid" in shown


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_the_capture(cli: Cli, messages: dict[str, bytes], tmp_path: Path) -> None:
    for name, octets in messages.items():
        (tmp_path / name.replace(" ", "-")).write_bytes(octets)
    cli("inspect", "--pcap", "out.pcap", "6.15.1-command", "6.15.1-response")
    read = subprocess.run(
        ["tshark", "-r", "out.pcap", "-V"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert "networkOperatorByNetworkOperator" in read.stdout
    assert "Malformed" not in read.stdout


def test_certificates_of_a_document_are_decoded(cli: Cli, tmp_path: Path) -> None:
    fleet = Fleet(5, seed=3)
    event = duis.request_document(next(iter(fleet.handover_requests())))
    assert isinstance(event.value, str)
    (tmp_path / "request.xml").write_text(event.value)
    told = json.loads(cli("inspect", "--json", "request.xml").stdout)["certificates"]
    signing = told[0]
    assert signing["element"] == "DigitalSigningCertificate"
    assert signing["subject_eui64"] == str(fleet.successor.eui)
    assert (signing["role_code"], signing["key_usage"]) == ("03", "DS")
    assert signing["validity"] == "valid"
    shown = cli("inspect", "request.xml").stdout
    assert f"subject eui64: {fleet.successor.eui}" in shown
    assert "not after: " in shown
