"""The policy of the rule as a manifest keeps it."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from slotkeeper.slots.facts import KeyUsage, Policy


def policy_json(policy: Policy) -> dict[str, Any]:
    """Write it down."""
    told = asdict(policy)
    told["acb_keys"] = {usage: sorted(keys) for usage, keys in sorted(policy.acb_keys.items())}
    told["coverage_from"] = str(policy.coverage_from) if policy.coverage_from else None
    return told


def policy_from_json(told: Mapping[str, Any]) -> Policy:
    """Read it back."""
    since = told["coverage_from"]
    keys: dict[KeyUsage, frozenset[str]] = {
        "DS": frozenset(told["acb_keys"].get("DS", ())),
        "KA": frozenset(told["acb_keys"].get("KA", ())),
    }
    members = {
        **told,
        "acb_keys": keys,
        "coverage_from": date.fromisoformat(since) if since else None,
    }
    return Policy(**members)
