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

echo "compose file: the specification's own reader"
cmd deploy/compose/compose.yaml > "$work/compose.yaml"

echo "chart: helm lint, its schema, Kubernetes' schemas, and what comes out"
kubernetes=1.33.0
given="--set streams=kafka://broker:9092 --set keysSecret=acb-keys"
# shellcheck disable=SC2086
helm lint --strict --kube-version $kubernetes $given deploy/helm/slotkeeper
render() { helm template worker deploy/helm/slotkeeper --kube-version $kubernetes "$@"; }
refused() { # what the schema must name, and the values
  named=$1; shift
  if render "$@" > "$work/refused" 2>&1 || ! grep -q "at '/$named'" "$work/refused"; then
    echo "the schema does not refuse $*" >&2
    exit 1
  fi
}
refused streams --set keysSecret=k
refused keysSecret --set streams=kafka://broker:9092
refused streams --set keysSecret=k --set streams=sqlite:///x
refused terminationGracePeriodSeconds --set keysSecret=k --set streams=kafka://b:1 --set terminationGracePeriodSeconds=5
# shellcheck disable=SC2086
render $given > "$work/chart.yaml"
kubernetes-validate --quiet --strict --kubernetes-version ${kubernetes%.*} "$work/chart.yaml"
python deploy/helm/check_rendered.py "$work/chart.yaml"

echo "unit: systemd-analyze"
sed 's#^ExecStart=[^ ]*#ExecStart=/bin/true#' deploy/slotkeeper.service > "$work/slotkeeper.service"
# It ends with 0 whatever it found.
found=$(systemd-analyze verify "$work/slotkeeper.service" 2>&1)
test -z "$found" || { echo "$found" >&2; exit 1; }

echo "entry point, dashboard, names: the tests"
sh -n deploy/container/run.sh
python -m pytest -q tests/deploy

echo "man pages: groff"
python deploy/man.py "$work/man"
for page in "$work"/man/*.1; do
  test -z "$(groff -man -ww -z -K utf8 -Tutf8 "$page" 2>&1)" || { groff -man -ww -z -K utf8 -Tutf8 "$page"; exit 1; }
done
