"""A device's story, told on a terminal of 80 columns, or for a program."""

from typing import Any

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from slotkeeper.explain.outline import Node, outline
from slotkeeper.explain.sentence import Sentence
from slotkeeper.explain.story import Story
from slotkeeper.explain.verdict import unanswered, verdict

_STYLES = {
    "device": "bold",
    "heading": "cyan",
    "decision": "bold",
    "fault": "yellow",
}


def print_story(
    console: Console, story: Story, request_id: str | None = None, *, brief: bool = False
) -> None:
    """Print cause, actor and advice, then the tree."""
    _print_verdict(console, verdict(story, request_id))
    console.print()
    console.print(tree_of(outline(story, brief=brief)))


def story_json(story: Story, request_id: str | None = None) -> dict[str, Any]:
    """Give the same for a program to read."""
    said = verdict(story, request_id)
    return {
        "device_id": story.device_id,
        "request_id": request_id,
        "cause": said.cause,
        "next": said.actor,
        "retryable": said.retryable,
        "advice": said.advice,
        "record": story.record,
        "damaged_roles": story.damaged_roles,
        "waiting": unanswered(story.standing()),
        "parked": story.parked,
        "dead_letters": story.dead_letters,
        "left_out": story.left_out,
        "history": story.decisions,
    }


def tree_of(node: Node) -> Tree:
    """Give a tree for the terminal; its texts are no markup."""
    tree = Tree(Text(node.text, style=_STYLES.get(node.kind, "")))
    for below in node.below:
        tree.children.append(tree_of(below))
    return tree


def _print_verdict(console: Console, said: Sentence) -> None:
    console.print(Text(said.line, style="bold"))
    console.print(Text(f"{said.retry} {said.advice}"))
