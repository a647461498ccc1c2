"""``python -m tests.kafka.chaos``: hours of chaos, or the seed of a run that went wrong."""

import argparse
import asyncio
import logging
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.kafka.broker import class_archive
from tests.kafka.chaos.conduct import KAFKA, conduct
from tests.kafka.distribution import Distribution


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.kafka.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.25)
    parser.add_argument("--seed", type=int, help="one that was printed; drawn if not given")
    parser.add_argument("--kafka", metavar="VERSION", help=f"default: {KAFKA.version}")
    given = parser.parse_args()
    kafka = Distribution(given.kafka) if given.kafka else KAFKA
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    folder = Path(tempfile.mkdtemp(prefix=f"slotkeeper-chaos-{seed}-"))
    # The writer's clients tell of each outage at length.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    tell(f"seed {seed}, logs in {folder}")
    class_archive(kafka)
    report = asyncio.run(conduct(seed, given.minutes * 60, folder, tell, kafka))
    for line in report.lines():
        tell(line)
    if report.violations:
        sys.exit(1)
    shutil.rmtree(folder)


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
