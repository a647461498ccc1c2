"""A decoded message for people."""

from typing import Any

from rich.markup import escape
from rich.tree import Tree

_PROOFS = {True: "[green]valid[/]", False: "[bold red]FALSE[/]"}

_TITLE = ("kind", "use_case", "message_code")

_APART = (*_TITLE, "signature", "mac", "round_trip", "error")

_LONG = 80
"""Longer text is a certificate or a message in base64: its length says as much to a reader."""


def describe(name: str, answer: dict[str, Any], *, has_keystore: bool = True) -> Tree:
    """Make a tree of everything that is there; absent members are left out."""
    tree = Tree(f"[bold]{escape(name)}[/]")
    if duis := answer.get("duis"):
        _members(tree.add("[bold cyan]DUIS[/]"), duis)
        for certificate in answer.get("certificates") or ():
            _certificate(tree, certificate)
        for message in answer.get("messages") or ():
            _message(tree, message, has_keystore=has_keystore)
    elif answer.get("error") is None:
        _message(tree, answer, has_keystore=has_keystore)
    if (error := answer.get("error")) is not None:
        tree.add(f"[bold red]cannot be decoded:[/] {escape(str(error))}")
    return tree


def _certificate(tree: Tree, certificate: dict[str, Any]) -> None:
    branch = tree.add(f"[bold cyan]{escape(str(certificate['element']))}[/]")
    for name, value in certificate.items():
        if name != "element":
            branch.add(f"{name.replace('_', ' ')}: {escape(str(value))}")


def _proof(proof: str, message: dict[str, Any], *, has_keystore: bool) -> str:
    """Say whether a proof holds, or why nobody could tell."""
    valid = message[proof].get("valid")
    if valid is not None:
        return _PROOFS[bool(valid)]
    if not has_keystore:
        return "[yellow]not checked[/]: no --keystore is given"
    if proof == "signature":
        lacking = f"no digital-signature certificate of {message.get('originator_id')}"
    else:
        lacking = (
            "no private key-agreement key of the ACB or the device with the other's certificate"
        )
    return f"[yellow]not checked[/]: the keystore has {escape(lacking)}"


def _message(tree: Tree, message: dict[str, Any], *, has_keystore: bool) -> None:
    if (error := message.get("error")) is not None:
        tree.add(f"[bold red]cannot be decoded:[/] {escape(str(error))}")
        return
    title = " ".join(str(message[part]) for part in _TITLE if message.get(part))
    branch = tree.add(f"[bold cyan]{escape(title)}[/]")
    for proof in ("signature", "mac"):
        state = message.get(proof) or {}
        if state.get("present"):
            branch.add(f"{proof}: {_proof(proof, message, has_keystore=has_keystore)}")
    _members(branch, {key: value for key, value in message.items() if key not in _APART})
    if message.get("round_trip") is False:
        branch.add("[yellow]encoding it again gives other octets[/]")


def _members(branch: Tree, members: dict[str, Any]) -> None:
    for name, value in members.items():
        if value is None or value in ([], {}):
            continue
        label = escape(name.replace("_", " "))
        match value:
            case {"key_usage": _}:
                branch.add(f"{label}: {_cell(value)}")
            case dict():
                _members(branch.add(label), value)
            case [dict(), *_]:
                rows = branch.add(label)
                for one in value:
                    _row(rows, one)
            case list():
                branch.add(f"{label}: {', '.join(_text(one) for one in value)}")
            case _:
                branch.add(f"{label}: {_text(value)}")


def _row(rows: Tree, row: dict[str, Any]) -> None:
    match row:
        case {"existing_subject_unique_id": before, "replacing_subject_unique_id": after}:
            old, new = (
                row["existing_subject_key_identifier"],
                row["replacing_subject_key_identifier"],
            )
            branch = rows.add(f"{_cell(row)}: {escape(row['status'])}")
            branch.add(f"{before} {old}")
            branch.add(f"-> {after} {new}")
        case {"existing_subject_unique_id": holder}:
            rows.add(f"{_cell(row)}: {holder} {row['existing_subject_key_identifier']}")
        case {"subject_unique_id": holder, "key_usage": _}:
            branch = rows.add(_cell(row))
            branch.add(f"{holder} {row['subject_key_identifier']}, role {row['subject_role']}")
        case {"cells": list(cells), "role": role}:
            number = row.get("current_seq_number")
            branch = rows.add(f"{escape(role)}: {escape(row['status'])}, number {number}")
            for cell in cells:
                _row(branch, cell)
        case _:
            known = [f"{name.replace('_', ' ')} {_text(value)}" for name, value in row.items()]
            rows.add("  ".join(known))


def _cell(cell: dict[str, Any]) -> str:
    names = [cell.get("role"), cell["key_usage"], cell.get("cell_usage")]
    # Only a Supplier's cells have another usage than management.
    return escape(" ".join(name for name in names if name and name != "management"))


def _text(value: object) -> str:
    text = str(value)
    return escape(text) if len(text) <= _LONG else f"[dim]({len(text)} characters)[/]"
