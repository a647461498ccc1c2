"""What must have become of hostile records, each at its place."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from tests.kafka.chaos.hostile import Attack
from tests.laws import Place

from slotkeeper.lab.events import INVENTORY


@dataclass(slots=True)
class Hostilities:
    """What was acknowledged to the hostile producer.

    Attributes:
        written: Records by stream, as a reader is given them: of a batch that is set aside one.
        decisions: What the decision at a place begins with.
        dead_tables: Places of inventory records that are dead letters.
    """

    written: Counter[str] = field(default_factory=Counter)
    decisions: dict[Place, str] = field(default_factory=dict)
    dead_tables: set[Place] = field(default_factory=set)
    _rerouted: Counter[str] = field(default_factory=Counter)

    def acknowledged(self, attack: Attack, offset: int) -> None:
        """Note a batch whose first record stands at an offset."""
        self.written[attack.stream] += len(attack.decisions)
        for at, decision in attack.decisions.items():
            place = (attack.stream, attack.partition, offset + at)
            if attack.stream == INVENTORY:
                self.dead_tables.add(place)
            else:
                self.decisions[place] = decision
        if attack.rerouted:
            self._rerouted[attack.rerouted] += 1

    @property
    def expected(self) -> Counter[str]:
        """Decisions by disposition."""
        found: Counter[str] = Counter()
        for decision in (*self.decisions.values(), *self._rerouted.elements()):
            found[decision.partition(" ")[0]] += 1
        return found

    def differences(
        self, decisions: Mapping[Place, str], dead_tables: Collection[Place]
    ) -> list[str]:
        """Compare with the decisions that were made, and with the dead letters that were written.

        That none was decided twice, and that what was rerouted arrived, others see to.
        """
        return [
            f"{place} is {decisions.get(place)}, not {wanted}"
            for place, wanted in self.decisions.items()
            if not decisions.get(place, "").startswith(wanted)
        ] + [f"{place} has no dead letter" for place in self.dead_tables - {*dead_tables}]
