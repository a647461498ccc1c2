"""From an empty folder to a worker that serves: what `init` writes, and making certificates."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from slotkeeper._core import canonical_key
from slotkeeper.cli.init.template import Acb, configuration
from slotkeeper.settings import Settings

from .conftest import Cli
from .in_process import Run, run_fixture  # noqa: F401  # a fixture

PAGE = Path(__file__).parents[2] / "docs" / "certificates.md"


def test_a_new_folder_serves_with_test_keys(run: Run, cli: Cli) -> None:
    """Two commands, and one that looks in between."""
    assert "site/slotkeeper.toml is written" in run("init", "site", "--test-keys").err
    told = run("check-config", "--config", "site/slotkeeper.toml")
    assert "there is no store" in told.out
    assert not Path("site/slotkeeper.db").exists()
    cli("run", "--until-idle", "--config", "site/slotkeeper.toml")
    assert Path("site/slotkeeper.db").exists()
    assert "4 partitions" in run("check-config", "--config", "site/slotkeeper.toml").out


def test_keys_of_two_folders_differ(run: Run) -> None:
    run("init", "a", "--test-keys")
    run("init", "b", "--test-keys")
    keys = [Path(folder, "test-pki", "acb-ds-0.key") for folder in "ab"]
    assert keys[0].read_bytes() != keys[1].read_bytes()
    assert {key.stat().st_mode & 0o777 for key in keys} == {0o600}


def test_what_exists_is_not_changed(run: Run) -> None:
    run("init")
    before = Path("slotkeeper.toml").read_text()
    assert "is there already" in run("init", "--kafka", expected=2).err
    assert Path("slotkeeper.toml").read_text() == before


def test_without_keys_it_says_what_is_wanted(run: Run) -> None:
    assert "docs/certificates.md" in run("init").err
    assert "acb.id" in run("check-config", expected=2).err


def test_the_kind_for_kafka_names_brokers(run: Run) -> None:
    told = run("init", "--kafka").err
    assert "slotkeeper streams create" in told
    assert Settings.load("slotkeeper.toml", environment={}).streams == "kafka://localhost:9092"


@pytest.mark.parametrize("kafka", [False, True])
def test_what_is_commented_out_is_the_default_or_an_example(kafka: bool) -> None:  # noqa: FBT001
    text = configuration(Acb(), kafka=kafka)
    tomllib.loads(text)
    defaults = Settings().model_dump(mode="json")
    section = ""
    for line in text.splitlines():
        if found := re.fullmatch(r"\[(\w+)\]", line):
            section = found[1]
        elif found := re.fullmatch(r"# (\w+) = (.*?)(?:\s+# .*)?", line):
            (value,) = tomllib.loads(f"x = {found[2]}").values()
            known = defaults[section]
            # Where there is no default, or none that says anything, it is an example.
            assert known.get(found[1]) in (value, "", None), line


def commands_of_the_page() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_the_commands_of_the_page_make_a_pair_that_serves(run: Run, tmp_path: Path) -> None:
    script, commands = commands_of_the_page()
    (tmp_path / "make-pair.sh").write_text(script)
    run("init")
    shown = subprocess.run(
        ["/bin/sh", "-e", "-c", commands], capture_output=True, text=True, check=True, cwd=tmp_path
    ).stdout
    (identity,) = re.findall(r'^id = "(.*)"$', PAGE.read_text(), re.MULTILINE)
    assert canonical_key(identity.encode())
    assert "90B3D51F30000002" in shown
    file = tmp_path / "slotkeeper.toml"
    file.write_text(file.read_text().replace('id = ""', f'id = "{identity}"'))
    told = run("check-config").out
    assert told.count("key held") == 2
    assert "the configuration can be used" in told


def with_script(tmp_path: Path, old: str, new: str) -> Path:
    script, _ = commands_of_the_page()
    assert old in script
    (tmp_path / "make-pair.sh").write_text(script.replace(old, new))
    subprocess.run(["/bin/sh", "make-pair.sh"], check=True, cwd=tmp_path, capture_output=True)
    return tmp_path / "acb-ds.pem"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            'value = OCTWRAP,FORMAT:HEX,OCTETSTRING:$(identifier "$1.key")',
            "value = OCTWRAP,FORMAT:HEX,OCTETSTRING:" + "ab" * 20,
            "subject key identifier has 20 octets, SMKI uses 8",
        ),
        (
            "id = IMPLICIT:0,FORMAT:HEX,OCTETSTRING:$(identifier issuing.key)",
            "id = IMPLICIT:0,FORMAT:HEX,OCTETSTRING:" + "ab" * 20,
            "authority key identifier has 20 octets, SMKI uses 8",
        ),
        (
            "value = FORMAT:HEX,BITSTRING:$eui",
            "value = UTF8:$eui",
            "unique identifier must be a BIT STRING",
        ),
        ("value = UTF8:04", "value = UTF8:03", "the subject's OU must be the two digits 04"),
        (
            "certificate acb-ds 0",
            "certificate acb-ds 4",
            "the certificate is not for digitalSignature",
        ),
        ("eui=90B3D51F30000002", "eui=90B3D51F30000003", "that of 90-B3-D5-1F-30-00-00-03"),
    ],
    ids=["20 octets", "authority", "text", "another role", "another usage", "another party"],
)
def test_an_error_names_what_is_wanted(
    run: Run, tmp_path: Path, old: str, new: str, told: str
) -> None:
    with_script(tmp_path, old, new)
    run("init")
    file = tmp_path / "slotkeeper.toml"
    file.write_text(file.read_text().replace('id = ""', 'id = "90-B3-D5-1F-30-00-00-02"'))
    assert told in run("check-config", expected=2).err


def test_nobody_else_may_read_what_the_page_makes(tmp_path: Path) -> None:
    script, _ = commands_of_the_page()
    (tmp_path / "make-pair.sh").write_text(script)
    subprocess.run(["/bin/sh", "make-pair.sh"], check=True, cwd=tmp_path, env=dict(os.environ))
    keys = list(tmp_path.glob("*.key"))
    assert len(keys) == 3
    assert {key.stat().st_mode & 0o077 for key in keys} == {0}
