"""Adjustments that persons sign, with keys made as the documentation says."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.contract import acts

from slotkeeper.cli.counters.signing import prepare
from slotkeeper.errors import TryLaterError
from slotkeeper.streams import Message

from .conftest import COMMAND, Cli, Site
from .test_damaged import damage

ABOVE = str(2**62 + 1)

pytestmark = pytest.mark.skipif(
    not (shutil.which("openssl") and shutil.which("ssh-keygen")),
    reason="needs openssl and ssh-keygen",
)


def made(command: str, folder: Path) -> str:
    done = subprocess.run(
        shlex.split(command), cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


def signer(name: str, algorithm: str, public_key: str) -> str:
    return (
        f'[[signer]]\nname = "{name}"\nalgorithm = "{algorithm}"\n'
        f"public_key = '''\n{public_key}'''\n"
    )


@dataclass
class Office:
    """A site where Ann and Bob sign."""

    site: Site
    at: tuple[str | Path, ...]
    folder: Path
    device: str

    def asked(self, *more: str) -> tuple[str | Path, ...]:
        reason = ("--reason", "log of 2023")
        return ("counters", "raise", self.device, *reason, *more, *self.at)


@pytest.fixture
def office(served: Site, tmp_path: Path) -> Office:
    """Ann's key is ssh-keygen's, Bob's is openssl's; Eve has one that nobody knows."""
    made("ssh-keygen -q -t ed25519 -N '' -C ann -f ann.key", tmp_path)
    made("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out bob.key", tmp_path)
    made("openssl genpkey -algorithm ed25519 -out eve.key", tmp_path)
    bob = made("openssl pkey -in bob.key -pubout", tmp_path)
    signers = served.config.parent / "signers.toml"
    ann = (tmp_path / "ann.key.pub").read_text()
    signers.write_text(signer("Ann Archer", "EdDSA", ann) + signer("Bob Brown", "ES256", bob))
    with served.config.open("a") as end:
        end.write('[adjustments]\nsigners = "signers.toml"\n')
    device = str(served.fleet.members[0].gpf.device.eui)
    return Office(served, ("--config", served.config), tmp_path, device)


def newest(cli: Cli, office: Office) -> dict[str, object]:
    cli("run", "--until-idle", *office.at)
    story = json.loads(cli("counters", "show", office.device, "--json", *office.at).stdout)
    decision: dict[str, object] = story["history"][-1]
    return decision


def test_d11_two_persons_raise_a_number_above_the_ceiling(cli: Cli, office: Office) -> None:
    told = cli(*office.asked("--at-least", ABOVE, "--sign", "ann.key"), expected=2)
    assert "two different persons must sign" in told.stderr
    cli(*office.asked("--at-least", ABOVE, "--sign", "ann.key", "--out", "raise.json"))
    assert cli("read", "counter-adjustments", "--from-start", *office.at).stdout == ""
    told = cli("counters", "sign", "raise.json", "--key", "bob.key", *office.at)
    for said in (office.device, "recorded", ABOVE, "log of 2023", "signed by Ann Archer"):
        assert said in told.stderr
    decision = newest(cli, office)
    assert (decision["reason"], decision["recorded_counter"]) == ("ADJUSTED", ABOVE)
    adjusted = decision["adjusted"]
    assert isinstance(adjusted, dict)
    assert (adjusted["by"], adjusted["signed"]) == (["Ann Archer", "Bob Brown"], True)
    shown = cli("counters", "show", office.device, *office.at).stdout
    assert "signed by Ann Archer" in " ".join(shown.split())


def test_one_person_raises_a_plausible_number(cli: Cli, office: Office) -> None:
    cli(*office.asked("--at-least", "9000000000000", "--sign", "bob.key"))
    decision = newest(cli, office)
    assert (decision["reason"], decision["recorded_counter"]) == ("ADJUSTED", "9000000000000")


def test_what_no_worker_would_take_is_refused_at_once(cli: Cli, office: Office) -> None:
    low, high = ("--at-least", "1"), ("--at-least", ABOVE)
    for given, said in (
        ((*low, "--by", "ann"), "--sign KEY"),
        ((*low, "--by", "ann", "--sign", "ann.key"), "leave --by out"),
        ((*low, "--sign", "eve.key"), "nobody's"),
        ((*low, "--sign", "ann.key.pub"), "holds no"),
    ):
        assert said in cli(*office.asked(*given), expected=2).stderr
    cli(*office.asked(*high, "--sign", "ann.key", "--out", "raise.json"))
    cli(*office.asked(*high, "--sign", "ann.key", "--out", "raise.json"), expected=2)
    sign = ("counters", "sign", "raise.json", *office.at, "--key")
    assert "nobody's" in cli(*sign, "eve.key", expected=2).stderr
    assert "already" in cli(*sign, "ann.key", expected=1).stderr
    prepared = json.loads((office.folder / "raise.json").read_bytes())
    payload = json.loads(acts.octets_of(prepared["payload"]))
    changed = prepared | {"payload": acts.url(json.dumps(payload | {"at_least": "1"}).encode())}
    for wrong, said in (
        (changed, "signature 1 does not verify"),
        (payload, "line 2: no signed act"),
        ({}, "line 2: no signed act"),
    ):
        (office.folder / "raise.json").write_text("\n" + json.dumps(wrong))
        assert said in cli(*sign, "bob.key", expected=1).stderr
    assert cli("read", "counter-adjustments", "--from-start", *office.at).stdout == ""


def test_without_signers_nothing_is_signed_and_nothing_huge_is_taken(
    cli: Cli, served: Site, tmp_path: Path
) -> None:
    made("openssl genpkey -algorithm ed25519 -out ann.key", tmp_path)
    device = str(served.fleet.members[0].gpf.device.eui)
    asked = ("counters", "raise", device, "--reason", "r", "--config", served.config)
    told = cli(*asked, "--at-least", "7", "--sign", "ann.key", expected=2)
    assert "adjustments.signers is not set" in told.stderr
    told = cli(*asked, "--at-least", ABOVE, "--by", "ann", "--by", "bob", expected=2)
    assert "must sign" in told.stderr
    assert "--by PERSON" in cli(*asked, "--at-least", "7", expected=2).stderr


def test_an_act_is_for_one_store(cli: Cli, office: Office, tmp_path: Path) -> None:
    cli(*office.asked("--at-least", ABOVE, "--sign", "ann.key", "--out", "raise.json"))
    there = (*office.at, "--streams", f"sqlite:///{tmp_path / 'other.db'}")
    told = cli("counters", "sign", "raise.json", "--key", "bob.key", *there, expected=1)
    assert "another store" in told.stderr
    cli("counters", "sign", "raise.json", "--key", "bob.key", "--out", "both.json", *there)
    line = {"key": office.device, "value": json.loads((tmp_path / "both.json").read_text())}
    cli("publish", "counter-adjustments", *there, given=json.dumps(line).encode())
    cli("run", "--until-idle", *there)
    story = json.loads(cli("counters", "show", office.device, "--json", *there).stdout)
    assert story["history"][-1]["reason"] == "NOT_AUTHORISED"
    assert "another store" in story["history"][-1]["detail"]


def test_d10_an_import_is_signed_line_by_line(cli: Cli, office: Office, tmp_path: Path) -> None:
    there = (*office.at, "--streams", f"sqlite:///{tmp_path / 'other.db'}")
    cli("counters", "export", "table.jsonl", *office.at)
    asked = ("counters", "import", "table.jsonl", "--reason", "successor", *there)
    cli(*asked, "--sign", "ann.key", "--out", "import.jsonl")
    prepared = (tmp_path / "import.jsonl").read_text().splitlines()
    assert len(prepared) == 15
    told = cli("counters", "sign", "import.jsonl", "--key", "bob.key", *there)
    assert "and 5 more" in told.stderr
    cli("run", "--until-idle", *there)
    audit = cli("read", "audit-trail", "--from-start", *there).stdout.splitlines()
    reasons = [json.loads(one)["value"]["reason"] for one in audit]
    assert len(reasons) == 15
    assert set(reasons) == {"ADJUSTED", "NO_CHANGE"}
    cli("counters", "export", "again.jsonl", *there)
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "table.jsonl").read_bytes()


def test_what_cannot_be_signed_leaves_no_file(tmp_path: Path) -> None:
    """Half an import, signed by two persons, would look like a whole one."""

    def cut_short() -> Iterator[Message]:
        yield Message("counter-adjustments", b"a", b"{}")
        raise TryLaterError("partition 1 has no name")

    file = tmp_path / "import.jsonl"
    with pytest.raises(TryLaterError):
        prepare(file, cut_short())
    assert not file.exists()


def test_d12_a_damaged_record_is_mended_by_two_signatures(cli: Cli, office: Office) -> None:
    damage(office.site, office.device)
    cli("run", "--until-idle", *office.at)
    shown = cli("counters", "show", office.device, *office.at).stdout.splitlines()
    said = [line for line in shown if line.startswith("slotkeeper counters ")]
    # For each role, one person raises and another one signs.
    assert [line.split()[2] for line in said] == ["raise", "sign"] * 2
    for line in said:
        assert "sign" in line.split()[2] or re.search(r"--mends \d{8,} ", line)
        words = line.replace("ANOTHER_KEY", "bob.key").replace("KEY", "ann.key")
        cli(*shlex.split(words)[1:], *office.at)
    cli("run", "--until-idle", *office.at)
    story = json.loads(cli("counters", "show", office.device, "--json", *office.at).stdout)
    assert story["damaged"] == {}


def test_a_key_under_a_pass_phrase_is_opened_by_its_own_tool(cli: Cli, office: Office) -> None:
    made("openssl pkey -in bob.key -aes256 -passout pass:secret -out closed.key", office.folder)
    asked = office.asked("--at-least", "9000000000000", "--sign", "closed.key")
    assert "pass phrase" in cli(*asked, expected=2).stderr
    words = shlex.join([str(COMMAND), *map(str, office.asked("--at-least", "9000000000000"))])
    opened = f"{words} --sign <(openssl pkey -in closed.key -passin pass:secret)"
    subprocess.run(["bash", "-c", opened], cwd=office.folder, check=True, capture_output=True)
    assert newest(cli, office)["reason"] == "ADJUSTED"


def test_the_configuration_lists_who_may_sign(cli: Cli, office: Office) -> None:
    told = cli("check-config", *office.at).stdout
    assert re.search(r"signer: Ann Archer, EdDSA [\w-]{43}\n", told)
    report = json.loads(cli("check-config", "--json", *office.at).stdout)
    assert [one["name"] for one in report["signers"]] == ["Ann Archer", "Bob Brown"]
    signers = office.site.config.parent / "signers.toml"
    one, _, two = signers.read_text().partition('[[signer]]\nname = "Bob')
    signers.write_text(one)
    assert "one person" in cli("check-config", *office.at).stdout
    signers.write_text(one + one.replace("Ann", "Eve"))
    told = cli("check-config", *office.at, expected=2).stderr
    assert "adjustments.signers: Eve Archer has the same key as Ann Archer" in told
    assert two
