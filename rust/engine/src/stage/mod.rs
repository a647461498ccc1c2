//! One batch: read, verified many at a time, judged in order in the ledger.

mod output;
mod parked;
mod proof;

pub(crate) use self::parked::LeftOver;

use slotkeeper_counters::Role;
use slotkeeper_gbcs::Eui64;

use crate::audit::{Cause, USUAL_OCTETS};
use crate::chain::AuditHead;
use crate::changelog;
use crate::decision::{Disposition, Reason};
use crate::directory::{Applied, Class, DAMAGED, DROPPED, HAD_CERTIFICATE};
use crate::engine::{Engine, EngineError, State};
use crate::events::{self, Event};
use crate::judge::{Decision, Judge, Judged, Outcome, Signature, Told};
use crate::message::Facts;
use crate::outbox::Outbox;
use crate::paths::RequestPaths;
use crate::records::{Alert, DeviceRecord, HandoverRequest};
use crate::seal::Job;
use crate::staged::{Chained, Progress, Staged, Tally};
use crate::stream::{Input, OutputRecord, Stream};
use crate::time::rfc3339_millis;
use crate::workers;

use self::output::About;
use self::proof::Behind;

/// What a batch is told from outside, besides its records.
#[derive(Clone, Debug, Default)]
pub struct BatchContext {
    /// Milliseconds since 1970: the batch's only clock.
    pub now_ms: u64,
    /// For requests: how far each other input of the partition had been read when they were judged.
    pub decided_after: Vec<(String, u64)>,
    /// The last audit record of the partition that is committed: the batch's first one names it.
    pub audit_head: Option<AuditHead>,
}

impl Engine {
    /// Judges records in the order given. Nothing is visible until the batch is folded.
    ///
    /// Inventory records are applied before the first event, and parked records that they concern are judged again. After
    /// a restore, and after [`Self::follow_registers`], so are those of the devices that the batch is about, and a portion
    /// of all others: [`Statistics::parked_unjudged`](crate::Statistics::parked_unjudged) says how many are left.
    ///
    /// # Errors
    /// [`EngineError::BatchOpen`] and [`EngineError::Closed`].
    pub fn stage(
        &mut self,
        inputs: &[Input<'_>],
        context: &BatchContext,
    ) -> Result<Staged, EngineError> {
        match self.state {
            State::Staged(_) => return Err(EngineError::BatchOpen),
            State::Closed => return Err(EngineError::Closed),
            State::Open => {}
        }
        self.batches += 1;
        self.state = State::Staged(self.batches);
        let mut batch = Batch {
            context,
            now: rfc3339_millis(context.now_ms),
            outbox: Outbox::new(self.partition.index, inputs.len(), USUAL_OCTETS),
            changes: Vec::new(),
            jobs: Vec::new(),
            tally: Tally::default(),
            engine: self,
        };
        batch.run(inputs);
        let Batch {
            outbox,
            mut changes,
            jobs,
            tally,
            engine,
            ..
        } = batch;
        changes.extend(engine.ledger.changed().map(|device| OutputRecord {
            stream: Stream::Changelog,
            partition: engine.partition.index,
            key: Some(changelog::device_key(Eui64::from_u64(device)).into()),
            value: Some(engine.ledger.image(device).encode().into()),
            headers: Vec::new(),
        }));
        let stored = engine.ledger.stored();
        engine.progress = Progress::of(&jobs);
        Ok(Staged {
            batch: engine.batches,
            authority: engine.authority.clone(),
            partition: engine.partition.index,
            threads: engine.threads,
            now_ms: context.now_ms,
            records: Chained::new(outbox, context.audit_head, engine.threads),
            changes,
            jobs,
            commands: None,
            tally,
            stored,
            stored_parked: engine.parking.stored(),
            progress: engine.progress.clone(),
        })
    }
}

struct Batch<'e> {
    engine: &'e mut Engine,
    context: &'e BatchContext,
    /// The same moment as RFC 3339.
    now: [u8; 24],
    outbox: Outbox,
    changes: Vec<OutputRecord>,
    jobs: Vec<Job>,
    tally: Tally,
}

/// A message of the batch, decoded, with its signature's verdict where that was found out beforehand.
struct Decoded<'a> {
    facts: Result<Facts<'a>, Decision>,
    signature: Option<Signature>,
}

