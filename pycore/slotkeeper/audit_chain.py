"""Follows the chain of one partition's audit records, and names the first that does not fit."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from slotkeeper.engine.port import AuditHead

FINDINGS_KEPT = 20
"""Of a partition; one that was rewritten has as many as records."""

DIGEST_OCTETS = sha256().digest_size


@dataclass(frozen=True, slots=True)
class Anchor:
    """What somebody apart from the trail knows of it: number and SHA-256 of one of its records.

    Attributes:
        who: That.
        head: What it knows.
        is_outside: Whether it stands outside the store, so that who writes the store cannot make it
            fit.
    """

    who: str
    head: AuditHead
    is_outside: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was written.

    Attributes:
        offset: Of the record; of the first one after those that were removed; of the trail's last
            one where its end is missing.
        what: "altered", "removed", "put in", "moved", "rewritten" or "cut".
        detail: The same as a sentence.
        since: Of what was rewritten, the offset after which the first such record stands.
    """

    offset: int
    what: str
    detail: str
    since: int | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """What of a record the chain is about.

    Attributes:
        offset: Where it stands.
        number: None where it has none that can be read.
        previous: The SHA-256 that it names; None where it names none.
        digest: SHA-256 of its value.
    """

    offset: int
    number: int | None
    previous: bytes | None
    digest: bytes

    def follows(self, before: "Link") -> bool:
        """Say whether this is the record after that one."""
        return (
            before.number is not None
            and self.number == before.number + 1
            and self.previous == before.digest
        )


def _read(value: bytes) -> Mapping[str, Any]:
    try:
        entry = orjson.loads(value)
    except orjson.JSONDecodeError:
        return {}
    return entry if isinstance(entry, dict) else {}


def _link(offset: int, entry: Mapping[str, Any], value: bytes) -> Link:
    number, previous = None, None
    try:
        number, previous = _number(entry), _previous(entry)
    except (TypeError, LookupError, ValueError):
        number = None
    return Link(offset, number, previous, sha256(value).digest())


@dataclass(frozen=True, slots=True)
class Signed:
    """What a checkpoint says of the record before it.

    Attributes:
        head: Number and SHA-256 of that record.
        is_valid: Whether its signature is; None where nobody checked.
    """

    head: AuditHead | None
    is_valid: bool | None


