"""Whether a worker serves all that it is to serve."""

from slotkeeper.worker import Group, Phase


def obstacles(group: Group | None) -> list[str]:
    """Say why a worker is not ready; empty if it is.

    Ready means that every partition of its share is fenced, restored and open. A worker whose
    share is empty is ready: it stands by.
    """
    if group is None:
        return ["the streams are not open yet"]
    if group.stopping:
        return ["the worker ends after the batches in hand"]
    if group.share is None:
        return ["no partitions were assigned yet"]
    found = []
    for number in sorted(group.share):
        partition = group.partitions.get(number)
        phase = Phase.WAITING if partition is None else partition.phase
        left = 0 if partition is None else partition.restore_remaining
        more = f", {left} records left at most" if left else ""
        if phase is not Phase.OPEN:
            found.append(f"partition {number} {phase}{more}")
    return found
