"""Alerts, baselines and the registers beside a worker, on every kind of streams."""

from typing import Any

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from tests.scenarios.story import (
    ACB,
    LEAVER,
    RENEWED_ACB,
    SUCCESSOR,
    Json,
    Story,
    hand_back,
    request,
    update,
    verdict,
)
from tests.scenarios.test_read_backs import read_back

from slotkeeper.lab.events import Event
from slotkeeper.lab.gpf import Gpf
from slotkeeper.lab.pki import Organisation

ALERTS, BASELINES = "dcc-alerts", "slot-baselines"
PARTIES, CERTIFICATES = "gas-network-parties", "smki-organisation-certificates"
AT = "2026-06-01T13:00:00Z"
"""Later than whatever the devices of a story have done by then."""


def alert(gpf: Gpf, kind: str, **members: object) -> Event:
    value = {"kind": kind, "device_id": str(gpf.device.eui), "at": AT, **members}
    return Event(ALERTS, str(gpf.device.eui), value)


def updated(gpf: Gpf, party: Organisation) -> Event:
    certificates = [
        {"key_usage": usage, "sha1": digest(certificate, hashes.SHA1())}  # noqa: S303  # DUIS
        for usage, certificate in of(party)
    ]
    return alert(
        gpf,
        "SecurityCredentialsUpdated",
        remote_party_role="NetworkOperator",
        certificates=certificates,
    )


def of(party: Organisation) -> tuple[tuple[str, bytes], ...]:
    return ("DS", party.digital_signature.certificate), ("KA", party.key_agreement.certificate)


def digest(certificate: bytes, algorithm: hashes.HashAlgorithm) -> str:
    return x509.load_der_x509_certificate(certificate).fingerprint(algorithm).hex()


def registered(party: Organisation, status: str = "I") -> list[Event]:
    told = []
    for usage, der in of(party):
        certificate = x509.load_der_x509_certificate(der)
        occupant = party.digital_signature if usage == "DS" else party.key_agreement
        value = {
            "subject_eui64": str(party.eui),
            "key_usage": usage,
            "key_identifier": occupant.occupant.key_identifier.hex(),
            "sha1": digest(der, hashes.SHA1()),  # noqa: S303
            "sha256": digest(der, hashes.SHA256()),
            "not_after": certificate.not_valid_after_utc.isoformat(),
            "status": [{"code": status, "from": "2016-06-01"}],
        }
        told.append(Event(CERTIFICATES, f"{certificate.serial_number:X}/test", value, partition=0))
    return told


def known(party: Organisation, name: str, **more: object) -> Event:
    value = {
        "party_id": name,
        "eui64": [str(party.eui)],
        "dcc_user": [{"from": "2016-01-01"}],
        "exits": [],
        **more,
    }
    return Event(PARTIES, name, value, partition=0)


