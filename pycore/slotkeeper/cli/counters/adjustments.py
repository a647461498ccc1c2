"""Records of ``counter-adjustments`` and the persons who vouch for them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click
import orjson

from slotkeeper.acts import PersonKey
from slotkeeper.cli.counters.signing import STREAM, require_signer, signers_of
from slotkeeper.settings import Settings
from slotkeeper.streams import Message

P = ParamSpec("P")
T = TypeVar("T")


def adjustment_options(command: Callable[P, T]) -> Callable[P, T]:
    """Add ``--reason``, and who: ``--by``, or ``--sign`` with ``--out``."""
    reason = click.option("--reason", required=True, help="Why; kept in the audit trail.")
    by = click.option(
        "--by",
        multiple=True,
        metavar="PERSON",
        help="Who; twice, for two persons, where dual control asks for them. A claim.",
    )
    sign = click.option(
        "--sign",
        "key_file",
        metavar="KEY",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="Sign with this private key of yours; where adjustments.signers is set.",
    )
    out = click.option(
        "--out",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help="With --sign: publish nothing, and write a file for the second person.",
    )
    return reason(by(sign(out(command))))


def person_key(
    settings: Settings,
    *,
    by: tuple[str, ...],
    key_file: Path | None,
    out: Path | None,
    highest: int,
) -> PersonKey | None:
    """Give the key to sign with, None for claims; refuse what the worker would reject anyway.

    Raises:
        UsageError: Too few persons, or not told in the way that the configuration asks for.
        ConfigurationError: The key, or the file of signers, cannot be used.
    """
    if key_file is None:
        if settings.adjustments.signers:
            raise click.UsageError("adjustments.signers is set: sign with --sign KEY")
        if out is not None:
            raise click.UsageError("--out takes --sign KEY: it is for the second signature")
        _need_claims(settings, by, highest)
        return None
    if by:
        raise click.UsageError("--by is a claim, and --sign proves who you are: leave --by out")
    signers = signers_of(settings)
    key = PersonKey(key_file)
    require_signer(signers, key)
    why = _why_two(settings, highest)
    if why and out is None:
        raise click.UsageError(
            f"two different persons must sign: {why}. Prepare a file with --out FILE, which "
            "another person signs with `slotkeeper counters sign FILE --key KEY`"
        )
    return key


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
    if not by:
        del adjustment["by"]
    return Message(STREAM, device_id.encode(), orjson.dumps(adjustment))


def _need_claims(settings: Settings, by: tuple[str, ...], highest: int) -> None:
    persons = {person.strip().lower() for person in by} - {""}
    if not persons:
        raise click.UsageError("say who: --by PERSON")
    if highest > int(settings.counter.ceiling):
        raise click.UsageError(
            f"{highest} lies above counter.ceiling, and what is raised can never be lowered: two "
            "different persons must sign it, and adjustments.signers is not set"
        )
    why = _why_two(settings, highest)
    if why and len(persons) < 2:  # noqa: PLR2004
        raise click.UsageError(f"two different persons are needed (--by twice): {why}")


def _why_two(settings: Settings, highest: int) -> str:
    """Say why it takes two persons; empty if one is enough."""
    if highest > int(settings.counter.ceiling):
        return f"{highest} lies above counter.ceiling, and what is raised can never be lowered"
    return "adjustments.dual_control is on" if settings.adjustments.dual_control else ""
