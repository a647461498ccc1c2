"""Builds the image and runs it as a runtime does: `python -m tests.deploy.image WHEELS CACHE`.

WHEELS is a folder with the wheel to be installed. No registry is asked: mmdebstrap makes a base out
of Debian's packages, once, into CACHE. No daemon either: buildah builds in a chroot, and what it
built is run there, as the image's own account, on a root file system that is read-only. Needs root.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SUITE = "bookworm"
PYTHON = "3.11"
"""What the suite has."""
BASE = f"localhost/base:{SUITE}"
IMAGE = "localhost/slotkeeper-check"
ACCOUNT = 10001
PATIENCE = 120
"""Seconds until what is waited for counts as missing; enough for a machine that is busy."""

HAND_BACK = '{"key": "00-DB-12-34-56-78-90-A%d", "value": {"response_code": "E21"}}\n'

MOUNTS = """
set -e
root=$1 state=$2 site=$3; shift 3
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount --bind "$state" "$root/var/lib/slotkeeper"
mount --bind "$site" "$root/etc/slotkeeper"
mount -o remount,bind,ro "$root/etc/slotkeeper"
mount -t tmpfs -o uid=10001,gid=10001,mode=0700,size=1m,noexec tmpfs "$root/run/slotkeeper"
mount -t tmpfs -o mode=1777,size=64m,noexec tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/dev"
for device in null urandom; do
  touch "$root/dev/$device"
  mount --bind /dev/$device "$root/dev/$device"
done
exec setpriv --no-new-privs chroot --userspec="$ACCOUNT" "$root" "$@"
"""
"""What a runtime mounts; the process becomes the program, so that its signals are the program's."""


class Buildah:
    """The program, with a storage of its own."""

    def __init__(self, cache: Path) -> None:
        # The default policy is in a package that is only recommended.
        policy = cache / "policy.json"
        policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        self._policy = ("--signature-policy", str(policy))
        self._options = ("--root", str(cache / "storage"), "--runroot", str(cache / "run"))

    def __call__(self, *arguments: str | Path) -> str:
        """Run a command; give what it printed."""
        command, *others = map(str, arguments)
        policy = self._policy if command in {"bud", "commit", "from"} else ()
        done = subprocess.run(
            ["buildah", *self._options, "--storage-driver", "vfs", command, *policy, *others],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout.strip()

    @contextmanager
    def mounted(self, image: str) -> Iterator[Path]:
        """Give the root of a new container."""
        container = self("from", "--pull-never", image)
        try:
            yield Path(self("mount", container))
        finally:
            self("rm", container)


def make_base(buildah: Buildah) -> None:
    """Make the base if it is not there."""
    if BASE in buildah("images", "--format", "{{.Name}}:{{.Tag}}").splitlines():
        return
    container = buildah("from", "scratch")
    try:
        folder = buildah("mount", container)
        include = "--include=python3,python3-venv"
        run("mmdebstrap", "--quiet", "--variant=minbase", include, SUITE, folder)
        buildah("umount", container)
        buildah("commit", "--quiet", container, BASE)
    finally:
        buildah("rm", container)


def build(buildah: Buildah, wheels: Path, cache: Path) -> dict[str, Any]:
    """Build the image as the handbook says; give its configuration."""
    packages = cache / "packages"
    shutil.rmtree(packages, ignore_errors=True)
    pins = [f"--requirement={ROOT / 'requirements' / name}.txt" for name in ("pip", "run")]
    wanted = ("--require-hashes", "--no-deps", "--only-binary=:all:", f"--python-version={PYTHON}")
    run(sys.executable, "-m", "pip", "download", "-q", *wanted, f"--dest={packages}", *pins)
    settings = cache / "pip.conf"
    settings.write_text("[global]\nno-index = true\nfind-links = /packages\n")
    with tempfile.TemporaryDirectory(dir=cache) as name:
        context = Path(name)
        shutil.copytree(ROOT / "requirements", context / "requirements")
        shutil.copytree(ROOT / "deploy" / "container", context / "deploy" / "container")
        shutil.copytree(wheels, context / "dist")
        buildah(
            "bud",
            *("--quiet", "--isolation", "chroot", "--pull-never", "--tag", IMAGE),
            *("--build-arg", f"BASE={BASE}"),
            # So the build needs neither a network nor certificates of one.
            *("--volume", f"{packages}:/packages:ro", "--volume", f"{settings}:/etc/pip.conf:ro"),
            *("--file", context / "deploy" / "container" / "Containerfile", context),
        )
    told = json.loads(buildah("inspect", "--type", "image", IMAGE))
    return dict(told["OCIv1"]["config"])


class Container:
    """The image's root, and what is mounted into it."""

    def __init__(self, root: Path, config: dict[str, Any], state: Path, site: Path) -> None:
        self._root = root
        self._config = config
        self._mounted = (root, state, site)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]

    def start(self, *command: str, piped: bool = False) -> "subprocess.Popen[str]":
        """Start a program of the image, or what it starts by itself."""
        streams = subprocess.PIPE if piped else None
        variables = dict(one.split("=", 1) for one in self._config["Env"])
        return subprocess.Popen(
            [
                *("unshare", "--mount", "sh", "-c", MOUNTS, "mounts", *map(str, self._mounted)),
                *(command or [*self._config["Entrypoint"], *self._config["Cmd"]]),
            ],
            cwd=self._root,
            env=variables
            | {
                "PATH": f"{variables['PATH']}:/usr/sbin:/sbin",
                "ACCOUNT": self._config["User"],
                "SLOTKEEPER_HTTP__LISTEN": f"127.0.0.1:{self._port}",
            },
            text=True,
            stdin=streams,
            stdout=streams,
            stderr=streams,
        )

    def ask(self, *arguments: str, given: str = "") -> str:
        """Run a command of the image to its end."""
        at = ("--config", "/etc/slotkeeper/slotkeeper.toml")
        program = self.start("slotkeeper", *arguments, *at, piped=True)
        out, err = program.communicate(given)
        expect(program.returncode == 0, f"{arguments} ended with {program.returncode}: {err}")
        return out

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=10):
                return True
        except (urllib.error.HTTPError, OSError):
            return False

    def decided(self) -> int:
        return len(self.ask("read", "audit-trail", "--from-start").splitlines())


