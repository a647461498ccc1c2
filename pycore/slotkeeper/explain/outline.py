"""A story as a tree: for a terminal of 80 columns, and for pages.

No line is longer than what an EUI-64, or a RequestID, needs, so that both can be copied whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from slotkeeper.explain.codes import FLAGS
from slotkeeper.explain.story import Json, Story
from slotkeeper.explain.times import moment
from slotkeeper.explain.verdict import parked, record_name, told, unanswered

_CELLS = {"digital_signature": "digital signature", "key_agreement": "key agreement"}
_USAGES = {"digitalSignature": "digital signature", "keyAgreement": "key agreement"}
_PROOFS = {"valid": "signature valid", "invalid": "signature FALSE", "unchecked": "not checked"}


@dataclass(slots=True)
class Node:
    """A line, and what stands under it.

    Attributes:
        text: Plain, as it came from the streams: whoever shows it makes it safe.
        kind: ``device``, ``heading``, ``decision``, ``fault`` or empty, for whoever has colours.
        below: In order.
    """

    text: str
    kind: str = ""
    below: list["Node"] = field(default_factory=list)

    def add(self, text: str, kind: str = "") -> "Node":
        """Put a line under this one; gives it."""
        node = Node(text, kind)
        self.below.append(node)
        return node


def outline(story: Story, *, brief: bool = False) -> Node:
    """Give the whole story; the brief one has a line for each decision, and its time."""
    root = Node(story.device_id, "device")
    _add_state(root, story)
    decisions = story.standing()
    _add_waiting(root, decisions)
    _add_parked(root, story, decisions)
    for letter in story.dead_letters:
        node = root.add(f"dead letter: {letter.get('fault')}", "fault")
        node.add(f"{letter.get('stream')} {letter.get('partition')}:{letter.get('offset')}")
        if letter.get("detail"):
            node.add(str(letter["detail"]))
    if story.left_out:
        root.add(f"{story.left_out} older decisions are not shown")
    for decision in story.decisions:
        if decision.get("disposition") is None:
            _add_other(root, decision)
        elif brief:
            _add_brief(root, decision)
        else:
            _add_decision(root, decision)
    return root


def _add_state(root: Node, story: Story) -> None:
    for role in story.damaged_roles:
        root.add(f"{role}: numbers unknown, a record of it was damaged", "fault")
    record = story.record
    if record is None:
        if not story.damaged_roles:
            root.add("nothing is known of this device" if story.is_empty else "no record is kept")
        return
    if record["dropped_from_inventory"]:
        root.add("no longer in the inventory", "fault")
    for role, marks in record["roles"].items():
        node = root.add(role, "heading")
        for mark in ("recorded", "seen", "issued"):
            node.add(f"{mark}: {'unknown' if marks[mark] is None else marks[mark]}")
        for usage, cell in marks["slot"].items():
            _add_cell(node, _CELLS.get(usage, usage), cell)
        if marks["exhausted"]:
            node.add("exhausted: no command can be numbered above this", "fault")


def _add_cell(node: Node, usage: str, cell: Json | None) -> None:
    if cell is None or cell["occupant"] is None:
        node.add(f"{usage} cell: unknown")
        return
    holder = cell["occupant"]
    proof = "" if cell["verified"] else ", not verified"
    at = node.add(f"{usage} cell: {holder['subject_unique_id']}{proof}")
    if holder["subject_key_identifier"]:
        at.add(f"key identifier {holder['subject_key_identifier']}")
    if cell["device_time"]:
        at.add(f"since {moment(cell['device_time'])}, by the device's clock")


def _add_waiting(root: Node, decisions: list[Json]) -> None:
    for one in unanswered(decisions):
        node = root.add(f"waits for an answer: command {one.get('originator_counter')}", "fault")
        node.add(f"since {moment(one.get('decided_at'))}")


def _add_parked(root: Node, story: Story, decisions: list[Json]) -> None:
    known = {(one.get("stream"), one.get("offset")): one for one in parked(decisions)}
    waiting = [
        (one["reason"], one["stream"], one["offset"], known.pop((one["stream"], one["offset"]), {}))
        for one in story.parked
    ]
    if story.record is None:
        # An export has no changelog: the decisions tell what waits.
        waiting += [(one.get("reason"), *place, one) for place, one in known.items()]
    for reason, stream, offset, decision in waiting:
        node = root.add(f"parked {reason}: {stream} offset {offset}", "fault")
        if decision:
            node.add(f"since {moment(decision.get('decided_at'))}")
            said = told(decision)
            node.add(f"{said.cause}.")
            node.add(said.advice)


def _add_brief(root: Node, decision: Json) -> None:
    number = _number(decision)
    what = f"{decision['disposition']} {decision.get('reason')}"
    node = root.add(f"{what}{f', number {number}' if number else ''}", "decision")
    node.add(moment(decision.get("decided_at")))
    for line in _adjusted(decision.get("adjusted")):
        node.add(line)


def _add_decision(root: Node, decision: Json) -> None:
    what = record_name(decision)
    again = " decided again" if decision.get("kind") == "redecision" else ""
    number = _number(decision)
    node = root.add(f"{what}{again}{f', number {number}' if number else ''}", "heading")
    node.add(f"{decision['disposition']} {decision.get('reason')}", "decision")
    for line in _lines(decision):
        node.add(line)


def _add_other(root: Node, decision: Json) -> None:
    """Acknowledgements and other records of the audit trail that decide nothing."""
    node = root.add(str(decision.get("kind")), "heading")
    for member in ("reason", "detail"):
        if decision.get(member):
            node.add(str(decision[member]))


def _lines(decision: Json) -> Iterator[str]:
    if decision.get("decided_at"):
        yield moment(decision["decided_at"])
    yield f"{decision.get('stream')} {decision.get('partition')}:{decision.get('offset')}"
    if decision.get("request_id"):
        yield str(decision["request_id"])
    yield from _of_message(decision)
    if decision.get("detail"):
        yield str(decision["detail"])
    yield from _numbers(decision)
    slot = decision.get("slot")
    if isinstance(slot, dict):
        yield f"slot {slot.get('state')}"
    for flag in decision.get("flags") or ():
        yield f"{flag}: {FLAGS.get(flag, 'not known to this version')}"
    yield from _adjusted(decision.get("adjusted"))
    if decision.get("kind") == "redecision":
        yield f"because of {decision.get('cause_stream')} {decision.get('cause_offset') or ''}"


def _of_message(decision: Json) -> Iterator[str]:
    message = decision.get("message")
    if isinstance(message, dict):
        proof = _PROOFS.get(str(message.get("signature")), str(message.get("signature")))
        yield f"{message.get('kind')} {message.get('message_code')}, {proof}"
    for cell in decision.get("cells") or ():
        usage = _USAGES.get(str(cell.get("key_usage")), str(cell.get("key_usage")))
        yield f"{usage} cell: {cell.get('status')}"
        existing, replacing = (
            cell.get(f"{which}_subject_unique_id") for which in ("existing", "replacing")
        )
        yield f"{existing} -> {replacing}"
    if decision.get("cells_left_out"):
        yield f"{decision['cells_left_out']} further cells"


def _numbers(decision: Json) -> Iterator[str]:
    numbers = (
        f"{name} {decision[member]}"
        for name, member in (
            ("recorded", "recorded_counter"),
            ("seen", "seen_counter"),
            ("issued", "originator_counter"),
        )
        if decision.get(member)
    )
    yield from numbers
    if decision.get("evidence"):
        yield f"evidence: {decision['evidence']}"


def _adjusted(adjusted: dict[str, Any] | None) -> Iterator[str]:
    """Tell who raised a number, and why."""
    if not isinstance(adjusted, dict):
        return
    by = "signed by" if adjusted.get("signed") else "by"
    yield f"{adjusted.get('kind')} at least {adjusted.get('at_least') or 'what it lists'}"
    yield f"{by} {', '.join(map(str, adjusted.get('by') or ())) or 'nobody named'}"
    for member in ("reason", "source"):
        if adjusted.get(member):
            yield f"{member}: {adjusted[member]}"


def _number(decision: Json) -> object:
    message = decision.get("message")
    message = message if isinstance(message, dict) else {}
    return (
        decision.get("originator_counter")
        or message.get("authorising_seq_number")
        or message.get("header_counter")
    )
