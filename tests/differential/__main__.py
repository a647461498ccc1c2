"""``python -m tests.differential --seeds N --first M``: as many histories, one line a finding."""

import argparse
import sys
import time

from .run import explain, try_seed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.differential")
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--findings", type=int, default=5, help="how many before it stops")
    options = parser.parse_args()
    begun, found = time.monotonic(), 0
    for seed in range(options.first, options.first + options.seeds):
        if try_seed(seed) is None:
            continue
        found += 1
        sys.stdout.write(explain(seed) + "\n")
        sys.stdout.flush()
        if found == options.findings:
            break
    seconds = time.monotonic() - begun
    sys.stdout.write(f"{seed + 1 - options.first} seeds, {found} findings, {seconds:.0f} s\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
