"""A sentence for every reason of a decision, by its disposition (`docs/reasons.md`).

``tests/explain`` compares the names with those of the engine.
"""

from slotkeeper.explain.sentence import Actor, Sentence

_NOBODY, _DCC, _SUPPLIER = Actor.NOBODY, Actor.DCC, Actor.SUPPLIER
_OPERATOR, _KEEPER = Actor.OPERATOR, Actor.KEEPER
_AGAIN, _NOT_AGAIN, _NOTHING = True, False, None
"""Whether the very same request can succeed later; the last where there is nothing to retry."""

_INVENTORY = (
    "The inventory record of the device has to come on smart-metering-inventory; one that could "
    "not be read stands among the dead letters."
)
_ASK_AGAIN = "The supplier corrects the request and sends it under a new RequestID."
_ORDINARY = "The ordinary path of the DCC serves it; nothing is kept here."

_HANDED_BACK = {
    ("RECORDED", "ACB_IN_SLOT"): Sentence(
        "The slot was handed back, its number is recorded",
        _SUPPLIER,
        _NOTHING,
        "A supplier may ask for the handover (SRV 6.21) to the next network operator.",
    ),
    ("RECORDED", "PARTIAL_DS"): Sentence(
        "Only the digital-signature cell was handed back",
        _OPERATOR,
        _NOTHING,
        "The slot can be handed on as it is. The key-agreement cell still has the operator's "
        "certificate, until it or a handover replaces that.",
    ),
    ("RECORDED", "PARTIAL_KA"): Sentence(
        "Only the key-agreement cell was handed back",
        _OPERATOR,
        _NOTHING,
        "The digital-signature cell is not the ACB's, so that no handover can be signed: the "
        "operator sends 6.15.1 for that cell.",
    ),
    ("RECORDED", "LATE"): Sentence(
        "A hand-back with a number below the recorded one came late",
        _NOBODY,
        _NOTHING,
        "The higher number stays recorded; the cells are judged with all that is known of them.",
    ),
    ("NOT_RECORDED", "NOT_GPF"): Sentence(
        "The device is no Gas Proxy Function", _NOBODY, _NOTHING, _ORDINARY
    ),
    ("NOT_RECORDED", "NOT_NETWORK_OPERATOR_ROLE"): Sentence(
        "The message is about another role's slot",
        _NOBODY,
        _NOTHING,
        "No number of a slot is in it.",
    ),
    ("NOT_RECORDED", "ALL_CELLS_FAILED"): Sentence(
        "The device replaced no cell at the hand-back",
        _OPERATOR,
        _AGAIN,
        "The operator corrects what the statuses of the cells name, and sends 6.15.1 again.",
    ),
    ("NOT_RECORDED", "NO_OUTCOME"): Sentence(
        "The command is accepted, its outcome is not told yet",
        _NOBODY,
        _NOTHING,
        "The device's Response, or the Alert at its execution, is still to come.",
    ),
    ("NOT_RECORDED", "ERROR_RESPONSE"): Sentence(
        "The hand-back failed before it reached the device",
        _OPERATOR,
        _AGAIN,
        "The response code says why; the operator sends 6.15.1 again.",
    ),
    ("NOT_RECORDED", "UNEXPECTED_PARTY"): Sentence(
        "Who acted is not whom the device found there",
        _KEEPER,
        _NOTHING,
        "Who holds the slot, and who acted, stand in the decision: ask both.",
    ),
    ("NOT_RECORDED", "SMETS1"): Sentence(
        "The device is a SMETS1 device", _NOBODY, _NOTHING, _ORDINARY
    ),
    ("NOT_RECORDED", "NOT_AN_OUTCOME"): Sentence(
        "The message tells no outcome of a command",
        _DCC,
        _NOTHING,
        "A command, or a message of another use case, was put onto a stream of outcomes.",
    ),
}

