"""The policy comes from the settings, and no key of the ACB is needed for it."""

from datetime import date
from pathlib import Path

import pytest

from slotkeeper.errors import ConfigurationError
from slotkeeper.lab.keystore import write_settings
from slotkeeper.lab.pki import Pki
from slotkeeper.settings import Settings
from slotkeeper.slots.facts import Policy

ACB = Pki("policy").acb


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = write_settings(tmp_path / "site", [ACB], streams="sqlite:///streams.db")
    for key in file.parent.rglob("*.key"):
        key.unlink()
    return file


def test_what_ships_is_what_the_rule_has(file: Path) -> None:
    assert Settings.load(file).slot_policy() == Policy(
        acb_id=str(ACB.eui).upper(),
        acb_keys={
            "DS": frozenset({ACB.digital_signature.details.key_identifier.hex()}),
            "KA": frozenset({ACB.key_agreement.details.key_identifier.hex()}),
        },
    )


def test_every_setting_reaches_the_rule(file: Path) -> None:
    told = Settings.load(
        file,
        environment={
            "SLOTKEEPER_SLOTS__LIMIT_DAYS": "9",
            "SLOTKEEPER_SLOTS__COVERAGE_FROM": "2026-02-03",
            "SLOTKEEPER_SLOTS__EXPIRED_SIGNS": "true",
            "SLOTKEEPER_SLOTS__NOT_IN_USE_SIGNS": "true",
            "SLOTKEEPER_SLOTS__EXIT_EXPECTATION": "place",
            "SLOTKEEPER_SLOTS__LATER_USER": "action",
            "SLOTKEEPER_SLOTS__NEEDS_KEY_AGREEMENT": "false",
        },
    ).slot_policy()
    assert (told.limit_days, told.coverage_from) == (9, date(2026, 2, 3))
    assert (told.expired_signs, told.not_in_use_signs, told.needs_key_agreement) == (
        True,
        True,
        False,
    )
    assert (told.exit_expectation, told.later_user) == ("place", "action")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LIMIT_DAYS", "-1"),
        ("COVERAGE_FROM", "soon"),
        ("EXIT_EXPECTATION", "wait"),
        ("LATER_USER", "no"),
        ("LIMIT", "7"),
    ],
)
def test_what_is_no_policy_is_refused(file: Path, variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError):
        Settings.load(file, environment={f"SLOTKEEPER_SLOTS__{variable}": value})


def test_a_certificate_that_cannot_be_read_is_named(file: Path) -> None:
    settings = Settings.load(file)
    certificate = Path(settings.acb.digital_signature[0].certificate)
    certificate.write_text("no certificate")
    with pytest.raises(ConfigurationError, match=certificate.name):
        settings.slot_policy()
    with pytest.raises(ConfigurationError, match="must be set"):
        Settings().slot_policy()
