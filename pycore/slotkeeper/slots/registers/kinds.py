"""The three registers: which members their records have, and how those are dated.

A record is taken apart into members, each with its value, when it was asserted and by which source:
a name, one identity, one period. Sources are united member by member, so that a delta that knows
one new period leaves the others alone, and the order of imports does not matter.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

EARLIER = "earlier"
"""Member of a record: what older or other sources than the record's own have asserted."""

MISSING = "missing_since"
"""Member of a record: the day from which a complete source no longer had it."""


class Held(NamedTuple):
    """A member's value.

    Attributes:
        value: As JSON has it.
        at: When it was asserted, RFC 3339 in UTC with microseconds; such texts sort by time.
        source: Who says so.
    """

    value: Any
    at: str
    source: str


Members: TypeAlias = dict[str, Held]
"""By path: ``kind``, ``eui64/90-B3-..``, ``dcc_user/2025-01-01``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """The form of a register's records.

    Attributes:
        name: As the command line calls it.
        stream: Where it is kept.
        scalars: Members with one value.
        sets: Members that are lists of texts.
        lists: Members that are lists of objects: those of their members that tell the entries
            apart, and the others.
        derived: Members that follow from others.
    """

    name: str
    stream: str
    scalars: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    lists: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)
    derived: tuple[str, ...] = ()


PARTIES = Register(
    name="parties",
    stream="gas-network-parties",
    scalars=("name", "kind", "by"),
    sets=("eui64",),
    lists={
        "dcc_user": (("from",), ("until",)),
        "exits": (("intent_on",), ("cancelled_on", "keys_kept_until")),
    },
    derived=("party_id",),
)
CERTIFICATES = Register(
    name="certificates",
    stream="smki-organisation-certificates",
    scalars=("certificate", "party_id"),
    lists={"status": (("from", "source"), ("code",))},
    derived=(
        "serial",
        "issuer",
        "subject_eui64",
        "role_code",
        "key_usage",
        "key_identifier",
        "sha1",
        "sha256",
        "not_before",
        "not_after",
    ),
)
REGISTRATIONS = Register(
    name="registrations",
    stream="gas-registrations",
    lists={"history": (("from",), ("gas_network_party", "gas_supplier"))},
    derived=("mprn",),
)


def members_of(register: Register, record: Mapping[str, Any]) -> Members:
    """Take a record apart; it has been checked before.

    One that was published by hand may not say when it was asserted: any source is newer.
    """
    at, source = record.get("asserted_at") or "", record.get("source") or ""
    earlier = record.get(EARLIER) or {}
    members: Members = {}
    for path, value in _paths(register, record):
        told = earlier.get(path) or {}
        members[path] = Held(value, told.get("asserted_at", at), told.get("source", source))
    return members


def _paths(register: Register, record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in register.scalars:
        if record.get(name) is not None:
            yield name, record[name]
    for name in register.sets:
        for value in record.get(name) or ():
            yield f"{name}/{value}", True
    for name, (keys, others) in register.lists.items():
        for entry in record.get(name) or ():
            path = "/".join((name, *(str(entry.get(key) or "") for key in keys)))
            yield path, {other: entry.get(other) for other in others}


def record_of(
    register: Register, derived: Mapping[str, Any], members: Members, missing: str | None
) -> dict[str, Any]:
    """Put a record together.

    Args:
        register: Its form.
        derived: The members that follow from others.
        members: At least one.
        missing: The day since which a complete source did not have it.
    """
    record: dict[str, Any] = dict(derived)
    for path in sorted(members):
        name, _, rest = path.partition("/")
        value = members[path].value
        if name in register.sets:
            record.setdefault(name, []).append(rest)
        elif name in register.lists:
            keys, _ = register.lists[name]
            told = dict(zip(keys, rest.split("/"), strict=True))
            record.setdefault(name, []).append({**told, **value})
        else:
            record[name] = value
    newest = max(members.values(), key=lambda held: (held.at, held.source))
    record["source"], record["asserted_at"] = newest.source, newest.at
    others = {
        path: {"asserted_at": held.at, "source": held.source}
        for path, held in sorted(members.items())
        if (held.at, held.source) != (newest.at, newest.source)
    }
    if others:
        record[EARLIER] = others
    if missing:
        record[MISSING] = missing
    return record
