"""What a worker shows while it works."""

import re
import socket

from slotkeeper.explain.reasons import SENTENCES
from slotkeeper.streams.sqlite.ownership import BATCH_RECORDS

from .conftest import PARTITIONS, Site, Worker


def test_ready_when_every_partition_is_open(site: Site) -> None:
    worker = site.start()
    worker.wait_until_open()
    assert (worker.get("/readyz").status, worker.get("/livez").status) == (200, 200)
    assert worker.get("/readyz").body == "ready\n"


def test_alive_but_not_ready_while_a_partition_is_not_fenced(site: Site) -> None:
    site.call("streams", "create")
    with site.nobody_writes():
        worker = site.start()
        answer = worker.wait_for_answer("/readyz", "fences earlier owners")
        assert answer.status == 503
        assert answer.body.startswith("not ready\n")
        assert "partition 0 " in answer.body
        assert worker.get("/livez").status == 200
        assert worker.figures()["slotkeeper_partitions_open"] == 0
    worker.wait_until_open()
    assert worker.get("/readyz").status == 200


def test_figures_say_what_was_decided(site: Site) -> None:
    worker, records = started_on_a_story(site)
    worker.wait_for_figure("slotkeeper_messages_consumed_total", records)
    figures = worker.figures()
    expected = {
        "slotkeeper_messages_consumed_total": records,
        "slotkeeper_decisions_total{disposition=RECORDED,reason=ACB_IN_SLOT}": 5,
        "slotkeeper_decisions_total{disposition=DEAD_LETTER,reason=BAD_KEY}": 1,
        "slotkeeper_messages_dlq_total{reason=BAD_KEY}": 1,
        "slotkeeper_messages_produced_total{stream=cs02b-commands}": 5,
        "slotkeeper_messages_produced_total{stream=audit-trail}": 11,
        "slotkeeper_messages_quarantined_total": 0,
        "slotkeeper_transactions_total{result=aborted}": 0,
        "slotkeeper_transactions_total{result=in_doubt}": 0,
        "slotkeeper_batch_size_messages_sum": records,
        "slotkeeper_partitions_assigned": PARTITIONS,
        "slotkeeper_partitions_open": PARTITIONS,
        "slotkeeper_restore_duration_seconds_count": PARTITIONS,
        "slotkeeper_rebalances_total": 1,
    }
    assert {name: figures.get(name) for name in expected} == expected
    assert summed(figures, "slotkeeper_decisions_total{disposition=ISSUED") == 5
    assert summed(figures, "slotkeeper_state_devices{") == 5
    assert summed(figures, "slotkeeper_state_table_bytes{") > 0
    assert figures["slotkeeper_sign_duration_seconds_count"] >= 1
    assert figures["slotkeeper_transaction_duration_seconds_sum"] > 0
    assert len([name for name in figures if "_consumer_lag_" in name]) == PARTITIONS * 9
    assert len([name for name in figures if name.startswith("slotkeeper_requests_held{")]) == 4


def test_every_reason_is_counted_from_the_start(site: Site) -> None:
    """An alert compares with what was before: a series that begins at 1 shows no increase."""
    worker = site.start()
    worker.wait_until_open()
    figures = worker.figures()
    for disposition, reason in SENTENCES:
        assert (
            figures[f"slotkeeper_decisions_total{{disposition={disposition},reason={reason}}}"] == 0
        )
        if disposition == "DEAD_LETTER":
            assert figures[f"slotkeeper_messages_dlq_total{{reason={reason}}}"] == 0
    assert figures["slotkeeper_messages_produced_total{stream=cs02b-commands}"] == 0
    assert figures["slotkeeper_snapshots_refused_total{reason=damaged}"] == 0


def test_what_was_restored_is_counted(site: Site) -> None:
    started_on_a_story(site)[0].process.kill()
    site.workers[0].process.wait()
    site.call("run", "--until-idle")
    worker = site.start()
    worker.wait_until_open()
    restored = sum(line.get("restored", 0) for line in worker.lines)
    assert restored > 0
    assert worker.figures()["slotkeeper_restore_records_total"] == restored


