//! Records that wait: judged again, parked, evicted.

use std::collections::HashSet;

use slotkeeper_counters::Role;
use slotkeeper_gbcs::Eui64;

use super::Batch;
use super::output::About;
use super::proof::Behind;
use crate::audit::Cause;
use crate::decision::{Disposition, Reason};
use crate::directory::{EVICTED, HAD_CERTIFICATE};
use crate::events::Event;
use crate::judge::{Decision, Outcome, Told};
use crate::message::Facts;
use crate::parking::{Caps, Parked, Parking};
use crate::settings::{DeviceSignatures, Settings};
use crate::stream::{Input, Stream, Value};

/// Devices judged again at a time: some thousand messages, so that their signatures are checked on all threads and their
/// copies stay small.
const DEVICES_AT_A_TIME: usize = 512;

/// Octets of parked records that a batch judges again: some 2,300 outcomes, which make some 7 MB of audit records and
/// evidence. All that may be parked would make more than a transaction takes until its time-out.
const PORTION: usize = 1 << 20;

/// What is to be judged again after a batch: the least EUI-64 of each kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LeftOver {
    /// Since the partition was opened.
    pub(crate) since_opening: Option<u64>,
    /// By what registers brought.
    pub(crate) by_registers: Option<u64>,
}

/// Whether a register may bring what a record waits for.
fn waits_for_registers(reason: Reason) -> bool {
    matches!(reason, Reason::UnknownCertificate | Reason::UnknownParty)
}

/// Devices from an EUI-64 on whose parked records there is room for, and where those begin for which there is none. `room`
/// is in octets; what it leaves is for others.
fn portion(
    parking: &Parking,
    from: Option<u64>,
    room: &mut usize,
    is_wanted: impl Fn(Eui64) -> bool,
) -> (Vec<Eui64>, Option<u64>) {
    let mut devices = Vec::new();
    let Some(from) = from else {
        return (devices, None);
    };
    for device in parking
        .devices_from(from)
        .filter(|device| is_wanted(*device))
    {
        if *room == 0 {
            return (devices, Some(device.to_u64()));
        }
        *room = room.saturating_sub(parking.bytes_of(device));
        devices.push(device);
    }
    (devices, None)
}

/// A record that waits, whose it is, and why it is judged again.
struct Again {
    device: Eui64,
    cause: Cause,
    parked: Parked,
}

