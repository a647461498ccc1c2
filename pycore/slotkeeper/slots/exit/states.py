"""The words of an exit: states of a device, of a campaign, and the acts of persons."""

from enum import StrEnum


class State(StrEnum):
    """Where a device of the plan stands. Where two hold, the later in this list is told."""

    HOLDING = "HOLDING"
    REQUESTED = "REQUESTED"
    SCHEDULED = "SCHEDULED"
    QUARANTINED = "QUARANTINED"
    PARTIAL_DS = "PARTIAL_DS"
    PARTIAL_KA = "PARTIAL_KA"
    FAILED = "FAILED"
    SILENT = "SILENT"
    REPLACED = "REPLACED"
    REPLACED_OTHERWISE = "REPLACED_OTHERWISE"
    NOT_HOLDING = "NOT_HOLDING"
    RETIRED = "RETIRED"
    UNKNOWN = "UNKNOWN"
    HELD_AGAIN = "HELD_AGAIN"


LATER = {state: place for place, state in enumerate(State)}
"""The place of each state in the list."""

DONE = frozenset({State.REPLACED, State.REPLACED_OTHERWISE, State.NOT_HOLDING, State.RETIRED})
"""Nothing is left to do; every other state keeps an exit from being READY."""

MEANS = {
    State.HOLDING: "holds a certificate of the party",
    State.REQUESTED: "a 6.15.1 is on its way, without an answer yet",
    State.SCHEDULED: "accepted for later; its alert is not here yet",
    State.QUARANTINED: "anomaly detection holds the request",
    State.PARTIAL_DS: "only the digital signature cell was replaced",
    State.PARTIAL_KA: "only the key agreement cell was replaced",
    State.FAILED: "the last attempt failed",
    State.SILENT: "asked, and silent for longer than exit.silent_days",
    State.REPLACED: "holds the ACB's certificates, by the party's own 6.15.1",
    State.REPLACED_OTHERWISE: "holds none of the party's, by somebody else's act",
    State.NOT_HOLDING: "was not known, and was found without",
    State.RETIRED: "decommissioned or withdrawn",
    State.UNKNOWN: "nobody knows what it holds: read it back",
    State.HELD_AGAIN: "was without, and holds one again since the exit began",
}
"""Each state in a few words."""


class Phase(StrEnum):
    """Where a campaign stands."""

    DRAFT = "DRAFT"
    OPEN = "OPEN"
    PAUSED = "PAUSED"
    READY = "READY"
    REVOCATION_REQUESTED = "REVOCATION_REQUESTED"
    REOPENED = "REOPENED"
    REVOKED = "REVOKED"
    CLOSED = "CLOSED"
    CLOSED_WITH_RESIDUE = "CLOSED_WITH_RESIDUE"
    CANCELLED = "CANCELLED"


ENDED = frozenset({Phase.CLOSED, Phase.CLOSED_WITH_RESIDUE, Phase.CANCELLED})
"""After these no act counts."""


class Word(StrEnum):
    """What a person decides; the member ``act`` of a record of ``gno-exits``."""

    OPEN = "OPEN"
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    CANCEL = "CANCEL"
    RECORD_REVOCATION_REQUEST = "RECORD_REVOCATION_REQUEST"
    RECORD_KEY_COMPROMISE = "RECORD_KEY_COMPROMISE"
    CLOSE = "CLOSE"