_SEEN = {
    ("SEEN", "GNO_REPLACED_BY_GNO"): Sentence(
        "An operator's certificates replaced an operator's",
        _NOBODY,
        _NOTHING,
        "A renewal or a sale: the number is noted, nobody left.",
    ),
    ("SEEN", "SLOT_CHANGED_OTHERWISE"): Sentence(
        "Recovery, contingency or change of supplier changed it",
        _NOBODY,
        _NOTHING,
        "Cells follow and numbers are noted; nothing was handed back by its operator.",
    ),
    ("SEEN", "PRE_COMMAND"): Sentence(
        "A signed 6.15.1 is on its way, no outcome is told yet",
        _NOBODY,
        _NOTHING,
        "Its number is known already. The device's answer is still to come.",
    ),
    ("SEEN", "ADJUSTED"): Sentence(
        "A person raised a number", _NOBODY, _NOTHING, "Who and why stands in the decision."
    ),
    ("SEEN", "NO_CHANGE"): Sentence(
        "An adjustment changed nothing", _NOBODY, _NOTHING, "As much was known already."
    ),
    ("SEEN", "READ_BACK"): Sentence(
        "The device's credentials were read back",
        _NOBODY,
        _NOTHING,
        "The cells are as the device tells; a number is raised by it and never lowered.",
    ),
    ("SEEN", "IMPORTED"): Sentence(
        "What is known of the slot was imported", _NOBODY, _NOTHING, "It is the base of the slot."
    ),
    ("SEEN", "CREDENTIALS_UPDATED"): Sentence(
        "A DCC Alert tells of new certificates", _NOBODY, _NOTHING, "The cells follow it."
    ),
    ("SEEN", "RECOVERED"): Sentence(
        "A recovery put certificates into the slot",
        _NOBODY,
        _NOTHING,
        "Nothing was handed back by it.",
    ),
    ("SEEN", "LOG_RESTORED"): Sentence(
        "The device's log was restored to another hub",
        _NOBODY,
        _NOTHING,
        "Reports follow the new hub.",
    ),
    ("SEEN", "QUARANTINED"): Sentence(
        "The DCC holds a request of it in quarantine",
        _DCC,
        _NOTHING,
        "The sender confirms or withdraws it; nothing was sent to the device.",
    ),
}

_PARKED = {
    ("PARKED", "UNKNOWN_DEVICE"): Sentence(
        "A message waits: the inventory lacks the device", _DCC, _NOTHING, _INVENTORY
    ),
    ("PARKED", "UNKNOWN_ACB_CERTIFICATE"): Sentence(
        "A hand-back waits: its ACB certificate is unknown",
        _KEEPER,
        _NOTHING,
        "Add that certificate of the ACB to the settings (without a key, if it is retired) and "
        "restart: the message is judged again.",
    ),
    ("PARKED", "UNKNOWN_PARTY"): Sentence(
        "A message waits: its new occupant is on no list",
        _KEEPER,
        _NOTHING,
        "Add the party to parties.network_operators, or to the registers, if it is an operator.",
    ),
    ("PARKED", "UNKNOWN_CERTIFICATE"): Sentence(
        "An alert waits: no register has its certificate",
        _KEEPER,
        _NOTHING,
        "Import the certificates (`slotkeeper registers import certificates`).",
    ),
    ("PARKED", "UNVERIFIED"): Sentence(
        "A message waits: its signature is unchecked",
        _DCC,
        _NOTHING,
        "The device's digital-signature certificate has to come with its inventory record.",
    ),
}

_HANDED_ON = {
    ("HANDOVER_CONFIRMED", "SLOT_CHANGED"): Sentence(
        "The handover succeeded: both cells are the new party's",
        _NOBODY,
        _NOTHING,
        "Nothing is left to do.",
    ),
    ("HANDOVER_CONFIRMED", "PARTIAL_DS"): Sentence(
        "Only the digital-signature cell was handed on",
        _OPERATOR,
        _NOTHING,
        "The new operator holds the slot, and places its key-agreement certificate by 6.15.1.",
    ),
    ("HANDOVER_CONFIRMED", "PARTIAL_KA"): Sentence(
        "Only the key-agreement cell was handed on",
        _SUPPLIER,
        _NOT_AGAIN,
        "The ACB still holds the digital-signature cell: the supplier asks again, under a new "
        "RequestID.",
    ),
    ("HANDOVER_CONFIRMED", "ACCEPTED_FOR_LATER"): Sentence(
        "The device took the command and will execute it later",
        _NOBODY,
        _NOTHING,
        "Its Alert at the execution is still to come.",
    ),
    ("HANDOVER_CONFIRMED", "UNSOLICITED"): Sentence(
        "The device answered a command not made here",
        _KEEPER,
        _NOTHING,
        "Find out who else makes commands as the ACB. Its number is kept clear of.",
    ),
    ("HANDOVER_FAILED", "ALL_CELLS_FAILED"): Sentence(
        "The device replaced no cell at the handover", _SUPPLIER, _NOT_AGAIN, _ASK_AGAIN
    ),
    ("HANDOVER_FAILED", "ERROR_RESPONSE"): Sentence(
        "The handover failed before it reached the device",
        _DCC,
        _AGAIN,
        "The response code says why. A new request gets a higher number.",
    ),
    ("ISSUED", "NATURAL"): Sentence(
        "A command was made with the number that was proposed",
        _DCC,
        _NOTHING,
        "The DCC delivers it; the device's answer is still to come.",
    ),
    ("ISSUED", "WATERMARK_EXCEEDED"): Sentence(
        "A command was made, its number above the one recorded",
        _DCC,
        _NOTHING,
        "The DCC delivers it; the device's answer is still to come.",
    ),
    ("ISSUED", "ISSUED_EXCEEDED"): Sentence(
        "A command was made, its number above an earlier one's",
        _DCC,
        _NOTHING,
        "The DCC delivers it; the device's answer is still to come.",
    ),
}

