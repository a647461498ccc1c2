"""Faust-streaming doing the worker's job without seals; runs until SIGTERM."""

import argparse
import time
from pathlib import Path

import faust
from decision import AUDIT, COMMANDS, REQUESTS, decide


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("servers")
    parser.add_argument("group")
    parser.add_argument("prefix")
    parser.add_argument("state", type=Path)
    parser.add_argument("--commit-interval", type=float, default=2.8)  # Faust's default
    given = parser.parse_args()
    app = faust.App(
        given.group,
        broker=f"kafka://{given.servers}",
        store="memory://",
        processing_guarantee="exactly_once",
        datadir=given.state,
        topic_partitions=PARTITIONS,
        topic_replication_factor=1,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=10.0,
        broker_commit_interval=given.commit_interval,
        web_enabled=False,
    )
    raw = {"key_type": str, "key_serializer": "raw", "value_type": bytes, "value_serializer": "raw"}
    requests = app.topic(given.prefix + REQUESTS, **raw)
    commands = app.topic(given.prefix + COMMANDS, **raw)
    audit = app.topic(given.prefix + AUDIT, **raw)
    counters = app.Table("counters", key_type=str, value_type=int, default=int)

    @app.agent(requests)
    async def answer(stream: faust.StreamT[bytes]) -> None:
        async for event in stream.events():
            at = event.message
            decision = decide(
                event.value,
                event.key,
                partition=at.partition,
                offset=at.offset,
                stored=counters[event.key],
                now_ms=time.time_ns() // 1_000_000,
            )
            counters[event.key] = decision.counter
            await commands.send(key=event.key, value=decision.command, partition=at.partition)
            await audit.send(key=event.key, value=decision.audit, partition=at.partition)

    faust.Worker(app, loglevel="warn").execute_from_commandline()


PARTITIONS = 4
"""Of every topic; Faust makes the changelog with as many."""


if __name__ == "__main__":
    main()
