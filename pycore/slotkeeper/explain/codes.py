"""What each name means that decisions, devices and the DCC use for it.

Sources: dispositions and flags, `docs/streams.md`; statuses of cells, GBCS and RFC 5934; response
codes, the published lists of the DUIS. Of codes of one service (E0615.., E0621..) no meaning is
published, and none is invented here.
"""

import re
from dataclasses import dataclass

from slotkeeper.explain.reasons import SENTENCES
from slotkeeper.explain.sentence import Actor, Sentence


@dataclass(frozen=True, slots=True)
class Meaning:
    """A name in one of its uses.

    Attributes:
        code: As it is written.
        kind: What it is the name of: disposition, reason, flag, cell status, response code, state.
        says: What it means.
        advice: What to do; empty where nothing is.
        actor: Who acts next; None where that depends on more than the code.
        retryable: As in `Sentence`.
        disposition: Of a reason, under which one.
    """

    code: str
    kind: str
    says: str
    advice: str = ""
    actor: Actor | None = None
    retryable: bool | None = None
    disposition: str | None = None


DISPOSITIONS = {
    "RECORDED": "A slot went to the ACB and its number is kept.",
    "NOT_RECORDED": "An outcome that hands nothing back.",
    "SEEN": "A number or a cell is noted; the slot was not handed back by it.",
    "PARKED": "Kept until more is known, then decided again by itself.",
    "HANDOVER_CONFIRMED": "The device took the new party's certificates.",
    "HANDOVER_FAILED": "The device did not take the new party's certificates.",
    "ISSUED": "A command was made; the reason says what chose its number.",
    "REFUSED": "No command was made for this request; it may come again and is judged anew.",
    "DUPLICATE": "Met before.",
    "REJECTED": "Contradicts itself, or what is known for certain.",
    "REROUTED": "Written again to the partition of its key, and decided there.",
    "DEAD_LETTER": "Cannot be read or decided; the octets are kept for a person.",
}

FLAGS = {
    "ABOVE_CEILING": "A number is above counter.ceiling.",
    "ABSENT_FLOOR_OMITTED": "The request had no floor and none was sent.",
    "ABSENT_FLOOR_ZEROED": "The request had no floor and 0 was sent, so that the next operator may "
    "begin with any number.",
    "COUNTER_OUT_OF_RANGE": "The header's counter is beyond 2^63-1 and was not taken.",
    "COUNTERS_DIFFER": "Header and payload have different numbers; the larger one counts.",
    "EVICTED": "A message of the device had to make room in parking and was never judged.",
    "EXHAUSTED": "The mark is 2^63-1: no command can exceed it.",
    "MODE_MISMATCH": "The replacement mode does not fit the Message Code; the mode decides.",
    "STRANGERS_FULL": "No inventory record names the device, and limits.strangers are kept: its "
    "number is not.",
    "UNANCHORED": "Rests on a certificate that no verify.issuing_certificates vouch for: none are "
    "configured.",
    "UNVERIFIED": "Believed, or kept, without a checked signature.",
    "HAD_CERTIFICATE": "A certificate of the device was at hand before; without one nothing is "
    "believed.",
    "OPERATOR_LEAVING": "The new occupant has told its intent to leave.",
    "OPERATOR_NOT_A_USER": "The new occupant is no DCC User.",
    "NOT_THE_REGISTERED_OPERATOR": "The meter point is registered to another operator.",
    "CERTIFICATE_REVOKED": "A certificate that was placed is revoked.",
    "CERTIFICATE_EXPIRED": "A certificate that was placed has expired.",
}

CELL_STATUSES = {
    "success": "The certificate is in its cell.",
    "badCertificate": "The device finds the certificate at fault: its content, usage, role or, "
    "where that was asked for, its time.",
    "noTrustAnchor": "No certification path leads from the certificate to the device's root.",
    "insufficientMemory": "The device has no room for the certificate.",
    "trustAnchorNotFound": "The device has no such cell.",
    "resourcesBusy": "The device was busy; the same replacement may succeed later.",
    "other": "Another failure, which the device does not name.",
}

RETRYABLE_STATUSES = frozenset({"resourcesBusy"})
"""Statuses that the same certificates may not meet again."""