_REFUSED = {
    ("REFUSED", "COUNTER_EXHAUSTED"): Sentence(
        "No number is left below 2^63 for this slot",
        _KEEPER,
        _NOT_AGAIN,
        "Only where numbers of aborted batches stand in the way does a restart help. Else the slot "
        "is lost to commands of the ACB.",
    ),
    ("REFUSED", "UNKNOWN_DEVICE"): Sentence(
        "Refused: the inventory does not have the device", _DCC, _AGAIN, _INVENTORY
    ),
    ("REFUSED", "NOT_GPF"): Sentence(
        "Refused: the device is no Gas Proxy Function",
        _SUPPLIER,
        _NOT_AGAIN,
        "If it is one, its inventory record has a wrong device_type. " + _ORDINARY,
    ),
    ("REFUSED", "SMETS1"): Sentence(
        "Refused: the device is a SMETS1 device", _SUPPLIER, _NOT_AGAIN, _ORDINARY
    ),
    ("REFUSED", "NOT_DCC_CONTROLLED"): Sentence(
        "Refused: an operator holds the slot, not the ACB",
        _OPERATOR,
        _AGAIN,
        "The holder hands the slot back (6.15.1), or that hand-back's outcome has still to come; "
        "then the same request can be sent again.",
    ),
    ("REFUSED", "UNSUPPORTED_ROLE"): Sentence(
        "Refused: the request is for another role's slot", _SUPPLIER, _NOT_AGAIN, _ORDINARY
    ),
    ("REFUSED", "NO_DEVICE_CERTIFICATE"): Sentence(
        "Refused: the device's key-agreement certificate is missing",
        _DCC,
        _AGAIN,
        "The inventory record has to bring key_agreement_certificate; then the same request can "
        "be sent again.",
    ),
    ("REFUSED", "BAD_CERTIFICATE"): Sentence(
        "Refused: a certificate of the request cannot be used", _SUPPLIER, _NOT_AGAIN, _ASK_AGAIN
    ),
    ("REFUSED", "CERTIFICATE_ROLE_MISMATCH"): Sentence(
        "Refused: a certificate is for another role's slot", _SUPPLIER, _NOT_AGAIN, _ASK_AGAIN
    ),
    ("REFUSED", "DEVICE_RETIRED"): Sentence(
        "Refused: the device is retired",
        _SUPPLIER,
        _NOT_AGAIN,
        "It is decommissioned, withdrawn, or gone from the inventory. If that is wrong, a new "
        "inventory record says so, and a new request is served.",
    ),
    ("REFUSED", "ACB_KEY_NOT_HELD"): Sentence(
        "Refused: the slot's ACB key is not held here",
        _KEEPER,
        _AGAIN,
        "Add the private key of the certificate that stands in the slot to the settings; then the "
        "same request can be sent again.",
    ),
    ("REFUSED", "FLOOR_IMPLAUSIBLE"): Sentence(
        "Refused: the request's floor is above the ceiling", _SUPPLIER, _NOT_AGAIN, _ASK_AGAIN
    ),
    ("REFUSED", "FLOOR_ABSENT"): Sentence(
        "Refused: the request has no floor, one is required",
        _SUPPLIER,
        _NOT_AGAIN,
        "`counter.absent_floor` asks for one. " + _ASK_AGAIN,
    ),
    ("REFUSED", "NO_EVIDENCE"): Sentence(
        "Refused: the slot's numbers are not known",
        _KEEPER,
        _AGAIN,
        "Tell them by an adjustment (`slotkeeper counters raise`); then the same request can be "
        "sent again.",
    ),
    ("REFUSED", "OPERATOR_LEAVING"): Sentence(
        "Refused: the new operator has told its intent to leave",
        _SUPPLIER,
        _NOT_AGAIN,
        "`parties.advisory` is set to refuse. " + _ASK_AGAIN,
    ),
    ("REFUSED", "OPERATOR_NOT_A_USER"): Sentence(
        "Refused: the new operator is no DCC User",
        _SUPPLIER,
        _NOT_AGAIN,
        "`parties.advisory` is set to refuse, by the register of parties. " + _ASK_AGAIN,
    ),
    ("REFUSED", "NOT_THE_REGISTERED_OPERATOR"): Sentence(
        "Refused: the meter point is another operator's",
        _SUPPLIER,
        _NOT_AGAIN,
        "`parties.advisory` is set to refuse, by the registrations. " + _ASK_AGAIN,
    ),
    ("REFUSED", "CERTIFICATE_REVOKED"): Sentence(
        "Refused: a certificate of the request is revoked", _SUPPLIER, _NOT_AGAIN, _ASK_AGAIN
    ),
    ("REFUSED", "CERTIFICATE_EXPIRED"): Sentence(
        "Refused: a certificate of the request has expired", _SUPPLIER, _NOT_AGAIN, _ASK_AGAIN
    ),
    ("REFUSED", "NOT_DUE"): Sentence(
        "Refused: the request is to be executed later",
        _DCC,
        _AGAIN,
        "The DCC holds a request that is dated ahead, and sends it when it is due.",
    ),
}

