"""Certificates and keys: whether they fit, how long they hold, and who may read them."""

import os
import stat
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from slotkeeper._core import Authority, CoreEngine
from slotkeeper.cli.check_config.finding import Finding, error, ok, warning
from slotkeeper.clock import system_clock
from slotkeeper.errors import ConfigurationError, SlotkeeperError
from slotkeeper.settings import Settings
from slotkeeper.settings.reading import read

_SOON_DAYS = 60
"""Before its end a certificate is told of: a renewal at the SMKI takes weeks."""

_ROOT = 0


def check_keys(settings: Settings) -> Iterator[Finding]:
    """Load all that a worker loads, then look at the files."""
    authority = _authority(settings)
    if isinstance(authority, Finding):
        yield authority
    else:
        for one in authority.describe():
            held = "key held" if one["key_held"] else "retired, no key"
            yield ok("acb", f"{one['key_usage']} {one['key_identifier']}, {held}")
        yield from _engine(settings, authority)
    for name, file in _certificates(settings):
        yield from _validity(name, file)
    for name, file in _private(settings):
        yield from _mode(name, file)


def check_lists(settings: Settings) -> Iterator[Finding]:
    """Say what is known of operators, authorities and persons."""
    if not settings.verify.issuing_certificates:
        yield warning(
            "verify.issuing_certificates",
            "is not set: an invented authority is believed, for devices and for those who take "
            "over a slot",
        )
    if not settings.parties.network_operators:
        yield warning(
            "parties.network_operators",
            "is not set: anybody but the ACB counts as a network operator, unless registers are "
            "kept",
        )
    try:
        named = persons(settings)
    except ConfigurationError as wrong:
        yield error("settings", str(wrong))
        return
    for name, algorithm, kid in named:
        yield ok("signer", f"{name}, {algorithm} {kid}")
    if len({name.lower() for name, _, _ in named}) == 1:
        yield warning(
            "adjustments.signers", "these name one person: nothing that takes two can be signed"
        )
    if settings.adjustments.dual_control and not named:
        yield warning(
            "adjustments.signers",
            "is not set: the two persons of adjustments.dual_control are claims",
        )


def persons(settings: Settings) -> Sequence[tuple[str, str, str]]:
    """Give name, algorithm and key of those who sign adjustments.

    Raises:
        ConfigurationError: Their file cannot be used.
    """
    signers = settings.signers()
    return [] if signers is None else signers.all()


def _authority(settings: Settings) -> Authority | Finding:
    try:
        return settings.authority()
    except ConfigurationError as wrong:
        return error("acb", str(wrong))


def _engine(settings: Settings, authority: Authority) -> Iterator[Finding]:
    """Try the files that go into the engine: authorities, operators, the evidence key."""
    try:
        settings.checkpoints(authority)
        CoreEngine(authority, settings=settings.engine_json(), threads=1)
    except SlotkeeperError as wrong:
        yield error("settings", str(wrong))


def _certificates(settings: Settings) -> Iterator[tuple[str, str]]:
    for usage in ("digital_signature", "key_agreement"):
        for number, pair in enumerate(getattr(settings.acb, usage)):
            if pair.key is not None:
                yield f"acb.{usage}[{number}].certificate", pair.certificate
    for file in settings.verify.issuing_certificates:
        yield "verify.issuing_certificates", file
    if settings.evidence.certificate:
        yield "evidence.certificate", settings.evidence.certificate


def _private(settings: Settings) -> Iterator[tuple[str, str]]:
    for usage in ("digital_signature", "key_agreement"):
        for number, pair in enumerate(getattr(settings.acb, usage)):
            if pair.key is not None:
                yield f"acb.{usage}[{number}].key", pair.key
    for name, file in (
        ("audit.key", settings.audit.key),
        ("evidence.key", settings.evidence.key),
        ("kafka.ssl_keyfile", (settings.kafka.model_extra or {}).get("ssl_keyfile")),
        (
            "kafka.sasl_oauth_token_file",
            (settings.kafka.model_extra or {}).get("sasl_oauth_token_file"),
        ),
    ):
        if file:
            yield name, str(file)


def _validity(name: str, file: str) -> Iterator[Finding]:
    try:
        certificates = x509.load_pem_x509_certificates(read(Path(file)))
    except (ConfigurationError, ValueError):
        return  # Whoever loads it for the worker has told what is wrong.
    now = datetime.fromtimestamp(system_clock() / 1_000, UTC)
    for certificate in certificates:
        ends = certificate.not_valid_after_utc
        if ends <= now:
            yield warning(name, f"{file} ended on {ends:%Y-%m-%d}: devices may refuse it")
        elif (ends - now).days < _SOON_DAYS:
            yield warning(name, f"{file} ends on {ends:%Y-%m-%d}, in {(ends - now).days} days")
        elif certificate.not_valid_before_utc > now:
            begins = certificate.not_valid_before_utc
            yield warning(name, f"{file} begins on {begins:%Y-%m-%d} only")


def _mode(name: str, file: str) -> Iterator[Finding]:
    try:
        status = os.stat(file)  # noqa: PTH116  # the file that a link leads to
    except OSError as wrong:
        yield error(name, f"{file} cannot be looked at: {wrong.strerror}")
        return
    mode = stat.S_IMODE(status.st_mode)
    if mode & stat.S_IRWXO:
        yield error(name, f"everyone has access to {file} (mode {mode:04o}): chmod 600 {file}")
    elif mode & stat.S_IRWXG and status.st_uid != _ROOT:
        yield error(
            name,
            f"a group has access to {file} (mode {mode:04o}), and root does not own it, as "
            f"mounted secrets are owned: chmod 600 {file}",
        )
    elif not os.access(file, os.R_OK):
        yield error(name, f"this account may not read {file}")
