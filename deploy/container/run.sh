#!/bin/sh
# Runs the worker, and holds the container after an end that no restart may follow.
#
# Exit status 2 (wrong configuration) and 3 (the store contradicts what it once acknowledged) are for a person. Most
# runtimes restart a container whatever its status was: after 3 that would bury the message, and try again and again what
# must not be tried. So this stays, not ready, with the status in a file, until the container is stopped. Every other
# status is passed on.
set -u
held=${HELD_FILE:-/run/slotkeeper/stopped}
rm -f "$held"

slotkeeper run "$@" &
worker=$!
trap 'kill -TERM "$worker" 2>/dev/null' TERM INT
status=0
wait "$worker" || status=$?
# A signal ends the first wait; the worker drains meanwhile.
while kill -0 "$worker" 2>/dev/null; do
  status=0
  wait "$worker" || status=$?
done

case $status in
  2 | 3)
    sleeper=
    trap '[ -z "$sleeper" ] || kill "$sleeper"; exit "$status"' TERM INT
    echo "$status" > "$held"
    echo "slotkeeper ended with status $status and is not started again: docs/operating.md says what to do" >&2
    while :; do
      sleep 3600 &
      sleeper=$!
      wait "$sleeper"
    done
    ;;
esac
exit "$status"