_SET_ASIDE = {
    ("DUPLICATE", "SAME_MESSAGE"): Sentence(
        "The message was told before", _NOBODY, _NOTHING, "It changes nothing."
    ),
    ("DUPLICATE", "SAME_REQUEST"): Sentence(
        "The request was answered before, with a command",
        _NOBODY,
        _NOTHING,
        "The first command stands; a new attempt takes a new RequestID.",
    ),
    ("DUPLICATE", "CONFLICTING_CONTENT"): Sentence(
        "Two messages share headers, not content",
        _KEEPER,
        _NOTHING,
        "The second one is kept as a dead letter: find out where it came from.",
    ),
    ("REJECTED", "BAD_SIGNATURE"): Sentence(
        "The device's signature is false",
        _DCC,
        _NOTHING,
        "Either the inventory has another certificate than the device, or somebody else signed. "
        "The message is kept, and judged again with another certificate.",
    ),
    ("REJECTED", "WRONG_DEVICE"): Sentence(
        "The message is about another device than its key",
        _DCC,
        _NOT_AGAIN,
        "It was put under a wrong key; nothing was changed.",
    ),
    ("REJECTED", "NOT_AUTHORISED"): Sentence(
        "An adjustment lacks the persons that it takes",
        _KEEPER,
        _NOT_AGAIN,
        "`slotkeeper counters raise` and `counters sign` make one that has them.",
    ),
    ("REROUTED", "WRONG_PARTITION"): Sentence(
        "The record stood in another device's partition",
        _NOBODY,
        _NOTHING,
        "It was written again to its own partition, and decided there.",
    ),
    ("DEAD_LETTER", "MALFORMED"): Sentence(
        "The record cannot be read", _DCC, _NOT_AGAIN, "`slotkeeper dead-letters show` tells where."
    ),
    ("DEAD_LETTER", "BAD_KEY"): Sentence(
        "The record's key is no EUI-64", _DCC, _NOT_AGAIN, "Its writer puts the device there."
    ),
    ("DEAD_LETTER", "TOO_LARGE"): Sentence(
        "The record is too large to be looked at",
        _DCC,
        _NOT_AGAIN,
        "`limits.message_bytes` or `limits.batch_bytes` is the limit; no message of the field is "
        "as large.",
    ),
    ("DEAD_LETTER", "PARKING_FULL"): Sentence(
        "A message that waited had to make room, unjudged",
        _KEEPER,
        _NOTHING,
        "Its octets are a dead letter: `slotkeeper dead-letters retry` sends it again.",
    ),
    ("DEAD_LETTER", "ENGINE_FAULT"): Sentence(
        "The engine failed over this record: a defect",
        _KEEPER,
        _NOTHING,
        "Report it with the dead letter; no other record is touched by it.",
    ),
}

SENTENCES = {**_HANDED_BACK, **_SEEN, **_PARKED, **_HANDED_ON, **_REFUSED, **_SET_ASIDE}
"""By disposition and reason."""


def sentence(disposition: str, reason: str) -> Sentence:
    """Give the sentence of a decision; of an unknown one, what a newer version may have written."""
    return SENTENCES.get((disposition, reason)) or Sentence(
        f"Decided {disposition} {reason}",
        Actor.KEEPER,
        _NOTHING,
        "This version does not know that reason: it was written by another one.",
    )