def test_d12_damaged_records_are_counted_and_told(site: Site) -> None:
    site.publish("smart-metering-inventory", site.fleet.inventory())
    site.publish("srv-6.15.1-responses", site.fleet.hand_backs())
    site.call("run", "--until-idle")
    site.damage_a_device()
    worker = site.start()
    worker.wait_until_open()
    assert worker.wait_for("changelog records are damaged")["devices"] == 1
    assert worker.figures()["slotkeeper_damaged_records_total"] == 1


def test_lag_is_what_is_not_committed(site: Site) -> None:
    worker = site.start()
    with site.batch_in_hand(worker):
        lag = summed(worker.figures(), "slotkeeper_consumer_lag_messages{")
        assert lag == len(list(site.fleet.inventory()))
    worker.wait_for_figure("slotkeeper_messages_consumed_total", lag)
    assert summed(worker.figures(), "slotkeeper_consumer_lag_messages{") == 0


def test_requests_at_the_fence_are_counted_with_their_age(site: Site) -> None:
    worker = site.start()
    line = b'{"key": "nonsense", "value": {}, "partition": 2}\n'
    # More outcomes than are fetched at once: the request waits for those that are left.
    more = {"srv-6.15.1-responses": line * (BATCH_RECORDS + 1), "srv-6.21-requests": line}
    with site.batch_in_hand(worker, more):
        worker.wait_for_figure("slotkeeper_requests_held{partition=2}", 1)
        figures = worker.figures()
        assert figures["slotkeeper_requests_held_seconds{partition=2}"] > 0
        assert figures["slotkeeper_requests_held{partition=1}"] == 0
        assert figures["slotkeeper_requests_held_seconds{partition=1}"] == 0
    worker.wait_for_figure(
        "slotkeeper_decisions_total{disposition=DEAD_LETTER,reason=BAD_KEY}", BATCH_RECORDS + 2
    )
    assert worker.figures()["slotkeeper_requests_held{partition=2}"] == 0
    assert worker.figures()["slotkeeper_requests_held_seconds{partition=2}"] == 0


def test_no_device_and_no_request_is_named(site: Site) -> None:
    worker, records = started_on_a_story(site)
    worker.wait_for_figure("slotkeeper_messages_consumed_total", records)
    shown = worker.get("/metrics").body
    worker.ask_to_stop()
    assert worker.ended() == 0
    shown += repr(worker.lines)
    for member in site.fleet.members:
        device = str(member.gpf.device.eui)
        assert device not in shown
        assert device.replace("-", "").lower() not in shown.lower()
    assert not re.search(r"([0-9A-F]{2}-){7}[0-9A-F]{2}", shown)


def test_only_reading_is_allowed_and_only_what_there_is(site: Site) -> None:
    worker = site.start()
    assert worker.get("/metrics", "POST").status == 405
    assert worker.get("/").status == 404
    assert worker.get("/livez?verbose").status == 200
    head = worker.get("/livez", "HEAD")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, "", "6")


def test_a_port_in_use_is_tried_again_later(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        worker = site.start(SLOTKEEPER_HTTP__LISTEN=f"127.0.0.1:{taken.getsockname()[1]}")
        assert worker.ended() == 4
    assert "another program does" in worker.lines[-1]["error"]


def test_an_address_of_another_machine_is_a_wrong_setting(site: Site) -> None:
    # RFC 5737 keeps this address for documents: no machine has it.
    worker = site.start(SLOTKEEPER_HTTP__LISTEN="203.0.113.1:9464")
    assert worker.ended() == 2
    assert "203.0.113.1" in worker.lines[-1]["error"]


def started_on_a_story(site: Site) -> tuple[Worker, int]:
    """Start a worker on hand-backs, handovers and one bad record; gives how many records."""
    fleet = site.fleet
    records = site.publish("smart-metering-inventory", fleet.inventory())
    records += site.publish("srv-6.15.1-responses", fleet.hand_backs())
    records += site.publish("srv-6.21-requests", fleet.handover_requests())
    site.call("publish", "srv-6.21-requests", given=b'{"key": "nonsense", "value": {}}\n')
    return site.start(), records + 1


def summed(figures: dict[str, float], beginning: str) -> float:
    return sum(value for name, value in figures.items() if name.startswith(beginning))
