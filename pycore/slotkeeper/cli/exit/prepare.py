"""``slotkeeper exit prepare``: the acts that could be decided now, for persons to sign."""

from pathlib import Path
from typing import Any

import click
import orjson

from slotkeeper.cli.exit.drafting import Proposal, proposals
from slotkeeper.cli.exit.looking import Look, from_option, looking, party_argument
from slotkeeper.cli.options import settings_options
from slotkeeper.cli.output import write_json_line
from slotkeeper.settings import Settings


@click.command(epilog="Example: slotkeeper exit prepare GNO-1 --from slots")
@party_argument
@from_option
@settings_options
def prepare(*, party: str, folder: Path | None, settings: Settings) -> None:
    """Print which acts could be decided now in the exit of PARTY, and what each would say.

    The console shows them; persons sign one with `slotkeeper exit sign`. CLOSE names an evidence
    package, which is verified first: `slotkeeper exit close` prepares it.
    """
    with looking(party, folder, settings) as look:
        write_json_line(
            {
                "party_id": party,
                "state": look.campaign.phase,
                "incarnation": look.incarnation,
                "acts": [_told(look, one) for one in proposals(look)],
            }
        )


def _told(look: Look, one: Proposal) -> dict[str, Any]:
    return {
        "act": one.act.word,
        "persons": one.persons,
        "refused": one.refused or None,
        "payload": orjson.loads(one.payload) if look.incarnation and not one.refused else None,
    }