async def test_p23_an_alert_waits_until_the_register_has_its_certificates(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.tell(hand_back(gpf, 1_200))
    parked = await story.tell(updated(gpf, SUCCESSOR))
    assert verdict(parked) == "PARKED UNKNOWN_CERTIFICATE"
    assert parked["slot"]["state"] == "DOUBTFUL"
    await story.publish(*registered(SUCCESSOR))
    (again,) = await story.work()
    assert (again["kind"], verdict(again)) == ("redecision", "SEEN CREDENTIALS_UPDATED")
    assert again["cause_stream"] in {CERTIFICATES, "restart"}
    assert again["slot"]["state"] == "NETWORK_OPERATOR"
    assert again["slot"]["digital_signature"]["source"] == "ALERT"
    proofs = await story.learnt("slot-evidence")
    assert [(one["kind"], one["verified"]) for one in proofs] == [
        ("RESPONSE", True),
        ("DCC_ALERT", False),
        ("DCC_ALERT", False),
    ]


async def test_p38_recovery_records_no_number(story: Story) -> None:
    gpf = await story.known_gpf()
    await story.tell(update(gpf, 1_100, holder=SUCCESSOR))
    cells = {"network_operator_cells": ["DS", "KA"], "supplier_cells": ["DS", "KA"]}
    decision = await story.tell(alert(gpf, "RecoveryCompleteACBCredentials", **cells))
    assert verdict(decision) == "SEEN RECOVERED"
    assert (decision["slot"]["state"], decision["recorded_counter"]) == ("ACB", None)
    assert decision["received_at"] == "2026-06-01T13:00:00.000Z"


async def test_p24_a_quarantined_request_is_named(story: Story) -> None:
    gpf = await story.known_gpf()
    held = f"{LEAVER.eui}:{gpf.device.eui}:1200"
    decision = await story.tell(alert(gpf, "QuarantinedRequest", request_id=held))
    assert (verdict(decision), decision["request_id"]) == ("SEEN QUARANTINED", held)
    released = await story.tell(hand_back(gpf, 1_200))
    assert verdict(released) == "RECORDED ACB_IN_SLOT"


async def test_p37_whose_certificate_it_is_that_was_read(story: Story) -> None:
    retired, foreign = (
        await story.known_gpf(operator=ACB),
        await story.known_gpf(operator=RENEWED_ACB),
    )
    story.acb = (ACB,)
    first, second = await story.tell_all(read_back(retired, 70), read_back(foreign, 70))
    states = {one["device_id"]: one["slot"] for one in (first, second)}
    held = states[str(foreign.device.eui)]["digital_signature"]["subject_key_identifier"]
    assert held == RENEWED_ACB.digital_signature.occupant.key_identifier.hex()
    # Told as it is: whether the key identifier is one of the ACB's is for the report to say.
    assert {slot["state"] for slot in states.values()} == {"ACB"}


async def test_p22_a_baseline_tells_of_a_device_that_nobody_told_of(story: Story) -> None:
    gpf = await story.known_gpf()
    occupants = {
        name: {
            "subject_unique_id": str(LEAVER.eui),
            "subject_key_identifier": credential.occupant.key_identifier.hex(),
        }
        for name, credential in (
            ("digital_signature", LEAVER.digital_signature),
            ("key_agreement", LEAVER.key_agreement),
        )
    }
    eui = str(gpf.device.eui)
    value = {"device_id": eui, "as_of": "2026-01-01", "source": "a list", "by": ["Ann"]}
    decision = await story.tell(Event(BASELINES, eui, {**value, **occupants}))
    assert verdict(decision) == "SEEN IMPORTED"
    assert decision["slot"]["state"] == "NETWORK_OPERATOR"
    # It is nobody's signature: the device decides.
    assert (await story.ask(gpf))["disposition"] == "ISSUED"
    assert (await story.tell(hand_back(gpf, 1_200)))["slot"]["state"] == "ACB"


async def advised(story: Story, *told: Event) -> Json:
    gpf = await story.known_gpf()
    await story.publish(*told, hand_back(gpf, 1_200))
    await story.publish(request(gpf))
    *_, decision = await story.work()
    return decision


async def test_s13_registers_are_read_before_a_partition_opens(story: Story) -> None:
    leaves: Any = [{"intent_on": "2026-01-01"}]
    parties = (known(LEAVER, "NORTH"), known(SUCCESSOR, "SOUTH", exits=leaves))
    decision = await advised(story, *parties, *registered(SUCCESSOR, "R"))
    assert decision["disposition"] == "ISSUED"
    assert {"OPERATOR_LEAVING", "CERTIFICATE_REVOKED"} <= set(decision["flags"])
    assert decision["decided_after"][PARTIES] >= 2
    assert decision["decided_after"][CERTIFICATES] >= 2


async def test_s13_what_they_advise_may_refuse(story: Story) -> None:
    story.more = '[parties]\nadvisory = "refuse"'
    decision = await advised(story, known(LEAVER, "NORTH"), known(SUCCESSOR, "SOUTH", dcc_user=[]))
    assert verdict(decision) == "REFUSED OPERATOR_NOT_A_USER"
    (refusal,) = await story.learnt("handover-refusals")
    assert (refusal["reason"], refusal["retryable"]) == ("OPERATOR_NOT_A_USER", False)


async def test_s13_a_fleet_without_registers_is_decided_as_before(story: Story) -> None:
    decision = await advised(story)
    assert decision["disposition"] == "ISSUED"
    assert not {PARTIES, CERTIFICATES} & set(decision["decided_after"])
    assert orjson.dumps(decision["flags"]).find(b"OPERATOR") < 0
