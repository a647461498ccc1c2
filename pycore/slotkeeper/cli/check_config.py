"""``slotkeeper check-config``: what would a worker do with these settings?"""

import asyncio
import re
from collections.abc import Iterator, Sequence
from typing import Any

import click
from rich.console import Console

from slotkeeper._core import Authority, CoreEngine
from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import tables, write_json_line
from slotkeeper.console import Address
from slotkeeper.settings import Settings
from slotkeeper.streams import open_streams

_SECRET_KEYS = re.compile(r"password|secret|token|oauth|credential", re.IGNORECASE)
_SECRET_PARTS = re.compile(r"(pin-value=)[^&;]+|(//[^/@:]*:)[^/@]+(?=@)")
"""A PIN in a PKCS#11 URI (RFC 7512) and a password in an address."""

_REDACTED = "(set, not shown)"


@click.command(epilog="Example: slotkeeper check-config --config slotkeeper.toml")
@settings_options
@json_option
def check_config(*, settings: Settings, as_json: bool) -> None:
    """Try configuration, keys and streams; print the settings.

    Everything that a worker needs is tried: certificates and private keys are loaded, lists are
    read, the streams are opened. Nothing is written but streams that make themselves.
    """
    shown = redacted(settings.model_dump(mode="json"))
    authority = settings.authority()
    settings.checkpoints(authority)
    CoreEngine(authority, settings=settings.engine_json(), threads=1)
    if settings.http.listen:
        Address.parse(settings.http.listen)
    partitions = asyncio.run(_partitions(settings))
    signers = settings.signers()
    named = [] if signers is None else signers.all()
    report = {
        "settings": shown,
        "acb": authority.describe(),
        "signers": [
            {"name": name, "algorithm": algorithm, "kid": kid} for name, algorithm, kid in named
        ],
        "partitions": partitions,
    }
    if as_json:
        write_json_line(report)
        return
    console = tables()
    _print(console, shown, authority, named, partitions)
    for warning in _warnings(settings, named):
        console.print(f"warning: {warning}")
    console.print("the configuration can be used")


def _print(
    console: Console,
    shown: dict[str, Any],
    authority: Authority,
    signers: Sequence[tuple[str, str, str]],
    partitions: int,
) -> None:
    for section, value in shown.items():
        if isinstance(value, dict):
            console.print(f"[{section}]", markup=False)
            for key, member in value.items():
                console.print(f"  {key} = {member!r}", markup=False)
        else:
            console.print(f"{section} = {value!r}", markup=False)
    for certificate in authority.describe():
        held = "held" if certificate["key_held"] else "not held"
        console.print(
            f"certificate: {certificate['key_usage']} {certificate['key_identifier']}, key {held}"
        )
    for name, algorithm, kid in signers:
        console.print(f"signer: {name}, {algorithm} {kid}", markup=False)
    console.print(f"streams: {partitions} partitions")


def _warnings(settings: Settings, signers: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    if settings.streams_settings().witness is None:
        yield (
            f"{settings.witness_key} is not set: an older copy of the store would be served "
            "unnoticed"
        )
    if not settings.verify.issuing_certificates:
        yield (
            "verify.issuing_certificates is not set: an invented authority is believed, for "
            "devices and for those who take over a slot"
        )
    if len({name.lower() for name, _, _ in signers}) == 1:
        yield "adjustments.signers names one person: nothing that takes two can be signed"
    if settings.adjustments.dual_control and not signers:
        yield (
            "adjustments.signers is not set: the two persons of adjustments.dual_control are claims"
        )


def redacted(value: Any, key: str = "") -> Any:  # noqa: ANN401  # JSON is anything
    """Give the settings with every secret replaced."""
    if isinstance(value, dict):
        return {name: redacted(member, name) for name, member in value.items()}
    if isinstance(value, list):
        return [redacted(member, key) for member in value]
    if not isinstance(value, str) or not value:
        return value
    if _SECRET_KEYS.search(key):
        return _REDACTED
    return _SECRET_PARTS.sub(lambda found: f"{found[1] or found[2]}{_REDACTED}", value)


async def _partitions(settings: Settings) -> int:
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        return streams.partitions
