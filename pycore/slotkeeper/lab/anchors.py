"""Trust Anchor Cells of an emulated device, and what may be placed in them (GBCS 12, RFC 5280)."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from slotkeeper.lab import certificates
from slotkeeper.lab.outcomes import Occupant
from slotkeeper.lab.terms import Cell, CellUsage, Eui64, KeyUsage, Mode, Role, Status

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from slotkeeper.lab.commands import CommandPayload, Replacement
    from slotkeeper.lab.pki import Organisation, Pki

__all__ = [
    "ACB_AGREEMENT",
    "ROOT",
    "cells_of",
    "factory_anchors",
    "occupant",
    "operator_cell",
    "placement_status",
    "targets_of",
]

ROOT = Cell(Role.ROOT, KeyUsage.KEY_CERT_SIGN)
"""The cell of the root certificate."""

ACB_AGREEMENT = Cell(Role.ACCESS_CONTROL_BROKER, KeyUsage.KEY_AGREEMENT)
"""The cell whose key takes part in every MAC."""

_NOBODY = Occupant(Eui64.of(0), bytes(8))


def operator_cell(key_usage: KeyUsage) -> Cell:
    """Name a Network Operator cell."""
    return Cell(Role.NETWORK_OPERATOR, key_usage)


def cells_of(role: Role, organisation: Organisation) -> dict[Cell, bytes]:
    """Give the certificates with which ``organisation`` occupies the slot of ``role``.

    The ACB may occupy the slot of another role: that is a slot handed back.
    """
    found = {
        Cell(role, KeyUsage.DIGITAL_SIGNATURE): organisation.digital_signature.certificate,
        Cell(role, KeyUsage.KEY_AGREEMENT): organisation.key_agreement.certificate,
    }
    if role is Role.SUPPLIER:
        top_up = organisation.top_up or organisation.key_agreement
        cell = Cell(role, KeyUsage.KEY_AGREEMENT, CellUsage.PRE_PAYMENT_TOP_UP)
        found[cell] = top_up.certificate
    return found


def factory_anchors(
    pki: Pki, *, operator: Organisation, supplier: Organisation, acb: Organisation
) -> dict[Cell, bytes]:
    """Give a GPF's cells: root, recovery, ACB, transitional CoS, supplier and Network Operator."""
    anchors = {ROOT: pki.root.certificate}
    for role, holder in (
        (Role.RECOVERY, pki.organisation(Role.RECOVERY)),
        (Role.SUPPLIER, supplier),
        (Role.NETWORK_OPERATOR, operator),
        (Role.ACCESS_CONTROL_BROKER, acb),
        (Role.TRANSITIONAL_COS, pki.organisation(Role.TRANSITIONAL_COS)),
    ):
        anchors |= cells_of(role, holder)
    return anchors


def occupant(certificate: bytes | None) -> Occupant:
    """Name a cell's occupant as an outcome does; the root certificate has an EUI of zero octets."""
    if certificate is None:
        return _NOBODY
    details = certificates.read(certificate)
    return Occupant(details.subject_unique_id or Eui64.of(0), details.key_identifier)


def targets_of(mode: Mode) -> frozenset[Role]:
    """Tell whose cells a command of this mode may change."""
    if mode is Mode.ANY_BY_CONTINGENCY:
        return frozenset(Role)
    if mode is Mode.ANY_EXCEPT_ABNORMAL_ROOT_BY_RECOVERY:
        return frozenset(Role) - {Role.ROOT}
    if mode is Mode.SUPPLIER_BY_TRANS_COS:
        return frozenset({Role.SUPPLIER})
    if mode in (Mode.ROOT_BY_SUPPLIER, Mode.ROOT_BY_WAN_PROVIDER):
        return frozenset({Role.ROOT})
    return frozenset({mode.authorising_role})


def placement_status(
    replacement: Replacement,
    command: CommandPayload,
    root: bytes,
    *,
    at: datetime,
    guests: Iterable[Role],
) -> Status:
    """Judge one replacement as the device does, without placing it.

    Args:
        replacement: certificate and target.
        command: the command that carries it.
        root: the certificate of the root cell.
        at: the device's clock.
        guests: roles whose cells may also hold ACB certificates.
    """
    target = replacement.target
    if target.role not in targets_of(command.mode):
        return Status.OTHER
    try:
        subject = certificates.read(replacement.certificate)
        path = tuple(certificates.read(one) for one in command.path)
    except ValueError:
        return Status.BAD_CERTIFICATE
    roles = {target.role}
    if target.role in guests:
        roles.add(Role.ACCESS_CONTROL_BROKER)
    if subject.key_usage is not target.key_usage or subject.subject_role not in roles:
        return Status.BAD_CERTIFICATE
    issuer = _issuer(replacement.certificate, command.path, root)
    if issuer is None:
        return Status.NO_TRUST_ANCHOR
    chain = (subject, *(one for one in path if one.octets == issuer))
    if command.apply_time_checks and not all(
        one.not_before <= at <= one.not_after for one in chain
    ):
        return Status.BAD_CERTIFICATE
    return Status.SUCCESS


@functools.lru_cache(maxsize=16_384)
def _issuer(certificate: bytes, path: tuple[bytes, ...], root: bytes) -> bytes | None:
    subject, anchor = certificates.read(certificate), certificates.read(root)
    for octets in path:
        authority = certificates.read(octets)
        if subject.issued_by(authority) and authority.issued_by(anchor):
            return octets
    return None
