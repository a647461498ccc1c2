"""``slotkeeper exit status``: how an exit stands, in a sentence, a table and its gates."""

from itertools import islice
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from slotkeeper.cli.exit.looking import Look, from_option, looking, party_argument
from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import tables, write_json_line
from slotkeeper.settings import Settings
from slotkeeper.slots.exit.campaign import Campaign
from slotkeeper.slots.exit.facts import utc_text
from slotkeeper.slots.exit.listing import Row, woken
from slotkeeper.slots.exit.states import DONE, MEANS, Phase, State

_NOTES = 20
"""Devices that are named; `exit devices` has them all."""


@click.command(epilog="Example: slotkeeper exit status GNO-1 --from slots")
@party_argument
@from_option
@settings_options
@json_option
def status(*, party: str, folder: Path | None, settings: Settings, as_json: bool) -> None:
    """Say how the exit of PARTY stands: what is left, which gates hold, when it may be ready."""
    with looking(party, folder, settings) as look:
        late = list(islice(woken(look.campaign, look.scope, look.waits), _NOTES))
        if as_json:
            write_json_line(status_json(look, late))
        else:
            print_status(tables(), look.campaign, late)


def print_status(console: Console, campaign: Campaign, late: list[Row]) -> None:
    """Print the answer first, then the states, then the gates."""
    told = campaign.survey
    for sentence in sentences(campaign):
        console.print(sentence)
    table = Table(title="Devices", title_justify="left")
    table.add_column("state")
    table.add_column("devices", justify="right")
    table.add_column("means")
    for state in State:
        if told.counts[state]:
            table.add_row(state, f"{told.counts[state]:,}", MEANS[state])
    table.add_row("in all", f"{told.baseline + told.joined:,}", "baseline and joined", style="bold")
    console.print(table)
    if campaign.gates:
        gates = Table(title="Gates", title_justify="left")
        for heading in ("step", "gate", "holds", "missing"):
            gates.add_column(heading)
        for gate in campaign.gates:
            gates.add_row(gate.step, gate.name, "yes" if gate.holds else "NO", escape(gate.missing))
        console.print(gates)
    for row in late:
        console.print(f"found holding after closing: {row.device_id}, {row.since} UTC")
    for one in campaign.ignored:
        told_of = f" {one.told}" if one.told else ""
        console.print(f"ignored: act{told_of} at offset {one.place}: {escape(one.reason)}")


def sentences(campaign: Campaign) -> list[str]:
    """Say how it stands, most important first."""
    told, party = campaign.survey, campaign.leaving.party.party_id
    devices = told.baseline + told.joined
    done = devices - told.blocking
    first = (
        f"{party}: {campaign.phase}. {done:,} of {devices:,} devices are done "
        f"({told.baseline:,} at the opening, {told.joined:,} joined since), "
        f"{told.blocking:,} are left."
    )
    said = [first]
    if campaign.breach:
        said.append(
            f"BREACH: certificates were revoked on {campaign.breach.day}, before the exit was "
            f"READY, while {campaign.breach.holders:,} devices held them (R18, R20)."
        )
    if campaign.compromised:
        said.append("A key is compromised: revoking it is no breach. Recovery is the way out.")
    if campaign.stranded:
        said.append(
            f"{campaign.stranded:,} devices are STRANDED: they hold a revoked certificate, and "
            "only recovery or a site visit helps (R21)."
        )
    if campaign.phase in {Phase.CLOSED, Phase.CLOSED_WITH_RESIDUE} and campaign.residue:
        said.append(f"Residue: {campaign.residue:,} devices.")
    if told.unverified:
        said.append(
            f"{told.unverified:,} devices are done by a message whose signature nobody checked."
        )
    if not told.exact:
        said.append("The states do not add up to the plan: this is a defect of Slotkeeper.")
    if told.blocking and campaign.phase in {Phase.OPEN, Phase.REOPENED}:
        forecast = told.forecast()
        said.append(
            f"{told.pace():g} devices a day were replaced in the last week (median); at that pace "
            + (f"nothing is left on {forecast}." if forecast else "there is no end in sight.")
        )
    said.append(f"As of {told.view.at} UTC, audit trail read to {_fence(campaign)}.")
    return said


def status_json(look: Look, late: list[Row]) -> dict[str, Any]:
    """Give it for a program to read."""
    campaign = look.campaign
    told = campaign.survey
    return {
        "party_id": campaign.leaving.party.party_id,
        "campaign": campaign.name or None,
        "state": campaign.phase,
        "as_of": utc_text(told.view.at),
        "fence": {str(partition): end for partition, end in sorted(look.fence.items())},
        "manifest_sha256": look.manifest,
        "opened_at": utc_text(campaign.opened.at) if campaign.opened else None,
        "closed_at": utc_text(campaign.closed.at) if campaign.closed else None,
        "revoked_on": campaign.revoked_on,
        "breach": campaign.breach
        and {"revoked_on": campaign.breach.day, "holders": campaign.breach.holders},
        "key_compromise": campaign.compromised,
        "baseline": told.baseline,
        "joined": told.joined,
        "devices": told.baseline + told.joined,
        "identity_exact": told.exact,
        "done": sum(told.counts[state] for state in DONE),
        "left": told.blocking,
        "states": {state.value: told.counts[state] for state in State},
        "parked": told.parked,
        "unverified": told.unverified,
        "stranded": campaign.stranded,
        "residue": campaign.residue,
        "pace_a_day": told.pace(),
        "forecast_on": told.forecast(),
        "gates": [
            {"step": one.step, "gate": one.name, "holds": one.holds, "missing": one.missing}
            for one in campaign.gates
        ],
        "acts": [
            {
                "offset": one.place,
                "act": one.word,
                "at": utc_text(one.at),
                "persons": one.persons,
                "reason": one.reason,
                "counts": one.counts,
                "manifest_sha256": one.manifest,
            }
            for one in campaign.acts
        ],
        "ignored": [
            {"offset": one.place, "act": one.told or None, "reason": one.reason}
            for one in campaign.ignored
        ],
        "found_after_closing": [
            {"device_id": row.device_id, "state": row.state, "since": utc_text(row.since)}
            for row in late
        ],
        "burn_down": [
            {"day": one.day, "joined": one.joined, "replaced": one.replaced, "left": one.left}
            for one in told.burn_down()
        ],
    }


def _fence(campaign: Campaign) -> str:
    fence = campaign.survey.view.fence or {}
    return ", ".join(f"{partition}:{end}" for partition, end in sorted(fence.items())) or "nothing"
