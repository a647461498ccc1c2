"""What an import found, for people and for programs."""

import orjson

from slotkeeper.cli.output import note, write_json_line, write_lines
from slotkeeper.slots.registers.importing import Outcome
from slotkeeper.slots.registers.sources import Source
from slotkeeper.slots.registers.staging import Staging

_SHOWN = 20
"""Changes of each kind that people are shown, and ten times as many refusals."""

_MARKS = {"added": "+", "changed": "~", "missing": "-"}


class Shown:
    """Prints what an import found; nothing of the files is printed as it is."""

    def __init__(self, sources: list[Source], *, as_json: bool) -> None:
        """Name the files of the import, or print JSON lines."""
        self._names = [printable(str(source.path)) for source in sources]
        self._as_json = as_json

    def changes(self, tables: Staging, outcome: Outcome) -> None:
        """Show what changes and what is refused."""
        if self._as_json:
            for file, row, reason in tables.refused():
                told = {"file": self._names[file], "row": row, "reason": printable(reason)}
                write_json_line({"refused": told})
            for change in tables.changes():
                write_json_line(
                    {
                        change.kind: change.key,
                        "members": change.paths.split(";") if change.paths else [],
                        "record": orjson.Fragment(change.value),
                    }
                )
            return
        for file, row, reason in tables.refused(10 * _SHOWN):
            self._line(f"{self._names[file]}: row {row}: refused: {printable(reason)}")
        self._more(outcome.refused - 10 * _SHOWN, "rows are refused")
        for kind, mark in _MARKS.items():
            for change in tables.changes(kind, _SHOWN):
                self._line(f"{mark} {printable(change.key)}  {printable(change.paths)}")
            self._more(getattr(outcome, kind) - _SHOWN, f"are {kind}")

    def outcome(self, outcome: Outcome, *, dry_run: bool, complete: bool) -> None:
        """Show the counts."""
        if self._as_json:
            write_json_line(
                {
                    "rows": outcome.rows,
                    "added": outcome.added,
                    "changed": outcome.changed,
                    "unchanged": outcome.unchanged,
                    "missing": outcome.missing,
                    "refused": outcome.refused,
                    "renamed": outcome.renamed,
                    "published": not dry_run,
                }
            )
            return
        self._line(
            f"{outcome.rows} rows: {outcome.added} added, {outcome.changed} changed, "
            f"{outcome.unchanged} unchanged, {outcome.missing} marked as missing, "
            f"{outcome.refused} refused"
        )
        if outcome.renamed:
            self._line(f"{outcome.renamed} certificates name their party now")
        if complete and outcome.unplaced:
            note(
                f"warning: nothing is marked as missing, since {outcome.unplaced} refused rows may "
                "be about anything"
            )
        if dry_run:
            note("nothing is published (--dry-run)")

    def _more(self, count: int, what: str) -> None:
        if count > 0:
            self._line(f"  {count} more {what} (--json shows them)")

    def _line(self, text: str) -> None:
        write_lines([text.encode()])


def printable(text: str, longest: int = 300) -> str:
    """Give text of a file for a terminal: bounded, and without control characters."""
    shown = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
    return shown if len(shown) <= longest else f"{shown[:longest]}..."
