"""``slotkeeper explain``: what a name on the streams, or an answer's code, means."""

import difflib
from dataclasses import asdict

import click
from rich.console import Console
from rich.text import Text

from slotkeeper.cli.options import json_option
from slotkeeper.cli.output import tables, write_json_line
from slotkeeper.explain.codes import Meaning, meanings, names


@click.command(epilog="Example: slotkeeper explain BAD_SIGNATURE")
@click.argument("code")
@json_option
def explain(*, code: str, as_json: bool) -> None:
    """Say what CODE means and what to do.

    CODE is a disposition, a reason, a flag, the status of a cell (badCertificate), a response code
    of the DCC (E21), or the state of a slot.
    """
    found = meanings(code)
    if not found:
        near = difflib.get_close_matches(code.upper(), names(), n=3, cutoff=0.6)
        hint = f"did you mean {' or '.join(near)}?" if near else "docs/streams.md lists the names"
        raise click.BadParameter(f"{code!r} means nothing here: {hint}", param_hint="CODE")
    if as_json:
        write_json_line([asdict(one) for one in found])
        return
    console = tables()
    for one in found:
        _print(console, one)


def _print(console: Console, one: Meaning) -> None:
    under = f" of {one.disposition}" if one.disposition else ""
    console.print(Text(f"{one.code}, {one.kind}{under}", style="bold"))
    console.print(Text(f"  {one.says}"))
    if one.actor is not None:
        console.print(Text(f"  Next: {one.actor}."))
    if one.retryable is not None:
        console.print(Text(f"  Retryable: {'yes' if one.retryable else 'no'}."))
    if one.advice:
        console.print(Text(f"  {one.advice}"))