impl Batch<'_> {
    fn run(&mut self, inputs: &[Input<'_>]) {
        let mut octets = Vec::new();
        let engine = &*self.engine;
        let mut events = engine
            .reader()
            .read_all(inputs, engine.threads, &mut octets);

        let concerned = self.apply_inventory(inputs, &mut events);
        self.mark_uncertified();
        self.mark_damaged();
        let classes = self.read_ahead(&events);
        self.judge_parked_again(&concerned, &events);

        let decoded = self.decode(&events, &classes, &octets, false);
        for ((input, event), decoded) in inputs.iter().zip(events).zip(&decoded) {
            self.judge(input, event, decoded.as_ref());
        }
    }

    fn apply_inventory(
        &mut self,
        inputs: &[Input<'_>],
        events: &mut [Event<'_>],
    ) -> Vec<(Eui64, Cause)> {
        let mut concerned = Vec::new();
        for (input, event) in inputs.iter().zip(events) {
            let (device, record) = match event {
                Event::Inventory(device, record) => (*device, record.take()),
                Event::InventoryFault { reason, detail, .. } => {
                    self.dead_letter(input, *reason, detail);
                    continue;
                }
                _ => continue,
            };
            let cause = Cause {
                stream: Stream::Inventory.name(),
                partition: None,
                offset: Some(input.offset),
            };
            self.apply_device(device, record.as_ref());
            concerned.push((device, cause));
        }
        concerned
    }

    fn apply_device(&mut self, device: Eui64, record: Option<&DeviceRecord>) {
        let engine = &mut *self.engine;
        let row = engine.ledger.table().find(device.to_u64());
        let proven = engine.settings.is_anchored() && engine.directory.has_certificate(row);
        let named = record.is_some_and(|record| record.digital_signing.is_some());
        let applied = match record {
            Some(record) => engine.directory.apply(&mut engine.ledger, device, record),
            None => engine.directory.remove(engine.ledger.table(), device),
        };
        let flags = engine.ledger.device(device.to_u64()).flags();
        let after = match applied {
            Applied::Dropped => flags | DROPPED,
            Applied::Present => flags & !DROPPED,
            Applied::Nothing => flags,
        };
        if proven && !named {
            engine.uncertified.insert(device.to_u64());
        }
        if after != flags {
            engine.ledger.set_flags(device.to_u64(), after);
        }
        let standing = engine.standing(device);
        engine.parking.set_standing(device, standing);
    }

    fn mark_uncertified(&mut self) {
        let engine = &mut *self.engine;
        for device in &engine.uncertified {
            let flags = engine.ledger.device(*device).flags();
            if flags & HAD_CERTIFICATE == 0 {
                engine.ledger.set_flags(*device, flags | HAD_CERTIFICATE);
            }
        }
    }

    fn mark_damaged(&mut self) {
        let engine = &mut *self.engine;
        for (device, damage) in &engine.damaged {
            engine.ledger.leap_version(*device, damage.reached());
            for void in &damage.images {
                engine.ledger.name_void(*device, *void);
            }
        }
        let of_parked = engine.damaged_parked.iter().map(|(device, _)| device);
        for device in engine.damaged.keys().chain(of_parked) {
            let flags = engine.ledger.device(*device).flags();
            engine.ledger.set_flags(*device, flags | DAMAGED);
        }
        let lost = engine.damaged_parked.iter();
        self.changes
            .extend(lost.map(|(device, start)| OutputRecord {
                stream: Stream::Changelog,
                partition: engine.partition.index,
                key: Some(changelog::parked_key(Eui64::from_u64(*device), start).into()),
                value: None,
                headers: Vec::new(),
            }));
    }

    /// Reads the devices of a batch ahead of their use, and says where those of messages stand in the inventory.
    fn read_ahead(&mut self, events: &[Event<'_>]) -> Vec<Option<Class>> {
        let devices: Vec<u64> = events
            .iter()
            .filter_map(Event::device)
            .map(Eui64::to_u64)
            .collect();
        let engine = &mut *self.engine;
        let rows = engine.ledger.prefetch(&devices);
        let mut classes = engine.directory.classes(&devices, rows).into_iter();
        events
            .iter()
            .map(|event| event.device().and_then(|_| classes.next()))
            .collect()
    }

    fn decode<'a>(
        &mut self,
        events: &[Event<'a>],
        classes: &[Option<Class>],
        octets: &'a [u8],
        again: bool,
    ) -> Vec<Option<Decoded<'a>>> {
        let mut decoded: Vec<Option<Decoded<'a>>> = events
            .iter()
            .zip(classes)
            .map(|(event, class)| match event {
                Event::Outcome { octets: place, .. } => Some(Decoded {
                    facts: events::facts(place.of(octets), *class),
                    signature: None,
                }),
                _ => None,
            })
            .collect();
        let threads = self.engine.threads;
        let judge = self.judge_with();
        let to_verify: Vec<(usize, &Facts<'_>)> = decoded
            .iter()
            .enumerate()
            .filter_map(|(place, decoded)| Some((place, decoded.as_ref()?.facts.as_ref().ok()?)))
            .filter(|(_, facts)| judge.will_check_signature(facts, again))
            .collect();
        let verdicts = workers::for_each(threads, &to_verify, |(place, facts)| {
            (*place, judge.check_signature(facts))
        });
        for (place, verdict) in verdicts {
            if let Some(Some(decoded)) = decoded.get_mut(place) {
                decoded.signature = Some(verdict);
            }
        }
        decoded
    }

    fn judge(&mut self, input: &Input<'_>, event: Event<'_>, decoded: Option<&Decoded<'_>>) {
        match event {
            Event::Inventory(..) | Event::InventoryFault { .. } => {}
            Event::Reroute(device, place) => self.reroute(input, device, place),
            Event::Decided {
                device,
                request_id,
                received_at,
                decision,
            } => {
                if decision.disposition == Disposition::DeadLetter {
                    self.dead_letter(input, decision.reason, &decision.detail);
                }
                let about = About {
                    request_id: request_id.as_deref(),
                    received_at,
                    ..About::record(input, device)
                };
                self.audit(&about, &decision, None);
            }
            Event::Adjustment(device, adjustment) => {
                let decision = self.judge_with().adjustment(device, &adjustment);
                let about = About::record(input, Some(device));
                self.audit(&about, &decision, None);
                let behind = Behind::Record("ADJUSTMENT", input.value.bytes().unwrap_or_default());
                self.prove(&about, &decision, behind);
            }
            Event::Alert(device, alert) => self.judge_alert(input, device, &alert),
            Event::Baseline(device, baseline) => {
                let octets = input.value.bytes().unwrap_or_default();
                let digest = slotkeeper_crypto::sha256(octets);
                let decision = self.judge_with().baseline(device, &baseline, Some(&digest));
                let about = About::record(input, Some(device));
                self.audit(&about, &decision, None);
                self.prove(&about, &decision, Behind::Record("BASELINE", octets));
                if decision.parks() {
                    self.park(input, device, digest, [None; 2], &decision);
                }
            }
            Event::Request(device, request, paths) => {
                self.judge_request(input, device, request, &paths);
            }
            Event::Outcome {
                device,
                request_id,
                received_at,
                ..
            } => {
                let Some(decoded) = decoded else { return };
                let about = About {
                    request_id: request_id.as_deref(),
                    received_at,
                    ..About::record(input, Some(device))
                };
                self.judge_outcome(input, device, &about, decoded);
            }
        }
    }

    fn judge_outcome(
        &mut self,
        input: &Input<'_>,
        device: Eui64,
        about: &About<'_>,
        decoded: &Decoded<'_>,
    ) {
        let facts = match &decoded.facts {
            Ok(facts) => facts,
            Err(decision) => {
                if decision.disposition == Disposition::DeadLetter {
                    self.dead_letter(input, decision.reason, &decision.detail);
                }
                return self.audit(about, decision, None);
            }
        };
        let decision = self.judge_with().outcome(&Outcome {
            facts,
            key: device,
            on_its_way_down: input.stream == Stream::UpdateRequests,
            signature: decoded.signature,
            parked_as: None,
            has_told: false,
            refused: false,
        });
        if decision.reason == Reason::ConflictingContent {
            self.dead_letter(input, decision.reason, &decision.detail);
        }
        self.audit(about, &decision, Some(facts));
        self.prove(about, &decision, Behind::Message(facts));
        if decision.parks() {
            let numbers = Role::ALL.map(|role| facts.number_towards(role));
            self.park(input, device, facts.digest, numbers, &decision);
        }
    }

    fn judge_alert(&mut self, input: &Input<'_>, device: Eui64, alert: &Alert) {
        let octets = input.value.bytes().unwrap_or_default();
        let digest = slotkeeper_crypto::sha256(octets);
        let decision = self.judge_with().alert(&Told {
            key: device,
            alert,
            digest,
            parked_as: None,
        });
        let about = About::alert(input, device, alert);
        self.audit(&about, &decision, None);
        self.prove(&about, &decision, Behind::Record("DCC_ALERT", octets));
        if decision.parks() {
            self.park(input, device, digest, [None; 2], &decision);
        }
    }

    fn judge_request(
        &mut self,
        input: &Input<'_>,
        device: Eui64,
        request: Box<HandoverRequest>,
        paths: &RequestPaths,
    ) {
        let mut issued = None;
        let decision = match self.judge_with().request(device, &request, paths) {
            Judged::Repeated(decision) => decision,
            Judged::Refused {
                decision,
                retryable,
            } => {
                self.refuse(input, device, &request, &decision, retryable);
                decision
            }
            Judged::Issued { decision, issue } => {
                issued = Some(issue);
                decision
            }
        };
        let about = About {
            request_id: Some(&request.request_id),
            ..About::record(input, Some(device))
        };
        self.audit(&about, &decision, None);
        let behind = Behind::Record("REQUEST", input.value.bytes().unwrap_or_default());
        self.prove(&about, &decision, behind);
        let offset = input.offset;
        self.jobs.extend(issued.map(|issue| Job {
            request,
            issue,
            offset,
        }));
    }

    fn judge_with(&mut self) -> Judge<'_> {
        let engine = &mut *self.engine;
        Judge {
            settings: &engine.settings,
            authority: &engine.authority,
            directory: &engine.directory,
            ledger: &mut engine.ledger,
            parking: &engine.parking,
            registers: &engine.registers,
            now_ms: self.context.now_ms,
        }
    }
}
