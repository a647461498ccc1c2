"""``python -m slotkeeper`` is the same as ``slotkeeper``."""

from slotkeeper.cli import main

main()
