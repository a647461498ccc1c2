"""A file outside the store that remembers how far the store had come.

It can only veto. It is written after each commit, so it may lag behind the store and never leads:
a store that is behind its witness has lost committed records, by a restored backup or a lost disk.
Each host has its own, and what it says only ever rises: an older or another store gets a place in
it by an operator's acknowledgement alone, which stands in the store and holds for all witnesses.
"""

import contextlib
import errno
import fcntl
import json
import os
import stat
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

from .errors import (
    UNREADABLE,
    LockedError,
    StoppedForOperatorError,
    WitnessUnavailableError,
    WrongUseError,
)

VERSION = 2
"""Of the file's form. A newer one is refused, since it might say what this one cannot read. Form 1
knows no chain of audit records."""

MOST_OCTETS = 16 << 20
"""Some 250 octets a partition, and there may be 2^15 of them: twice that."""

NEW, USED_BY = ".new", "-worker"
"""End the names of what is put beside the file: the next one, and the lock of who uses it."""

STORE_SUFFIXES = ("", "-wal", "-shm", "-journal", "-worker")
"""End the names of a SQLite store's files."""

LOCK_S = 5.0
"""How long to wait for another process that writes the file, which takes it some milliseconds."""

MOST_LOSSES = 2**32 - 1
"""As many as the changelog's positions can say."""

FORGIVEN_KEPT = 16
"""Acknowledgements that a store remembers for witnesses of hosts that were away meanwhile."""


