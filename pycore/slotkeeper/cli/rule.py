"""``slotkeeper rule``: the truth table of the slot rule."""

import click

from slotkeeper.cli.options import json_option
from slotkeeper.cli.output import write_json_line, write_lines
from slotkeeper.slots.print_table import as_json_rows, as_markdown


@click.command(epilog="Example: slotkeeper rule --json")
@json_option
def rule(*, as_json: bool) -> None:
    """Print which slots are right, which are not, and who must act.

    The first table tells what two cells are together, the second what follows for each
    expectation. Both are printed from the table that reports are judged by.
    """
    if as_json:
        for row in as_json_rows():
            write_json_line(row)
    else:
        write_lines(as_markdown().encode().splitlines())
