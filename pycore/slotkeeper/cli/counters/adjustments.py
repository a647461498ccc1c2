"""Records of ``counter-adjustments`` and the persons who vouch for them."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import click
import orjson

from slotkeeper.settings import Settings
from slotkeeper.streams import Message

STREAM = "counter-adjustments"

P = ParamSpec("P")
T = TypeVar("T")


def adjustment_options(command: Callable[P, T]) -> Callable[P, T]:
    """Add ``--reason`` and ``--by``: both stand in the audit trail for ever."""
    reason = click.option("--reason", required=True, help="Why; kept in the audit trail.")
    by = click.option(
        "--by",
        multiple=True,
        required=True,
        metavar="PERSON",
        help="Who; twice, for two persons, where dual control asks for them.",
    )
    return reason(by(command))


def need_two_persons(settings: Settings, by: tuple[str, ...], highest: int) -> None:
    """Refuse what the worker would reject anyway, while the person is still there.

    Raises:
        UsageError: One person, where two are needed.
    """
    above = highest > int(settings.counter.ceiling)
    persons = {person.strip().lower() for person in by} - {""}
    if len(persons) < 2 and (above or settings.adjustments.dual_control):  # noqa: PLR2004
        why = (
            f"{highest} lies above counter.ceiling, and what is raised can never be lowered"
            if above
            else "adjustments.dual_control is on"
        )
        raise click.UsageError(f"two different persons are needed (--by twice): {why}")


def message_of(
    device_id: str,
    role: str,
    *,
    reason: str,
    by: tuple[str, ...],
    source: str,
    **numbers: Any,  # noqa: ANN401
) -> Message:
    """Make one record; ``numbers`` are kind and what `docs/streams.md` names beside it."""
    adjustment = {
        "device_id": device_id,
        "remote_party_role": role,
        **numbers,
        "reason": reason,
        "by": list(by),
        "source": source,
    }
    return Message(STREAM, device_id.encode(), orjson.dumps(adjustment))
