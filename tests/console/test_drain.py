"""SIGTERM: what is in hand ends, within the time that is set for it."""

import json
from collections import Counter

from .conftest import Site


def test_an_idle_worker_ends_at_once(site: Site) -> None:
    worker = site.start()
    worker.wait_until_open()
    worker.ask_to_stop()
    assert worker.ended() == 0
    assert worker.lines[-1]["event"] == "worker ended"


def test_the_batch_in_hand_is_committed_and_counted(site: Site) -> None:
    worker = site.start()
    with site.batch_in_hand(worker):
        worker.ask_to_stop()
        worker.wait_for("asked to stop: batches in hand end first")
        answer = worker.wait_for_answer("/readyz", "ends after the batches in hand")
        assert answer.status == 503
        assert worker.get("/livez").status == 200
    assert worker.ended() == 0
    assert worker.lines[-1]["records"] > 0
    published = len(list(site.fleet.inventory()))
    left = json.loads(site.call("run", "--until-idle", "--json"))["records"]
    assert worker.lines[-1]["records"] + left == published


def test_a_batch_that_does_not_end_in_time_is_told_and_decided_once(site: Site) -> None:
    worker = site.start(SLOTKEEPER_WORKER__DRAIN_SECONDS="0.1")
    with site.batch_in_hand(worker):
        worker.ask_to_stop()
        told = worker.wait_for("batches in hand did not end in time")
        assert told["drain_s"] == 0.1
    assert worker.ended() == 4
    assert worker.lines[-1]["exit_status"] == 4
    site.publish("srv-6.15.1-responses", site.fleet.hand_backs())
    site.call("run", "--until-idle")
    audit = map(json.loads, site.call("read", "audit-trail", "--from-start").splitlines())
    decisions = [record["value"] for record in audit]
    places = Counter((one["stream"], one["partition"], one["offset"]) for one in decisions)
    assert len(places) == 5
    assert set(places.values()) == {1}