RESPONSE_CODES = {
    "I0": "Success.",
    "I99": "Acknowledgement: accepted, and on its way to the device.",
    "E1": "Failed authorisation: the user, or its role, is not valid.",
    "E2": "Failed authorisation: the user's role may not send this service.",
    "E3": "Failed authorisation: the user's status does not permit this service.",
    "E4": "Failed authorisation: the user's role is not authorised for the device on that day.",
    "E5": "Failed authorisation: the device's status does not permit this service.",
    "E11": "Failed validation: the service does not fit the type of device.",
    "E12": "Failed validation: the command variant does not fit the request.",
    "E13": "Failed validation: the request was sent to the wrong address.",
    "E17": "Failed authorisation: the command may not be delivered locally.",
    "E19": "Failed authorisation: the device does not exist.",
    "E20": "Communications failure: the DCC cannot reach the device.",
    "E21": "Communications failure: the device did not answer.",
    "E30": "Time-out of a future-dated command.",
}

RETRYABLE_RESPONSES = frozenset({"E20", "E21", "E30"})
"""Codes that tell of the way to the device, not of the request."""

STATES = {
    "ACB": "Both cells are the ACB's: the slot can be handed on.",
    "PARTIAL": "One of the two cells is the ACB's.",
    "NETWORK_OPERATOR": "A network operator holds the slot.",
    "SUPPLIER": "A supplier holds the slot.",
    "DOUBTFUL": "What is told of the digital-signature cell does not hang together; that never "
    "causes a refusal.",
    "UNKNOWN": "Nothing is told of the slot.",
}

EVIDENCE = {
    "recorded": "The number of a hand-back is known.",
    "seen": "A number that was used is known, no hand-back.",
    "none": "Nothing is known of the slot's numbers.",
}

ANSWERS = {
    "STORE_NOT_READY": "The embedding interface is not restored yet: ask again; a worker waits by "
    "itself.",
}

_OF_A_SERVICE = re.compile(r"E0?(\d{2})(\d{2})\d{2}")
_RESPONSE_CODE = re.compile(r"[EIW]\d{1,6}")

_KINDS = (
    ("disposition", DISPOSITIONS),
    ("flag", FLAGS),
    ("cell status", CELL_STATUSES),
    ("response code", RESPONSE_CODES),
    ("state of a slot", STATES),
    ("evidence", EVIDENCE),
    ("answer of the embedding interface", ANSWERS),
)


def meanings(code: str) -> list[Meaning]:
    """Give what a name means, in each of its uses, whatever its case; empty if it means nothing."""
    wanted = code.strip().casefold()
    found = [
        _of(kind, name, says)
        for kind, names in _KINDS
        for name, says in names.items()
        if name.casefold() == wanted
    ]
    found += [
        _of_reason(disposition, reason, told)
        for (disposition, reason), told in SENTENCES.items()
        if wanted in (reason.casefold(), f"{disposition} {reason}".casefold())
    ]
    if not found and _RESPONSE_CODE.fullmatch(code.strip().upper()):
        found = [_unpublished(code.strip().upper())]
    return found


def names() -> list[str]:
    """Give every name that has a meaning."""
    every = {name for _, names in _KINDS for name in names}
    return sorted(every | {reason for _, reason in SENTENCES})


def response_code(code: str) -> Meaning:
    """Give what a response code of the DCC means."""
    says = RESPONSE_CODES.get(code)
    return _of("response code", code, says) if says else _unpublished(code)


def _of(kind: str, name: str, says: str) -> Meaning:
    match kind:
        case "cell status" if name != "success":
            again = name in RETRYABLE_STATUSES
            advice = (
                "Send the same certificates again, later."
                if again
                else "The sender corrects the certificates, or the path that goes with them."
            )
            return Meaning(name, kind, says, advice, retryable=again)
        case "response code" if name.startswith("E"):
            again = name in RETRYABLE_RESPONSES
            advice = (
                "Send it again once the device can be reached."
                if again
                else "The sender corrects the request, or its rights; the DCC's service desk helps."
            )
            return Meaning(name, kind, says, advice, retryable=again)
        case _:
            return Meaning(name, kind, says)


def _of_reason(disposition: str, reason: str, told: Sentence) -> Meaning:
    return Meaning(
        reason,
        "reason",
        f"{told.cause}.",
        told.advice,
        told.actor,
        told.retryable,
        disposition,
    )


def _unpublished(code: str) -> Meaning:
    service = _OF_A_SERVICE.fullmatch(code)
    whose = f"of SRV {int(service[1])}.{int(service[2])}" if service else "of the DCC"
    return Meaning(
        code,
        "response code",
        f"A response code {whose} whose meaning is not published to this program.",
        "The DUIS of the version in use defines it; the DCC's service desk knows.",
    )
