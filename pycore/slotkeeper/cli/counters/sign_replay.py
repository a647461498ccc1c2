"""A person's signature under the replay of a dead letter, which the console prepared."""

from pathlib import Path
from typing import Any

import orjson

from slotkeeper.acts import DEAD_LETTER_REPLAY, PersonKey
from slotkeeper.cli.output import note
from slotkeeper.errors import WrongUseError

_LARGEST = 65_536
"""Octets of a prepared file; it has some 500."""

_MAX_REASON = 1_000
"""Characters."""


def prepared(file: Path) -> dict[str, Any] | None:
    """Read a prepared replay; None for any other file."""
    with file.open("rb") as opened:
        octets = opened.read(_LARGEST)
    try:
        told = orjson.loads(octets)
    except orjson.JSONDecodeError:
        return None
    is_one = isinstance(told, dict) and told.get("typ") == DEAD_LETTER_REPLAY
    return told if is_one and isinstance(told.get("payload"), dict) else None


def sign(told: dict[str, Any], key: PersonKey, reason: str | None, out: Path | None) -> None:
    """Write the signed act into a new file, which the person hands in at the console.

    Raises:
        WrongUseError: There is no reason, or no new file to write to.
    """
    if not reason or not reason.strip() or len(reason) > _MAX_REASON:
        raise WrongUseError("a replay needs --reason, at most 1,000 characters: it is kept with it")
    if out is None or out.exists():
        raise WrongUseError("a replay needs --out NEW_FILE, which you hand in at the console")
    payload = {**told["payload"], "reason": reason}
    place = f"{payload.get('partition')}/{payload.get('offset')}"
    note(f"replay of dead letter {place!a} into {payload.get('stream')!a}")
    octets = key.sign(DEAD_LETTER_REPLAY, str(told.get("incarnation")), orjson.dumps(payload))
    with out.open("xb") as file:
        file.write(octets)
