"""Who asks, in which roles, and what such a person may see."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Self, TypeAlias, cast

from slotkeeper.errors import ConfigurationError

RoleKind: TypeAlias = Literal["DCC", "AUDITOR", "SUPPLIER", "GNP"]

_ROLE = re.compile(r"(DCC|AUDITOR)|(SUPPLIER|GNP):([A-Z0-9_-]{1,16})")
"""A party's id is as in the registers."""

MAX_NAME = 200
"""Characters of a person's name: that of an e-mail address, with room."""


@dataclass(frozen=True, slots=True, order=True)
class Role:
    """What somebody is here.

    Attributes:
        kind: DCC and AUDITOR see everything, SUPPLIER and GNP what is their own.
        party_id: Whose, of SUPPLIER and GNP; else empty.
    """

    kind: RoleKind
    party_id: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``DCC``, ``AUDITOR``, ``SUPPLIER:ID`` or ``GNP:ID``.

        Raises:
            ConfigurationError: It is none of these.
        """
        found = _ROLE.fullmatch(text)
        if found is None:
            raise ConfigurationError(
                f"{text!r} is no role: there are DCC, AUDITOR, SUPPLIER:ID and GNP:ID"
            )
        return cls(cast("RoleKind", found[1] or found[2]), found[3] or "")

    def __str__(self) -> str:
        """Write it as it is read."""
        return f"{self.kind}:{self.party_id}" if self.party_id else self.kind


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with one or several roles.

    Attributes:
        name: As the access log has it.
        roles: At least one.
    """

    name: str
    roles: frozenset[Role]

    @classmethod
    def of(cls, name: str, roles: Iterable[str]) -> Self:
        """Make one of texts.

        Raises:
            ConfigurationError: No role, an unknown one, or a name that is none.
        """
        if not name or len(name) > MAX_NAME or not name.isprintable():
            raise ConfigurationError("a person needs a printable name of at most 200 characters")
        read = frozenset(map(Role.parse, roles))
        if not read:
            raise ConfigurationError(f"{name} has no role")
        return cls(name, read)

    @property
    def sees_all(self) -> bool:
        """Whether every device and every party may be seen."""
        return any(role.kind in ("DCC", "AUDITOR") for role in self.roles)

    @property
    def may_act(self) -> bool:
        """Whether signed acts may be handed in; an auditor only looks."""
        return any(role.kind == "DCC" for role in self.roles)

    @property
    def suppliers(self) -> list[str]:
        """Of which suppliers the devices may be seen."""
        return sorted(role.party_id for role in self.roles if role.kind == "SUPPLIER")

    @property
    def parties(self) -> list[str]:
        """Of which network parties the devices may be seen."""
        return sorted(role.party_id for role in self.roles if role.kind == "GNP")

    @property
    def described(self) -> str:
        """Name the roles, for the log and the page's head."""
        return ", ".join(map(str, sorted(self.roles)))


LOOKS_ALL = Person("the console itself", frozenset({Role("DCC")}))
"""For what the console works out beforehand, whoever asks later."""
