//! Records that wait: judged again, parked, evicted.

use slotkeeper_counters::Role;
use slotkeeper_gbcs::Eui64;

use super::Batch;
use crate::audit::{Cause, Origin};
use crate::decision::{Disposition, Reason};
use crate::events::{self, Event};
use crate::judge::{Decision, Outcome};
use crate::message::Facts;
use crate::parking::Parked;
use crate::stream::{Input, Stream, Value};

impl Batch<'_> {
    pub(super) fn judge_parked_again(&mut self, concerned: &[(Eui64, Cause)]) {
        if self.engine.restored {
            let cause = Cause {
                stream: "restart",
                offset: None,
            };
            for device in self.engine.parking.devices() {
                self.judge_device_again(device, cause);
            }
        }
        for (device, cause) in concerned {
            self.judge_device_again(*device, *cause);
        }
    }

    fn judge_device_again(&mut self, device: Eui64, cause: Cause) {
        let waiting: Vec<Parked> = self.engine.parking.of(device).cloned().collect();
        for parked in waiting {
            let input = Input {
                stream: parked.stream,
                offset: parked.offset,
                key: None,
                value: if parked.bare {
                    Value::Gbcs(&parked.value)
                } else {
                    Value::Record(&parked.value)
                },
            };
            let key = device.canonical();
            let mut octets = Vec::new();
            let input = Input {
                key: Some(&key),
                ..input
            };
            let event = events::read(
                &input,
                &self.engine.settings,
                self.engine.partition,
                &self.engine.paths,
                &mut octets,
            );
            let Event::Outcome { request_id, .. } = event else {
                continue;
            };
            let Ok(facts) = events::facts(&octets) else {
                continue;
            };
            let decision = self.judge_with().outcome(&Outcome {
                facts: &facts,
                key: device,
                on_its_way_down: parked.stream == Stream::UpdateRequests,
                signature: None,
                again: true,
            });
            if (decision.disposition, decision.reason) == parked.verdict {
                continue;
            }
            if decision.reason == Reason::ConflictingContent {
                self.dead_letter(&input, decision.reason, &decision.detail);
            }
            let origin = Origin {
                stream: parked.stream,
                offset: parked.offset,
            };
            self.audit(
                origin,
                Some(cause),
                Some(device),
                request_id.as_deref(),
                &decision,
                Some(&facts),
            );
            if decision.parks() {
                let verdict = (decision.disposition, decision.reason);
                self.engine
                    .parking
                    .set_verdict(device, &parked.digest, verdict);
                self.change_parked(
                    device,
                    &parked.digest,
                    Some(&Parked {
                        verdict,
                        ..parked.clone()
                    }),
                );
            } else {
                self.engine.parking.remove(device, &parked.digest);
                self.change_parked(device, &parked.digest, None);
            }
        }
    }

    pub(super) fn park(
        &mut self,
        input: &Input<'_>,
        device: Eui64,
        facts: &Facts<'_>,
        decision: &Decision,
    ) {
        let parked = Parked {
            stream: input.stream,
            offset: input.offset,
            bare: matches!(input.value, Value::Gbcs(_)),
            value: input.value.bytes().unwrap_or_default().into(),
            digest: facts.digest,
            verdict: (decision.disposition, decision.reason),
            numbers: Role::ALL.map(|role| facts.number_towards(role)),
        };
        self.change_parked(device, &parked.digest, Some(&parked));
        let cap = self.engine.settings.parking_bytes;
        for (device, evicted) in self.engine.parking.add(device, parked, cap) {
            self.evict(input, device, &evicted);
        }
    }

    fn evict(&mut self, cause: &Input<'_>, device: Eui64, evicted: &Parked) {
        self.change_parked(device, &evicted.digest, None);
        if !evicted.has_false_signature() {
            let engine = &mut *self.engine;
            for (role, number) in Role::ALL.into_iter().zip(evicted.numbers) {
                if let Some(number) = number.filter(|n| *n <= engine.settings.ceiling) {
                    engine
                        .overlay
                        .raise_seen(&engine.table, device.to_u64(), role, number);
                }
            }
        }
        let decision = Decision::new(Disposition::DeadLetter, Reason::ParkingFull)
            .detail(format!("evicted while {}", evicted.verdict.1.name()))
            .role(Role::NetworkOperator);
        let key = device.canonical();
        let value = Value::Record(&evicted.value);
        let input = Input {
            stream: evicted.stream,
            offset: evicted.offset,
            key: Some(&key),
            value,
        };
        self.dead_letter(&input, decision.reason, &decision.detail);
        let origin = Origin {
            stream: evicted.stream,
            offset: evicted.offset,
        };
        let cause = Cause {
            stream: cause.stream.name(),
            offset: Some(cause.offset),
        };
        self.audit(origin, Some(cause), Some(device), None, &decision, None);
    }
}
