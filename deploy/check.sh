#!/bin/sh
# Checks what is given to systems that run the worker, each part by the program that will read it. `make check-deploy`.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "alerts: promtool"
promtool check rules --lint-fatal deploy/prometheus/slotkeeper.rules.yaml
promtool test rules deploy/prometheus/slotkeeper.rules.test.yaml
promtool check config deploy/prometheus/prometheus.yaml

echo "chart: helm lint, its schema, and what comes out"
# What a person must say is asked for: without it, or with other streams, the schema refuses.
given="--set streams=kafka://broker:9092 --set keysSecret=acb-keys"
# shellcheck disable=SC2086
helm lint --strict $given deploy/helm/slotkeeper
if helm template worker deploy/helm/slotkeeper > "$work/refused" 2>&1; then
  echo "the chart takes no streams and no keys" >&2
  exit 1
fi
if helm template worker deploy/helm/slotkeeper --set streams=sqlite:///x --set keysSecret=k > "$work/refused" 2>&1; then
  echo "the chart takes streams that no other pod can see" >&2
  exit 1
fi
# shellcheck disable=SC2086
helm template worker deploy/helm/slotkeeper $given > "$work/chart.yaml"
python deploy/helm/check_rendered.py "$work/chart.yaml"

echo "unit: systemd-analyze"
sed 's#^ExecStart=[^ ]*#ExecStart=/bin/true#' deploy/slotkeeper.service > "$work/slotkeeper.service"
systemd-analyze verify "$work/slotkeeper.service"

echo "entry point, dashboard, names: the tests"
sh -n deploy/container/run.sh
python -m pytest -q tests/deploy

echo "man pages: groff"
python deploy/man.py "$work/man"
for page in "$work"/man/*.1; do
  test -z "$(groff -man -ww -z -K utf8 -Tutf8 "$page" 2>&1)" || { groff -man -ww -z -K utf8 -Tutf8 "$page"; exit 1; }
done
