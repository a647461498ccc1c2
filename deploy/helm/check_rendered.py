"""Checks what the chart makes: `python deploy/helm/check_rendered.py RENDERED`.

What helm and the API server take may still be wrong for a process that holds signing keys.
"""

import sys
from pathlib import Path
from typing import Any

import yaml

from slotkeeper.settings import Settings


def faults(documents: list[dict[str, Any]]) -> list[str]:
    """Say what is not as the handbook has it."""
    kinds = {each["kind"]: each for each in documents}
    told = kinds["StatefulSet"]["spec"]
    pod = told["template"]["spec"]
    [worker] = pod["containers"]
    variables = {each["name"]: each.get("value") for each in worker["env"]}
    mounted = {each["mountPath"] for each in worker["volumeMounts"]}
    security = worker["securityContext"]
    wanted = {
        "the service is that of the pods": told["serviceName"]
        == kinds["Service"]["metadata"]["name"],
        "members are static": variables.get("SLOTKEEPER_KAFKA__GROUP_INSTANCE_ID") == "$(POD_NAME)",
        "variables of services are off": pod["enableServiceLinks"] is False,
        "it is not root": pod["securityContext"]["runAsNonRoot"] is True,
        "its root is read-only": security["readOnlyRootFilesystem"] is True,
        "it has no capability": security["capabilities"]["drop"] == ["ALL"],
        "it has no token": pod["automountServiceAccountToken"] is False,
        "it may drain": pod["terminationGracePeriodSeconds"] > Settings().worker.drain_seconds,
        "state, mark and spill are writable": {
            "/var/lib/slotkeeper",
            "/run/slotkeeper",
            "/tmp",  # noqa: S108
        }
        <= mounted,
        "state outlives the pod": [
            each["metadata"]["name"] for each in told["volumeClaimTemplates"]
        ]
        == ["state"],
        "readiness is asked for": worker["readinessProbe"]["httpGet"]["path"] == "/readyz",
        "a held container lives": "test -e /run/slotkeeper/stopped"
        in worker["livenessProbe"]["exec"]["command"][-1],
    }
    return [what for what, holds in wanted.items() if not holds]


def main(rendered: Path) -> None:
    """End with status 1 and the first fault."""
    documents = [each for each in yaml.safe_load_all(rendered.read_text()) if each]
    found = faults(documents)
    if found:
        sys.exit(f"{rendered}: not so: {'; '.join(found)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
