"""The settings: order of their sources, ranges, and what a slip is told."""

import importlib.util
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from slotkeeper import _core
from slotkeeper.errors import ConfigurationError
from slotkeeper.settings import Settings, sections

FILE = """
streams = "sqlite:///slots.db"
[acb]
id = "90b3d51f30000002"
[[acb.digital_signature]]
certificate = "acb-ds.pem"
key = "keys/acb-ds.key"
[[acb.digital_signature]]
certificate = "retired.pem"
[counter]
ceiling = 5000
[verify]
certificate_time = 2016-06-01T00:00:00Z
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "slotkeeper.toml"
    path.write_text(FILE)
    return path


def test_the_file_is_overridden_by_variables_and_these_by_options(file: Path) -> None:
    loaded = Settings.load(file, environment={})
    assert loaded.counter.ceiling == "5000"
    environment = {"SLOTKEEPER_COUNTER__CEILING": "6000", "SLOTKEEPER_STREAMS": "sqlite:///a.db"}
    loaded = Settings.load(file, environment=environment)
    assert (loaded.counter.ceiling, loaded.streams) == ("6000", "sqlite:///a.db")
    loaded = Settings.load(file, environment=environment, streams="sqlite:///b.db")
    assert loaded.streams == "sqlite:///b.db"


def test_relative_paths_of_the_file_are_taken_from_its_folder(file: Path) -> None:
    loaded = Settings.load(file, environment={})
    assert loaded.streams == f"sqlite:///{file.parent}/slots.db"
    assert loaded.acb.digital_signature[0].key == f"{file.parent}/keys/acb-ds.key"
    assert loaded.acb.digital_signature[1].key is None


def test_an_absolute_path_stays(tmp_path: Path) -> None:
    path = tmp_path / "slotkeeper.toml"
    path.write_text('streams = "sqlite:////var/lib/slots.db"')
    assert Settings.load(path, environment={}).streams == "sqlite:////var/lib/slots.db"


def test_the_identity_is_canonical(file: Path) -> None:
    assert Settings.load(file, environment={}).acb.id == "90-B3-D5-1F-30-00-00-02"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("stream = 'x'", "unknown key stream: did you mean streams?"),
        ("[counter]\ncieling = '1'", "unknown key counter.cieling: did you mean ceiling?"),
        (
            "[[acb.key_agreement]]\ncertificat = 'a'",
            "unknown key acb.key_agreement.certificat: did you mean certificate?",
        ),
        ("[kafka]\nsasl_mechanis = 'PLAIN'", "did you mean sasl_mechanism?"),
        ("[counter]\nceiling = '9223372036854775808'", "counter.ceiling"),
        ("[counter]\nceiling = '-1'", "counter.ceiling"),
        ("[counter]\nsource = 'clock-us'", "counter.source"),
        ("[verify]\ncertificate_time = 'last summer'", "verify.certificate_time"),
        ("[acb]\nid = '90-B3'", "acb.id"),
        ("[acb", "is no TOML"),
        ("counter = 3", "counter"),
    ],
)
def test_a_slip_is_named(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "slotkeeper.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        Settings.load(path, environment={})
    assert told in str(refused.value)


def test_a_misspelt_variable_is_named() -> None:
    with pytest.raises(ConfigurationError, match="SLOTKEEPER_COUNTER__CEILING"):
        Settings.load(environment={"SLOTKEEPER_COUNTER__CELING": "1"})


def test_a_list_in_a_variable_is_json() -> None:
    variable = "SLOTKEEPER_VERIFY__ISSUING_CERTIFICATES"
    assert Settings.load(environment={variable: '["a.pem"]'}).verify.issuing_certificates == [
        "a.pem"
    ]
    with pytest.raises(ConfigurationError, match="JSON list"):
        Settings.load(environment={variable: "a.pem"})


def test_a_missing_file_that_was_asked_for_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Settings.load(tmp_path / "none.toml", environment={})


def test_the_engine_gets_files_read_and_numbers_as_strings(file: Path) -> None:
    (file.parent / "operators.txt").write_text("90b3d51f30020000  # north\n\n# south\n")
    with file.open("a") as end:
        end.write('[parties]\nnetwork_operators = "operators.txt"\n')
    engine = orjson.loads(Settings.load(file, environment={}).engine_json())
    assert engine["parties"]["network_operators"] == ["90-B3-D5-1F-30-02-00-00"]
    assert engine["counter"]["ceiling"] == "5000"
    assert engine["verify"]["certificate_time"] == "2016-06-01T00:00:00Z"


@pytest.mark.parametrize(
    "written",
    [
        "'2016-06-01'",
        "2016-06-01",
        "'2016-06-01T00:00:00'",
        "2016-06-01T00:00:00",
        "'2016-06-01T01:00:00+01:00'",
    ],
)
def test_a_certificate_time_without_a_zone_is_utc(
    tmp_path: Path, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    path = tmp_path / "slotkeeper.toml"
    path.write_text(f"[verify]\ncertificate_time = {written}")
    engine = orjson.loads(Settings.load(path, environment={}).engine_json())
    monkeypatch.undo()
    time.tzset()
    assert engine["verify"]["certificate_time"] == "2016-06-01T00:00:00Z"


def test_the_defaults_of_decisions_are_the_engines() -> None:
    engine = orjson.loads(Settings.load(environment={}).engine_json())
    assert engine == orjson.loads(_core.default_settings())


def test_no_default_of_a_decision_stands_a_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    other: dict[str, dict[str, Any]] = {
        "counter": {
            "source": "sequence",
            "ceiling": "5000",
            "absent_floor": "zero",
            "without_evidence": "refuse",
        },
        "verify": {
            "device_signatures": "off",
            "certificate_time": "2016-06-01T00:00:00Z",
            "issuing_certificates": [],
        },
        "parties": {"network_operators": None, "advisory": "refuse"},
        "adjustments": {"dual_control": True, "signers": None},
        "limits": {
            "message_bytes": 2048,
            "dead_letter_bytes": 40_000,
            "parking_bytes": 4096,
            "stranger_parking_bytes": 1024,
            "strangers": 7,
        },
    }
    engine = orjson.loads(_core.default_settings())
    assert {name: set(section) for name, section in other.items()} == {
        name: set(section) for name, section in engine.items()
    }
    monkeypatch.setattr(_core, "default_settings", lambda: orjson.dumps(other))
    assert sections.__spec__ is not None
    anew = importlib.util.module_from_spec(sections.__spec__)
    assert anew.__spec__ is not None
    assert anew.__spec__.loader is not None
    anew.__spec__.loader.exec_module(anew)
    settings = {name: getattr(anew, f"{name.capitalize()}Settings")() for name in other}
    for name, section in other.items():
        # Both are of files whose content goes to the engine: none, where none is named.
        files = {"issuing_certificates", "network_operators", "signers"}
        for key in section.keys() - files:
            assert getattr(settings[name], key) == section[key], f"{name}.{key}"


def test_no_list_of_operators_is_not_an_empty_list() -> None:
    engine = orjson.loads(Settings.load(environment={}).engine_json())
    assert engine["parties"]["network_operators"] is None


def test_keys_must_be_configured_before_commands_can_be_signed() -> None:
    with pytest.raises(ConfigurationError, match="acb"):
        Settings.load(environment={}).authority()


def test_the_bound_of_a_batch_is_the_streams_and_not_the_engines(tmp_path: Path) -> None:
    file = tmp_path / "slotkeeper.toml"
    file.write_text("[limits]\nbatch_bytes = 2097152\n")
    settings = Settings.load(file, environment={})
    assert settings.streams_settings().batch_bytes == 2_097_152
    assert "batch_bytes" not in orjson.loads(settings.engine_json())["limits"]
    for wrong in (1000, 33_554_433):
        file.write_text(f"[limits]\nbatch_bytes = {wrong}\n")
        with pytest.raises(ConfigurationError, match=r"limits\.batch_bytes"):
            Settings.load(file, environment={})