def check_held(container: Container) -> None:
    """A worker without settings ends with 2, and the container stays until it is stopped."""
    process = container.start()
    try:
        mark = Path(f"/proc/{process.pid}/root/run/slotkeeper/stopped")
        wait(lambda: mark.exists() or process.poll() is not None, "the mark of a held container")
        expect(process.poll() is None, "a container without settings ended by itself")
        expect(mark.read_text() == "2\n", "the mark does not say 2")
    finally:
        process.terminate()
    expect(process.wait() == 2, "a held container does not end with its worker's status")


def check_served(container: Container, *, number: int) -> None:
    """It serves, as nobody in particular, decides what is published, and stops as asked."""
    with container.start() as process:
        try:
            wait(lambda: container.is_ready() or process.poll() is not None, "readiness")
            expect(process.poll() is None, f"the worker ended with {process.returncode}")
            for pid in (process.pid, *children(process.pid)):
                status = Path(f"/proc/{pid}/status").read_text().splitlines()
                about = dict(line.split(":\t", 1) for line in status if ":\t" in line)
                expect(set(about["Uid"].split()) == {str(ACCOUNT)}, f"{about['Name']} is not it")
                expect(int(about["CapEff"], 16) == 0, f"{about['Name']} has capabilities")
            container.ask("publish", "srv-6.15.1-responses", given=HAND_BACK % number)
            wait(lambda: container.decided() == number, "the decision")
        finally:
            process.terminate()
        expect(process.wait() == 0, f"asked to stop, it ended with {process.returncode}")


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait(met: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not met():
        expect(time.monotonic() < until, f"{what} does not come")
        time.sleep(0.2)


def expect(holds: bool, otherwise: str) -> None:  # noqa: FBT001
    if not holds:
        sys.exit(f"image: {otherwise}")


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


def owned(folder: Path) -> Path:
    """Give a folder to the image's account."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, ACCOUNT, ACCOUNT)
    return folder


def main(wheels: Path, cache: Path) -> None:
    """End with status 1 and the first thing that is not so."""
    needed = ("buildah", "mmdebstrap", "unshare", "setpriv", "chroot")
    missing = [program for program in needed if shutil.which(program) is None]
    expect(not missing, f"{', '.join(missing)} needed: apt-get install buildah mmdebstrap")
    expect(os.geteuid() == 0, "only root can mount it")
    cache.mkdir(parents=True, exist_ok=True)
    buildah = Buildah(cache)
    make_base(buildah)
    config = build(buildah, wheels, cache)
    expect(config["User"] == f"{ACCOUNT}:{ACCOUNT}", "its account is not a number")
    with tempfile.TemporaryDirectory() as name, buildah.mounted(IMAGE) as root:
        state, empty, site = (Path(name, each) for each in ("state", "empty", "site"))
        for folder in (state, empty):
            folder.mkdir()
        streams = "sqlite:////var/lib/slotkeeper/streams.db"
        run("slotkeeper", "lab", "pki", site, "--streams", streams)
        for folder in (state, empty, site):
            owned(folder)
        check_held(Container(root, config, state, empty))
        container = Container(root, config, state, site)
        check_served(container, number=1)
        check_served(container, number=2)
        container.ask("audit", "verify")
    buildah("rmi", IMAGE)
    sys.stdout.write("image: built, held, served, stopped, served on\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]).absolute())
