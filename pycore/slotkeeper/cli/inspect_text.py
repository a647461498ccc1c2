"""A decoded message for people."""

from typing import Any

from rich.markup import escape
from rich.tree import Tree

_PROOFS = {True: "[green]valid[/]", False: "[bold red]FALSE[/]", None: "[yellow]not checked[/]"}

_TITLE = ("kind", "use_case", "message_code")


def describe(name: str, answer: dict[str, Any]) -> Tree:
    """Make a tree of everything that is there; absent members are left out."""
    tree = Tree(f"[bold]{escape(name)}[/]")
    if (error := answer.get("error")) is not None:
        tree.add(f"[bold red]cannot be decoded:[/] {escape(str(error))}")
        return tree
    if duis := answer.get("duis"):
        _members(tree.add("DUIS"), duis)
        for message in answer.get("messages") or ():
            _message(tree, message)
    else:
        _message(tree, answer)
    return tree


def _message(tree: Tree, message: dict[str, Any]) -> None:
    title = " ".join(str(message[part]) for part in _TITLE if message.get(part))
    branch = tree.add(f"[bold cyan]{escape(title or 'message')}[/]")
    for proof in ("signature", "mac"):
        state = message.get(proof) or {}
        if state.get("present"):
            branch.add(f"{proof}: {_PROOFS[state.get('valid')]}")
    rest = {
        key: value
        for key, value in message.items()
        if key not in (*_TITLE, "signature", "mac", "round_trip")
    }
    _members(branch, rest)
    if message.get("round_trip") is False:
        branch.add("[yellow]encoding it again gives other octets[/]")


def _members(branch: Tree, members: dict[str, Any]) -> None:
    for name, value in members.items():
        if value is None or value in ([], {}):
            continue
        label = name.replace("_", " ")
        match value:
            case dict():
                branch.add(f"{label}: {_row(value)}")
            case [dict(), *_]:
                rows = branch.add(label)
                for one in value:
                    rows.add(_row(one))
            case list():
                branch.add(f"{label}: {escape(', '.join(str(one) for one in value))}")
            case _:
                branch.add(f"{label}: {escape(str(value))}")


def _row(members: dict[str, Any]) -> str:
    return "  ".join(
        f"[dim]{name.replace('_', ' ')}[/] {escape(str(value))}"
        for name, value in members.items()
        if value is not None
    )
