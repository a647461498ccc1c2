"""Writes the dashboard: `python deploy/grafana/make.py > deploy/grafana/slotkeeper.json`.

A dashboard is hundreds of lines of JSON that nobody reads; what is in it is said here.
"""

import json
import sys
from collections.abc import Iterator

WIDTH, HEIGHT, COLUMNS = 12, 8, 24

EACH = "[$__rate_interval]"


def late(name: str, by: str = "le") -> str:
    """Give the 99th percentile of a histogram."""
    return f"histogram_quantile(0.99, sum by ({by}) (rate(slotkeeper_{name}_bucket{EACH})))"


FAILED = 'slotkeeper_decisions_total{disposition=~"REFUSED|REJECTED|HANDOVER_FAILED"}[1h]'
ISSUED = f'slotkeeper_decisions_total{{disposition="ISSUED"}}{EACH}'

PANELS = (
    (
        "Partitions open of those assigned",
        "short",
        {
            "{{instance}} open": "sum by (instance) (slotkeeper_partitions_open)",
            "{{instance}} assigned": "sum by (instance) (slotkeeper_partitions_assigned)",
        },
    ),
    (
        "Decisions a second",
        "ops",
        {"{{disposition}}": f"sum by (disposition) (rate(slotkeeper_decisions_total{EACH}))"},
    ),
    (
        "Refused and failed in an hour, by reason",
        "short",
        {"{{reason}}": f"sum by (reason) (increase({FAILED})) > 0"},
    ),
    (
        "Commands a second, by what chose their numbers",
        "ops",
        {"{{reason}}": f"sum by (reason) (rate({ISSUED}))"},
    ),
    (
        "Lag: records not decided yet",
        "short",
        {"{{stream}}": "sum by (stream) (slotkeeper_consumer_lag_messages)"},
    ),
    (
        "Requests that wait for other inputs: the oldest",
        "s",
        {"{{instance}}": "max by (instance) (slotkeeper_requests_held_seconds)"},
    ),
    (
        "A batch: decided, sealed, committed (99th percentile)",
        "s",
        {step: late(f"{step}_duration_seconds") for step in ("stage", "sign", "transaction")},
    ),
    (
        "Transactions a second, by how they ended",
        "ops",
        {"{{result}}": f"sum by (result) (rate(slotkeeper_transactions_total{EACH}))"},
    ),
    (
        "Dead letters in an hour",
        "short",
        {"{{reason}}": "sum by (reason) (increase(slotkeeper_messages_dlq_total[1h])) > 0"},
    ),
    ("Parked octets", "bytes", {"{{instance}}": "sum by (instance) (slotkeeper_parked_bytes)"}),
    (
        "How late the event loop wakes (99th percentile)",
        "s",
        {"{{instance}}": late("event_loop_lag_seconds", "instance, le")},
    ),
    (
        "Memory of the table of numbers",
        "bytes",
        {"{{instance}}": "sum by (instance) (slotkeeper_state_table_bytes)"},
    ),
)
"""Title, unit, and queries by their legends."""


def panels() -> Iterator[dict[str, object]]:
    """Give each with its place, two in a row."""
    source = {"type": "prometheus", "uid": "${source}"}
    for number, (title, unit, queries) in enumerate(PANELS):
        yield {
            "id": number + 1,
            "type": "timeseries",
            "title": title,
            "datasource": source,
            "gridPos": {
                "x": number * WIDTH % COLUMNS,
                "y": number * WIDTH // COLUMNS * HEIGHT,
                "w": WIDTH,
                "h": HEIGHT,
            },
            "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
            "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
            "targets": [
                {
                    "refId": chr(ord("A") + at),
                    "datasource": source,
                    "expr": expression,
                    "legendFormat": legend,
                }
                for at, (legend, expression) in enumerate(queries.items())
            ],
        }


def main() -> None:
    """Print it."""
    dashboard = {
        "uid": "slotkeeper",
        "title": "Slotkeeper",
        "tags": ["slotkeeper"],
        "timezone": "utc",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "source",
                    "type": "datasource",
                    "query": "prometheus",
                    "label": "Prometheus",
                }
            ]
        },
        "panels": list(panels()),
    }
    json.dump(dashboard, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
