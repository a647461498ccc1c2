"""Settings of a history, for the engine and for the model."""

import functools
import tempfile
from base64 import b64encode
from pathlib import Path
from typing import Any

import orjson

from slotkeeper._core import Authority, default_settings
from slotkeeper.lab import keystore, sealing
from slotkeeper.lab.certificates import public_key, read
from slotkeeper.lab.envelope import Envelope

from . import cast, persons
from .histories import CEILING

Json = dict[str, Any]

LISTED = ("A", "B", "expired", "foreign", "invented")


@functools.cache
def authority(*, knows_retired: bool, holds_retired: bool = False) -> Authority:
    """Load the ACB's keys; a retired generation may be there without its keys."""
    with tempfile.TemporaryDirectory() as folder:
        older = [cast.RETIRED_ACB] if knows_retired else []
        held, retired = ([cast.ACB, *older], []) if holds_retired else ([cast.ACB], older)
        keystore.write_settings(Path(folder), held, retired=retired)
        pairs = {
            usage: [
                (
                    f"{folder}/acb-{usage}-{age}.pem",
                    f"{folder}/acb-{usage}-{age}.key" if age < len(held) else None,
                )
                for age in range(len(held) + len(retired))
            ]
            for usage in ("ds", "ka")
        }
        return Authority(
            str(cast.ACB.eui), digital_signature=pairs["ds"], key_agreement=pairs["ka"]
        )


def engine_settings(drawn: Json) -> bytes:
    settings = orjson.loads(default_settings())
    settings["counter"] |= {
        name: drawn[name] for name in ("source", "absent_floor", "without_evidence")
    }
    settings["verify"]["device_signatures"] = drawn["signatures"]
    if drawn["anchored"]:
        settings["verify"]["issuing_certificates"] = [
            b64encode(one.certificate).decode()
            for one in (cast.PKI.issuing, cast.PKI.other_issuing, cast.PKI.device_issuing)
        ]
    settings["adjustments"]["dual_control"] = drawn["dual_control"]
    settings["adjustments"]["signers"] = list(persons.signers()) if drawn.get("signers") else None
    settings["parties"]["advisory"] = drawn.get("advisory", "flag")
    settings["parties"]["network_operators"] = _listed() if drawn["listed"] else None
    return orjson.dumps(settings)


def _listed() -> list[str]:
    return [str(cast.ORGANISATIONS[name].eui) for name in LISTED]


def model_settings(drawn: Json) -> Json:
    known = ["acb", "acb-retired"] if drawn["knows_retired"] else ["acb"]
    return {
        "signers": False,
        "advisory": "flag",
        **drawn,
        "ceiling": CEILING,
        "partition": 0,
        "partitions": cast.PARTITIONS,
        "acb": str(cast.ACB.eui),
        "acb_cells": {usage: [party(name, usage) for name in known] for usage in ("ds", "ka")},
        "acb_cells_without_key": {
            usage: [party(name, usage) for name in known[1:]] for usage in ("ds", "ka")
        },
        "network_operators": _listed() if drawn["listed"] else None,
        "verifies": verifies,
        "is_maced": is_maced,
    }


@functools.cache
def party(name: str, usage: str) -> tuple[str, str]:
    holder = cast.holder(name, usage)
    return (str(holder.eui), holder.key_identifier.hex())


_IDENTITIES = {
    "own": cast.DEVICES,
    "exchanged": cast.EXCHANGED,
    "invented": cast.INVENTED_DEVICES,
}


def identity(kind: str, device: str) -> Any:  # noqa: ANN401 - a Device of the lab
    return next(one for one in _IDENTITIES[kind] if str(one.eui) == device)


@functools.lru_cache(maxsize=100_000)
def verifies(octets: bytes, device: str, kind: str) -> bool:
    """Tell whether a message bears the signature of the device's certificate of that kind."""
    certificate = identity(kind, device).digital_signature.certificate
    return sealing.signature_is_true(Envelope.decode(octets), public_key(read(certificate).point))


@functools.lru_cache(maxsize=100_000)
def is_maced(octets: bytes, device: str, kind: str) -> bool:
    """Tell whether a message bears the MAC of the ACB and the device's certificate of that kind."""
    certificate = identity(kind, device).key_agreement.certificate
    peer = public_key(read(certificate).point)
    return sealing.mac_is_true(Envelope.decode(octets), cast.ACB.key_agreement.key, peer)


def certificate_fault(settings: Json, asked: Json) -> str | None:
    """Tell what is wrong with the certificates of a request, as its reason says it."""
    name, role = asked["holder_name"], asked["remote_party_role"]
    ou = "Supplier" if name in ("S", "T") else "acb" if name == "acb" else "NetworkOperator"
    if name == "foreign" or (name == "expired" and asked["checks"]):
        return "BAD_CERTIFICATE"
    if ou == "Supplier" and role == "NetworkOperator" and "ka" in asked["holder"]:
        # A top-up certificate comes along, for which that slot has no cell.
        return "BAD_CERTIFICATE"
    if ou != role:
        return "CERTIFICATE_ROLE_MISMATCH"
    if name == "invented" and settings["anchored"]:
        return "BAD_CERTIFICATE"
    return None