class ChainCheck:
    """Takes the records of one partition in their order, then says what was found.

    Attributes:
        records: How many were taken.
        unlinked: How many stood before the chain began, of a version that knew none.
        first: The first record of the chain that stands there.
        last: The last one.
        findings: The first ones.
        more: How many more there are.
        agreed: Anchors that were met, each with whether it agrees; not those of checkpoints.
        checkpoints: How many checkpoints there are.
        signed: How many of them have a valid signature.
        signed_up_to: The last of these.
    """

    def __init__(
        self,
        anchors: Iterable[Anchor] = (),
        signed: Callable[[Mapping[str, Any]], Signed | None] = lambda _: None,
    ) -> None:
        """Compare with what is known apart from the trail; ``signed`` reads checkpoints."""
        self.checkpoints = 0
        self.signed = 0
        self.signed_up_to: Link | None = None
        self._read_signed = signed
        self.records = 0
        self.unlinked = 0
        self.first: Link | None = None
        self.last: Link | None = None
        self.findings: list[Finding] = []
        self.more = 0
        self.agreed: list[tuple[Anchor, bool]] = []
        self._anchors = list(anchors)
        self._held: Link | None = None
        self._sure: Link | None = None
        """The last record up to which an anchor has agreed."""
        self._before: Link | None = None
        self._last_unlinked = 0
        """Where the last record stands of those before the chain."""

    def take(self, offset: int, value: bytes | None) -> None:
        """Take the next record."""
        self.records += 1
        entry = _read(value or b"")
        link = _link(offset, entry, value or b"")
        if self._held is not None:
            self._judge(self._held, link)
        if self.last is None:
            self._begin(link)
        elif link.follows(self.last):
            self._go_on(link)
        else:
            # What is wrong shows by the record after it.
            self._held = link
        self._take_signed(link, entry)

    def _take_signed(self, link: Link, entry: Mapping[str, Any]) -> None:
        """Compare what a checkpoint says of the record before it with that record."""
        signed = self._read_signed(entry)
        if signed is None:
            return
        self.checkpoints += 1
        if signed.is_valid is None:
            return
        if not signed.is_valid:
            self._find(link.offset, "altered", "the checkpoint's signature is false")
        elif self.last is link:
            # Else what is wrong is found by the chain.
            self.signed += 1
            before = self._before
            if before is not None and signed.head != (before.number, before.digest):
                self._contradict(f"the checkpoint at offset {link.offset}", before)
            else:
                self._sure = self.signed_up_to = link

    def finish(self) -> None:
        """Say what the end tells: nothing comes after it."""
        if self._held is not None:
            self._judge(self._held, None)
        for anchor in self._anchors:
            number, digest = anchor.head
            if self.first is not None and self.first.number == number + 1:
                self._compare(anchor, self.first, self.first.previous == digest)
            elif self.last is None and self.unlinked:
                self._find(
                    self._last_unlinked,
                    "altered",
                    f"{anchor.who} knows record number {number}, and no record here names another",
                )
            elif self.last is not None and (self.last.number or 0) < number:
                self._find(
                    self.last.offset,
                    "cut",
                    f"{anchor.who} knows a record number {number}, and the trail ends with number "
                    f"{self.last.number}: its end was removed",
                )
        self._anchors = []

    def _begin(self, link: Link) -> None:
        if link.number is None:
            self.unlinked += 1
            self._last_unlinked = link.offset
            return
        self.first = link
        if self.unlinked and link.number != 1:
            self._find(
                link.offset,
                "altered",
                f"the chain begins with number {link.number}, and the {self.unlinked} records "
                "before it name none: they were altered or put in",
            )
        if (link.number == 1) != (link.previous is None):
            self._find(
                link.offset,
                "altered",
                f"the first record has number {link.number}, which does not fit what it names",
            )
        self._go_on(link)

    def _go_on(self, link: Link) -> None:
        self._before, self.last = self.last, link
        for anchor in [each for each in self._anchors if each.head[0] == link.number]:
            self._anchors.remove(anchor)
            self._compare(anchor, link, anchor.head[1] == link.digest)

    def _compare(self, anchor: Anchor, link: Link, agrees: bool) -> None:  # noqa: FBT001
        self.agreed.append((anchor, agrees))
        if agrees:
            self._sure = link
        else:
            self._contradict(anchor.who, link)

    def _contradict(self, who: str, link: Link) -> None:
        since = None if self._sure is None else self._sure.offset
        where = "before it" if since is None else f"between it and offset {since}"
        detail = (
            f"{who} knows another record number {link.number}: this one was altered, or "
            f"something {where} was altered, removed or put in and what follows was made to fit"
        )
        self._find(link.offset, "rewritten", detail, since)

    def _judge(self, held: Link, after: Link | None) -> None:
        """Say what is wrong with a record that does not follow the one before it."""
        self._held = None
        last = self.last
        if last is None or last.number is None:
            raise AssertionError("only a record with a number is followed")
        expected = last.number + 1
        if after is not None and after.follows(last):
            self._find(
                held.offset, "put in", f"it stands between number {last.number} and the next"
            )
            return
        if held.number is None:
            self._find(held.offset, "altered", f"it names no record, and number {expected} was due")
            held = Link(held.offset, expected, held.previous, held.digest)
        elif held.number > expected:
            self._find(
                held.offset,
                "removed",
                f"number {last.number} at offset {last.offset} is followed by number "
                f"{held.number}: {held.number - expected} records between them are missing",
            )
        elif held.number == expected:
            self._altered(last, held, after)
        elif held.number == last.number and self._is_after_the_one_before(held):
            self._find(
                last.offset, "put in", f"the record number {held.number} stands at {held.offset}"
            )
        else:
            self._find(
                held.offset,
                "moved",
                f"number {held.number} stands after number {last.number}: it was moved or put in, "
                "or a new chain begins, which an owner of the partition never does",
            )
        self._go_on(held)

    def _is_after_the_one_before(self, held: Link) -> bool:
        return held.previous == (None if self._before is None else self._before.digest)

    def _altered(self, last: Link, held: Link, after: Link | None) -> None:
        """Say which of two is altered: the number fits, and the SHA-256 does not."""
        known = [a.head[1] for a in self._anchors if a.head[0] == held.number]
        is_held_sound = held.digest in known if after is None else after.follows(held)
        if is_held_sound:
            detail = f"number {held.number} at offset {held.offset} names another SHA-256"
        else:
            detail = (
                f"it, or number {held.number} after it at offset {held.offset}, is not what it was"
            )
        self._find(last.offset, "altered", detail)

    def _find(self, offset: int, what: str, detail: str, since: int | None = None) -> None:
        if len(self.findings) < FINDINGS_KEPT:
            self.findings.append(Finding(offset, what, detail, since))
        else:
            self.more += 1

    def not_excluded(self) -> Sequence[str]:
        """Say what may have happened although nothing was found."""
        told = []
        if self.unlinked:
            told.append(
                f"{self.unlinked} records stand before the chain, of a version that knew none: "
                "nothing is known of them"
            )
        if self.checkpoints and self.signed_up_to is None:
            told.append(f"{self.checkpoints} checkpoints are not checked: give --certificate")
        outside = self.signed_up_to or any(anchor.is_outside for anchor, _ in self.agreed)
        if not outside:
            told.append(
                "neither a witness nor a checkpoint vouches for it: who can write trail and "
                "changelog can have made both anew"
            )
        number = None if self.first is None else self.first.number
        if number is None:
            told.append("the trail holds no record of a chain: retention, or somebody, removed all")
        elif number > 1:
            told.append(
                f"the records before number {number} are not there: retention, or somebody, "
                "removed them"
            )
        return told


def _number(entry: Mapping[str, Any]) -> int:
    number = entry["number"]
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ValueError(number)
    return number


def _previous(entry: Mapping[str, Any]) -> bytes | None:
    named = entry["previous"]
    if named is None:
        return None
    previous = bytes.fromhex(named)
    if len(previous) != DIGEST_OCTETS:
        raise ValueError(named)
    return previous