Head: TypeAlias = tuple[int, bytes]
"""The last record of an output whose writer chains its records: its number, and SHA-256."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """How far a partition's changelog had come.

    Attributes:
        incarnation: Of the store that was seen; empty for one in which nothing was committed yet.
        end: The offset after the last committed changelog record.
        losses: How often commits were lost and an operator let the partition go on. An older copy
            of the store knows less of that than happened.
        audit: The last audit record that was seen; None before the first.
    """

    incarnation: str
    end: int
    losses: int = 0
    audit: Head | None = None

    def after(self, before: "Sighting | None") -> "Sighting":
        """Give what stands after this was seen: the losses never fall.

        The last audit record stays where this tells none and is of the same store.
        """
        if before is None:
            return self
        is_same = before.incarnation == self.incarnation
        audit = self.audit or (before.audit if is_same else None)
        return replace(self, losses=max(self.losses, before.losses), audit=audit)


_ADVICE = (
    ". Put the newest copy of the store back; or, if there is none, raise what is known to have "
    "been issued since, and acknowledge with a reason"
)

NOTHING_YET = Sighting("", 0)
"""Seen of a partition whose store has no incarnation before its first commit."""


class ServedTwiceError(StoppedForOperatorError):
    """A copy of the store is served as well; neither knows what the other one gives out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What a partition's store says of itself to a witness.

    Attributes:
        seen: Its incarnation and the changelog's end.
        new: Whether nothing was ever committed.
        beside: Whether something was committed to other partitions, as far as that is told: then a
            witness that is missing altogether was lost, and is no new store's.
        forgiven: What operators have acknowledged, the oldest first: the incarnation that ended
            with it, and the position in the changelog up to which the store still knew it.
    """

    seen: Sighting
    new: bool
    beside: bool = False
    forgiven: tuple[Sighting, ...] = ()

    def acknowledged(self, witnessed: Sighting | None) -> tuple[Sighting, ...]:
        """Give what is forgiven once an operator accepts the store as it is.

        Args:
            witnessed: What this host's witness has seen, which may be of another store.
        """
        added = [self.seen]
        if witnessed is not None and witnessed.incarnation != self.seen.incarnation:
            added.append(witnessed)
        named = [each for each in added if each.incarnation]
        return (*self.forgiven, *named)[-FORGIVEN_KEPT:]


class Witness:
    """The witness file of one store. Blocks; not for the event loop."""

    def __init__(self, path: Path) -> None:
        """Take a path, which may be a symbolic link: the file that it leads to is the witness."""
        self._path = Path(os.path.realpath(path))
        self._known: dict[int, Sighting] = {}

    def refuse_files_of(self, store: Path) -> None:
        """Keep the witness off the files of a store: it would replace them, or wait for them.

        Args:
            store: A database, without symbolic links.

        Raises:
            WrongUseError: The witness, or what is put beside it, is one of them.
        """
        own = {self._beside(suffix) for suffix in ("", NEW, USED_BY)}
        if own & {store.with_name(store.name + suffix) for suffix in STORE_SUFFIXES}:
            raise WrongUseError(
                f"the witness {self._path} is, or is written beside, a file of the store {store} "
                "itself: give it a name of its own, on another disk"
            )

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Be the only worker whose store has this witness, for as long as the context lasts.

        Two copies of one store know nothing of each other, and would both agree with it.

        Raises:
            LockedError: Another worker has it.
            WitnessUnavailableError: The lock's file is not the worker's.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        path = self._beside(USED_BY)
        try:
            descriptor = os.open(path, flags, 0o644)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.EROFS}:
                # Where it cannot be made the witness cannot be written either, which says why.
                yield
                return
            raise WitnessUnavailableError(
                f"{path} cannot be opened ({error.strerror}), by which a witness has one store at "
                "a time: give it to the worker's account, or remove it while no worker runs"
            ) from error
        try:
            self._use(descriptor)
            yield
        finally:
            os.close(descriptor)

    def objection(self, partition: int, presence: Presence) -> str:
        """Say what speaks against the store as it stands; empty if nothing does.

        Raises:
            StoppedForOperatorError: The file cannot be understood.
            WitnessUnavailableError: The file cannot be read.
            WrongUseError: It is no file, or one with a second name.
        """
        return self.as_of_now()(partition, presence)

    def as_of_now(self) -> Callable[[int, Presence], str]:
        """Read the file, and give what says what it has against a store that is looked at later.

        A commit in between makes the store newer, and contradicts nothing. The other way round a
        store that is served would seem to be behind.

        Raises:
            StoppedForOperatorError: The file cannot be understood.
            WitnessUnavailableError: The file cannot be read.
            WrongUseError: It is no file, or one with a second name.
        """
        with self._as_it_is() as seen:
            kept = None if seen is None else dict(seen)
        return partial(self._objection, seen=kept)

    def admit(self, partition: int, presence: Presence) -> Sighting:
        """Let a store be served that the witness does not contradict; gives what is seen now.

        The file is written in any case: one that cannot be is found before anything is issued. A
        new store's is made. Gives the last audit record that was seen of this very store.

        Raises:
            StoppedForOperatorError: It contradicts the store, is missing, or cannot be understood.
            WitnessUnavailableError: It cannot be read, or not written.
            WrongUseError: It is no file, or one with a second name.
        """
        with self._as_it_is() as seen:
            objection = self._objection(partition, presence, seen)
            if objection:
                if seen is not None and partition in seen:
                    objection += _ADVICE
                raise StoppedForOperatorError(objection, partition=partition)
            now = presence.seen.after((seen or {}).get(partition))
            self._write({**(seen or {}), partition: now})
            self._known[partition] = now
            return now

    def seen(self) -> Mapping[int, Sighting]:
        """Give what was seen, by partition; empty where there is no file.

        Raises:
            StoppedForOperatorError: The file cannot be understood.
            WitnessUnavailableError: It cannot be read.
            WrongUseError: It is no file, or one with a second name.
        """
        with self._as_it_is() as seen:
            return seen or {}

    def accept(self, partition: int) -> Sighting:
        """Let the next record of a partition be of another incarnation: an operator said so.

        Gives what was seen so far.

        Raises:
            StoppedForOperatorError: The file is missing, or cannot be understood.
            WitnessUnavailableError: It cannot be read, or not written.
            WrongUseError: It is no file, or one with a second name.
        """
        with self._as_it_is() as seen:
            if seen is None or partition not in seen:
                raise StoppedForOperatorError(self._missing(partition), partition=partition)
            self._write(seen)
            self._known[partition] = seen[partition]
            return seen[partition]

    def begin(self, present: Mapping[int, Sighting]) -> list[int]:
        """Write down what is present where nothing was seen yet; gives these partitions.

        Raises:
            StoppedForOperatorError: The file cannot be understood.
            WitnessUnavailableError: It cannot be read, or not written.
            WrongUseError: It is no file, or one with a second name.
        """
        with self._as_it_is() as seen:
            added = {number: at for number, at in present.items() if number not in (seen or {})}
            self._write({**(seen or {}), **added})
            return sorted(added)

    def record(self, partition: int, now: Sighting, *, alone: bool = False) -> None:
        """Write down what is committed; durable on return. The partition was admitted or accepted.

        Args:
            partition: That was committed.
            now: How far it has come.
            alone: Nobody else serves the store, so that what another has written meanwhile is of a
                copy. On a broker it may be of who took the partition over.

        Raises:
            ServedTwiceError: Another store is served with it.
            StoppedForOperatorError: The file is another than the one that admitted the store, or
                would have to forget what it has seen.
            WitnessUnavailableError: Not written; the old file stands.
        """
        with self._as_it_is() as seen:
            at = (seen or {}).get(partition)
            known = self._known[partition]
            if at is None or at.incarnation != known.incarnation:
                raise StoppedForOperatorError(
                    f"the witness {self._path} was removed or replaced while it was in use",
                    partition=partition,
                )
            if at.incarnation == now.incarnation and now.end < at.end:
                raise StoppedForOperatorError(
                    self._lost_end(partition, at, now), partition=partition
                )
            if alone and at != known:
                raise ServedTwiceError(
                    f"the witness {self._path} was written by another worker of partition "
                    f"{partition} while it was in use: is a copy of the store served with it?",
                    partition=partition,
                )
            now = now.after(at)
            if at != now:
                self._write({**(seen or {}), partition: now})
            self._known[partition] = now

    def _beside(self, suffix: str) -> Path:
        return self._path.with_name(self._path.name + suffix)

    def _use(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 64, 0).decode("ascii", "replace").strip()
            raise LockedError(
                f"the witness {self._path} is in use by another worker ({holder}), whose store is "
                "another file: a copy of this one, or one that has the same sqlite.witness by "
                "mistake. Stop it first; two copies of a store would give the same numbers out",
                holder=holder,
            ) from error
        except OSError:
            # A file system without locks. Then what is read is compared, as ever.
            return
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()}\n".encode(), 0)

    def _objection(
        self, partition: int, presence: Presence, seen: Mapping[int, Sighting] | None
    ) -> str:
        now, at = presence.seen, (seen or {}).get(partition)
        if at is None:
            is_lost = seen is None and presence.beside
            return self._missing(partition) if is_lost or not presence.new else ""
        if at.incarnation == now.incarnation:
            return self._lost_end(partition, at, now) if at.end > now.end else ""
        if at == NOTHING_YET or at.incarnation in _incarnations(presence.forgiven):
            return ""
        return (
            f"the witness {self._path} has seen incarnation {at.incarnation} of partition "
            f"{partition}, and this store is of incarnation {now.incarnation or 'none yet'}: "
            "another store stands in the old one's place"
        )

    def _missing(self, partition: int) -> str:
        return (
            f"the witness {self._path} is missing, or has never seen partition {partition}, and "
            "the store has a history: find out what became of it. On a new host, and for the first "
            "witness of a store, make it with `slotkeeper witness init`"
        )

    def _lost_end(self, partition: int, at: Sighting, now: Sighting) -> str:
        return (
            f"the changelog of partition {partition} ends at {now.end}, but the witness "
            f"{self._path} has seen it at {at.end}: an older copy was restored, or the newest "
            "records are lost"
        )

    @contextlib.contextmanager
    def _as_it_is(self) -> Iterator[dict[int, Sighting] | None]:
        """Give what the file says, None if there is none; nobody else writes it meanwhile."""
        descriptor, exists = self._locked()
        try:
            yield self._read(descriptor) if exists else None
        finally:
            os.close(descriptor)

    def _locked(self) -> tuple[int, bool]:
        """Lock the file; where there is none, its folder, so that only one makes it."""
        until = time.monotonic() + LOCK_S
        while True:
            try:
                # Without O_NONBLOCK a pipe of this name would wait for whoever writes to it.
                descriptor = self._opened(self._path, os.O_NOFOLLOW | os.O_NONBLOCK)
                exists = True
            except FileNotFoundError:
                descriptor, exists = self._folder(), False
            try:
                if exists:
                    self._refuse_unfit(os.fstat(descriptor))
                self._lock(descriptor, until)
                if self._is_current(descriptor) if exists else not self._path.exists():
                    return descriptor, exists
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def _folder(self) -> int:
        try:
            return self._opened(self._path.parent, os.O_DIRECTORY)
        except FileNotFoundError as error:
            raise WitnessUnavailableError(
                f"the folder of the witness {self._path} is not there: mount its disk, or correct "
                "its path"
            ) from error

    def _opened(self, path: Path, flags: int) -> int:
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise WitnessUnavailableError(
                f"the witness {self._path} cannot be read ({error.strerror})"
            ) from error

    def _is_current(self, descriptor: int) -> bool:
        """Say whether the file still has its name: each writing puts a new one in its place."""
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.lstat())
        except FileNotFoundError:
            return False

    def _lock(self, descriptor: int, until: float) -> None:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > until:
                    raise WitnessUnavailableError(
                        f"the witness {self._path} stayed locked by another process for "
                        f"{LOCK_S:.0f} s"
                    ) from error
                time.sleep(0.005)
            except OSError:
                # A file system without locks. Then what is read is compared, as ever.
                return
            else:
                return

    def _refuse_unfit(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise WrongUseError(f"the witness {self._path} is no regular file")
        if status.st_nlink > 1:
            raise WrongUseError(
                f"the witness {self._path} has {status.st_nlink} names (hard links): it is "
                "replaced with each commit, and the other names would keep an old one"
            )

    def _read(self, descriptor: int) -> dict[int, Sighting]:
        try:
            with os.fdopen(os.dup(descriptor), "rb") as file:
                text = file.read(MOST_OCTETS)
        except OSError as error:
            raise WitnessUnavailableError(
                f"the witness {self._path} cannot be read ({error.strerror})"
            ) from error
        try:
            content = json.loads(text)
            if content["version"] not in range(1, VERSION + 1):
                raise StoppedForOperatorError(
                    f"the witness {self._path} has format {content['version']!r:.20} and this "
                    f"program knows {VERSION}: use the program that wrote it, or a newer one"
                )
            return {
                int(partition): Sighting(
                    str(seen["incarnation"]),
                    int(seen["changelog_end"]),
                    losses=_losses(seen),
                    audit=_read_head(seen.get("audit")),
                )
                for partition, seen in content["partitions"].items()
            }
        except UNREADABLE as error:
            raise StoppedForOperatorError(
                f"the witness {self._path} cannot be understood; restore it from where it was "
                "kept, or remove it after having made sure that the store is the newest, and make "
                "it anew with `slotkeeper witness init`"
            ) from error

    def _write(self, seen: Mapping[int, Sighting]) -> None:
        content = {
            "version": VERSION,
            "partitions": {
                str(partition): {
                    "incarnation": at.incarnation,
                    "changelog_end": at.end,
                    **({"losses": at.losses} if at.losses else {}),
                    **({} if at.audit is None else {"audit": _written_head(at.audit)}),
                }
                for partition, at in sorted(seen.items())
            },
        }
        try:
            _replace(self._path, json.dumps(content, indent=1).encode("ascii"))
        except OSError as error:
            raise WitnessUnavailableError(
                f"the witness {self._path} cannot be written ({error.strerror}); make room, or "
                "correct its path (a file that is mounted by itself cannot be replaced: mount "
                "its folder)"
            ) from error


def _losses(seen: Mapping[str, object]) -> int:
    losses = seen.get("losses", 0)
    if not isinstance(losses, int) or not 0 <= losses <= MOST_LOSSES:
        raise ValueError(losses)
    return losses


def _written_head(head: Head) -> Mapping[str, object]:
    return {"number": head[0], "sha256": head[1].hex()}


def _read_head(written: Mapping[str, object] | None) -> Head | None:
    if written is None:
        return None
    number, digest = int(str(written["number"])), bytes.fromhex(str(written["sha256"]))
    if len(digest) != sha256().digest_size:
        raise ValueError(digest)
    return number, digest


def _incarnations(sightings: Collection[Sighting]) -> set[str]:
    return {each.incarnation for each in sightings}


def _replace(path: Path, content: bytes) -> None:
    """Put a whole new file in the place of the old one; durable on return."""
    beside = path.with_name(path.name + NEW)
    try:
        # Left by a process that was killed; whatever else it is, it is not written through.
        beside.unlink(missing_ok=True)
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
