"""The truth table as it is printed, and the page that holds it."""

from pathlib import Path

import orjson
from click.testing import CliRunner

from slotkeeper.cli import cli
from slotkeeper.slots.print_table import as_markdown
from slotkeeper.slots.table import Finding

PAGE = Path(__file__).parents[2] / "docs" / "slot-rule.md"


def test_the_page_holds_what_is_printed() -> None:
    printed = CliRunner().invoke(cli, ["rule"])
    assert printed.exit_code == 0
    assert printed.output == as_markdown()
    assert f"<!-- slotkeeper rule -->\n{as_markdown()}<!-- end -->" in PAGE.read_text()


def test_the_page_explains_every_finding() -> None:
    text = PAGE.read_text()
    assert [finding for finding in Finding if f"- {finding}: " not in text] == []


def test_a_program_gets_every_combination() -> None:
    printed = CliRunner().invoke(cli, ["rule", "--json"])
    rows = [orjson.loads(line) for line in printed.output.splitlines()]
    keys = {
        (row["digital_signature"], row["key_agreement"], row["same_party"], row["expected"])
        for row in rows
    }
    assert len(rows) == len(keys) == 648
