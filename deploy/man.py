"""Writes man pages out of the commands' own help: `python deploy/man.py FOLDER`.

One page a command and one for each of a group's, such as slotkeeper-evidence-verify.1. What a page
says is what ``--help`` says; only the macros are added (man(7)).
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

import slotkeeper
from slotkeeper.cli import cli


def pages(command: click.Command, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Give the name and the text of a command's page and of those below it."""
    context = click.Context(command, info_name=" ".join(names))
    below: list[str] = []
    if isinstance(command, click.Group):
        below = command.list_commands(context)
    yield "-".join(names), "\n".join(_lines(command, context, names, below)) + "\n"
    for name in below:
        found = command.get_command(context, name) if isinstance(command, click.Group) else None
        if found is not None:
            yield from pages(found, [*names, name])


def _lines(
    command: click.Command, context: click.Context, names: Sequence[str], below: Sequence[str]
) -> Iterator[str]:
    title = "-".join(names)
    yield f'.TH "{title.upper()}" "1" "" "slotkeeper {slotkeeper.__version__}" "Slotkeeper"'
    # A choice of many words has no place to break at, and a line with it cannot be adjusted.
    yield ".ad l"
    yield ".SH NAME"
    yield f"{_plain(title)} \\- {_plain(command.get_short_help_str(200))}"
    yield ".SH SYNOPSIS"
    yield f".B {_plain(' '.join(names))}"
    yield _plain(" ".join(command.collect_usage_pieces(context)))
    yield ".SH DESCRIPTION"
    for number, paragraph in enumerate((command.help or "").replace("\b\n", "").split("\n\n")):
        if number:
            yield ".PP"
        yield _plain(" ".join(paragraph.split()))
    options = [
        record
        for parameter in command.get_params(context)
        if (record := parameter.get_help_record(context)) is not None and record[1]
    ]
    if options:
        yield ".SH OPTIONS"
    for name, text in options:
        yield ".TP"
        yield f".B {_plain(name)}"
        yield _plain(" ".join(text.split()))
    if below:
        yield ".SH COMMANDS"
    for name in below:
        yield ".TP"
        yield f".BR {_plain('-'.join([*names, name]))} (1)"
        yield "\\&"
    if command.epilog:
        yield ".PP"
        yield _plain(command.epilog)


def _plain(text: str) -> str:
    """Let no character of a text be a macro or an escape."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return f"\\&{text}" if text.startswith(".") else text


def main(folder: Path) -> None:
    """Write all pages."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages(cli, ["slotkeeper"]):
        (folder / f"{name}.1").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