impl Batch<'_> {
    /// Judges what waits for what has become known: of the devices that the batch is about, and a portion of all others.
    pub(super) fn judge_parked_again(
        &mut self,
        concerned: &[(Eui64, Cause)],
        events: &[Event<'_>],
    ) {
        let parking = &self.engine.parking;
        let restart = Cause {
            stream: "restart",
            partition: None,
            offset: None,
        };
        let news = self.engine.registers.news;
        let waits_for_news = |device| {
            let mut waiting = parking.of(device);
            waiting.any(|parked| waits_for_registers(parked.verdict.1))
        };
        let mut room = PORTION;
        let from = self.engine.rejudge_from;
        let (mut after_restore, since_opening) = portion(parking, from, &mut room, |_| true);
        let from = news.map(|news| news.from);
        let (mut told, by_registers) = portion(parking, from, &mut room, waits_for_news);
        // News that came on the way are news to all.
        let by_news = match news {
            Some(news) if news.begins_again => Some(0),
            _ => by_registers,
        };
        if since_opening.is_some() || by_news.is_some() {
            let is_left =
                |from: Option<u64>, device: Eui64| from.is_some_and(|from| from <= device.to_u64());
            for device in events.iter().filter_map(Event::device) {
                if is_left(since_opening, device) {
                    after_restore.push(device);
                }
                if is_left(by_news, device) && waits_for_news(device) {
                    told.push(device);
                }
            }
        }
        let told = news.into_iter().flat_map(|news| {
            let devices = told.iter();
            devices.map(move |device| (*device, news.cause))
        });
        let mut asked: Vec<_> = after_restore
            .into_iter()
            .map(|device| (device, restart))
            .chain(concerned.iter().copied())
            .chain(told)
            .filter(|(device, _)| parking.of(*device).next().is_some())
            .collect();
        // Taken over when the batch is folded: one that is dropped has not judged anything.
        self.engine.left_over = LeftOver {
            since_opening,
            by_registers,
        };
        // Each device once, by its first cause: nothing changes for it between the two.
        let mut met = HashSet::new();
        asked.retain(|(device, _)| met.insert(*device));
        for devices in asked.chunks(DEVICES_AT_A_TIME) {
            let parking = &self.engine.parking;
            let waiting: Vec<_> = devices
                .iter()
                .flat_map(|&(device, cause)| {
                    parking.of(device).map(move |parked| Again {
                        device,
                        cause,
                        parked: parked.clone(),
                    })
                })
                .collect();
            self.judge_again(&waiting);
        }
    }

    fn judge_again(&mut self, waiting: &[Again]) {
        let engine = &*self.engine;
        let keys: Vec<_> = waiting.iter().map(|w| w.device.canonical()).collect();
        let mut octets = Vec::new();
        let mut events = Vec::with_capacity(waiting.len());
        for (again, key) in waiting.iter().zip(&keys) {
            let input = again.parked.input(key);
            events.push(engine.reader().read(&input, &mut octets));
        }
        let decoded = self.decode(&events, &vec![None; events.len()], &octets, true);
        for (((again, key), event), decoded) in waiting.iter().zip(&keys).zip(events).zip(decoded) {
            if self.judge_record_again(again, key, &event) {
                continue;
            }
            let (
                Event::Outcome {
                    request_id,
                    received_at,
                    ..
                },
                Some(decoded),
            ) = (event, decoded)
            else {
                continue;
            };
            let Ok(facts) = decoded.facts else { continue };
            let decision = self.judge_with().outcome(&Outcome {
                facts: &facts,
                key: again.device,
                on_its_way_down: again.parked.stream == Stream::UpdateRequests,
                signature: decoded.signature,
                parked_as: Some(again.parked.verdict),
                has_told: again.parked.told,
                refused: again.parked.has_false_signature(),
            });
            let tells_now = decision.parks_what_told() && !again.parked.told;
            if (decision.disposition, decision.reason) != again.parked.verdict || tells_now {
                let input = again.parked.input(key);
                let about = About {
                    cause: Some(again.cause),
                    request_id: request_id.as_deref(),
                    received_at,
                    ..About::record(&input, Some(again.device))
                };
                self.decide_again(again, &about, &input, &facts, &decision);
            }
        }
    }

    /// An alert or a baseline; whether it is one.
    fn judge_record_again(&mut self, again: &Again, key: &[u8], event: &Event<'_>) -> bool {
        let input = again.parked.input(key);
        let octets = input.value.bytes().unwrap_or_default();
        let (decision, about, kind) = match event {
            Event::Alert(device, alert) => {
                let decision = self.judge_with().alert(&Told {
                    key: *device,
                    alert,
                    digest: again.parked.digest,
                    parked_as: Some(again.parked.verdict),
                });
                (decision, About::alert(&input, *device, alert), "DCC_ALERT")
            }
            Event::Baseline(device, baseline) => {
                let decision = self.judge_with().baseline(*device, baseline, None);
                (decision, About::record(&input, Some(*device)), "BASELINE")
            }
            _ => return false,
        };
        if (decision.disposition, decision.reason) != again.parked.verdict {
            let about = About {
                cause: Some(again.cause),
                ..about
            };
            self.audit(&about, &decision, None);
            self.prove(&about, &decision, Behind::Record(kind, octets));
            self.settle_parked(again, &decision);
        }
        true
    }

    fn decide_again(
        &mut self,
        again: &Again,
        about: &About<'_>,
        input: &Input<'_>,
        facts: &Facts<'_>,
        decision: &Decision,
    ) {
        if decision.reason == Reason::ConflictingContent {
            self.dead_letter(input, decision.reason, &decision.detail);
        }
        self.audit(about, decision, Some(facts));
        self.prove(about, decision, Behind::Message(facts));
        self.settle_parked(again, decision);
    }

    /// Keeps what still waits under its new verdict, and lets go what does not.
    fn settle_parked(&mut self, again: &Again, decision: &Decision) {
        let Again { device, parked, .. } = again;
        if decision.parks() {
            let verdict = (decision.disposition, decision.reason);
            let told = decision.parks_what_told();
            let parking = &mut self.engine.parking;
            parking.set_verdict(*device, &parked.digest, verdict, told);
            let parked = Parked {
                verdict,
                told,
                ..parked.clone()
            };
            self.change_parked(*device, &parked.digest, Some(&parked));
        } else {
            self.engine.parking.remove(*device, &parked.digest);
            self.change_parked(*device, &parked.digest, None);
        }
    }

    pub(super) fn park(
        &mut self,
        input: &Input<'_>,
        device: Eui64,
        digest: [u8; 32],
        numbers: [Option<u64>; 2],
        decision: &Decision,
    ) {
        let parked = Parked {
            arrival: self.engine.parking.next_arrival(),
            stream: input.stream,
            offset: input.offset,
            bare: matches!(input.value, Value::Gbcs(_)),
            value: input.value.bytes().unwrap_or_default().into(),
            digest,
            verdict: (decision.disposition, decision.reason),
            told: decision.parks_what_told(),
            numbers,
        };
        // In the changelog the two would be one, so the earlier one goes: its tombstone comes first.
        if let Some(earlier) = self.engine.parking.in_place_of(device, &digest).cloned() {
            self.engine.parking.remove(device, &earlier.digest);
            if earlier.digest != digest {
                self.evict(input, device, &earlier);
            }
        }
        self.change_parked(device, &parked.digest, Some(&parked));
        let standing = self.engine.standing(device);
        let Settings {
            parking_bytes,
            stranger_parking_bytes,
            ..
        } = self.engine.settings;
        let caps = Caps {
            all: parking_bytes,
            strangers: stranger_parking_bytes,
        };
        let evicted = self.engine.parking.add(device, standing, parked, caps);
        for (device, evicted) in evicted {
            self.evict(input, device, &evicted);
        }
    }

    fn evict(&mut self, cause: &Input<'_>, device: Eui64, evicted: &Parked) {
        self.change_parked(device, &evicted.digest, None);
        let engine = &mut *self.engine;
        let table = engine.ledger.table();
        let is_kept = engine.ledger.device(device.to_u64()).is_known()
            || engine.standing(device) == crate::parking::Standing::Known
            || engine.directory.strangers(table) < engine.settings.strangers;
        let flags = engine.ledger.device(device.to_u64()).flags();
        if is_kept {
            engine.ledger.set_flags(device.to_u64(), flags | EVICTED);
        }
        // Eviction proves nothing that had to be proven while the message was parked.
        let had_to_be = engine.settings.device_signatures == DeviceSignatures::Require
            || flags & HAD_CERTIFICATE != 0;
        if is_kept && !had_to_be && !evicted.has_false_signature() {
            for (role, number) in Role::ALL.into_iter().zip(evicted.numbers) {
                if let Some(number) = number.filter(|n| *n <= engine.settings.ceiling) {
                    engine.ledger.raise_seen(device.to_u64(), role, number);
                }
            }
        }
        let decision = Decision::new(Disposition::DeadLetter, Reason::ParkingFull)
            .detail(format!("evicted while {}", evicted.verdict.1.name()))
            .role(Role::NetworkOperator);
        let key = device.canonical();
        let input = evicted.input(&key);
        self.dead_letter(&input, decision.reason, &decision.detail);
        let about = About {
            cause: Some(Cause {
                stream: cause.stream.name(),
                partition: None,
                offset: Some(cause.offset),
            }),
            ..About::record(&input, Some(device))
        };
        self.audit(&about, &decision, None);
    }
}
