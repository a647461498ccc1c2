"""Quix Streams doing the worker's job without seals; runs until SIGTERM."""

import argparse
import time

from decision import AUDIT, COMMANDS, REQUESTS, Decision, decide
from quixstreams import Application, State, message_context


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("servers")
    parser.add_argument("group")
    parser.add_argument("prefix")
    parser.add_argument("state")
    parser.add_argument("--commit-interval", type=float, default=5.0)  # Quix Streams' default
    given = parser.parse_args()
    app = Application(
        broker_address=given.servers,
        consumer_group=given.group,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=given.commit_interval,
        state_dir=given.state,
        # The topics are made; only the changelog is left to make, and for that it is needed.
        auto_create_topics=True,
        loglevel="WARNING",
        # Without it librdkafka idles once its queue was full.
        consumer_extra_config={"fetch.queue.backoff.ms": 5, "session.timeout.ms": 10_000},
    )
    raw = {"key_deserializer": "str", "value_deserializer": "bytes"}
    written = {"key_serializer": "str", "value_serializer": "bytes"}
    requests = app.topic(given.prefix + REQUESTS, **raw)
    commands = app.topic(given.prefix + COMMANDS, **written)
    audit = app.topic(given.prefix + AUDIT, **written)

    def transform(
        value: bytes, device: str, _time: int, _headers: object, state: State
    ) -> Decision:
        at = message_context()
        decision = decide(
            value,
            device,
            partition=at.partition,
            offset=at.offset,
            stored=state.get("counter", 0),
            now_ms=time.time_ns() // 1_000_000,
        )
        state.set("counter", decision.counter)
        return decision

    decided = app.dataframe(requests).apply(transform, stateful=True, metadata=True)
    decided.apply(lambda decision: decision.command).to_topic(commands)
    decided.apply(lambda decision: decision.audit).to_topic(audit)
    app.run()


if __name__ == "__main__":
    main()
