//! A host: keeps what was committed, and gives its engine nothing else back.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use slotkeeper_engine::{
    AuditHead, BatchContext, Engine, Input, OutputRecord, Partition, Settings, SnapshotCursor,
    Staged, Stored, StoredParked, Stream, Value,
};
use slotkeeper_gbcs::Eui64;

use super::acts::Act;
use super::records::{Adjustment, Device, Request};
use super::told::{Cell, Told};
use super::world::{AcbKey, GPF, NOW_MS, Organisation, authority, gno};

/// An engine, the store beside it, and the streams that both write to.
pub(crate) struct Host {
    pub(crate) engine: Engine,
    pub(crate) store: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) outputs: Vec<OutputRecord>,
    pub(crate) inventory: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Kept with the store, and compared whenever it is restored from.
    pub(crate) stored: Stored,
    pub(crate) stored_parked: StoredParked,
    /// Kept likewise.
    pub(crate) audit_head: Option<AuditHead>,
    settings: String,
    acb: Vec<AcbKey>,
    waiting: Vec<Record>,
    /// Of the record published next.
    pub(crate) next_offset: u64,
    pub(crate) now_ms: u64,
}

/// A record that the engine has not been shown yet.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) stream: Stream,
    pub(crate) offset: u64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) bare: bool,
}

impl Record {
    pub(crate) fn input(&self) -> Input<'_> {
        Input {
            stream: self.stream,
            offset: self.offset,
            key: self.key.as_deref(),
            value: match &self.value {
                None => Value::Absent,
                Some(value) if self.bare => Value::Gbcs(value),
                Some(value) => Value::Record(value),
            },
        }
    }
}

/// An audit record.
#[derive(Clone, Debug)]
pub(crate) struct Decided(pub(crate) Json);

impl Decided {
    pub(crate) fn verdict(&self) -> String {
        format!("{} {}", self.text("disposition"), self.text("reason"))
    }

    /// What a re-decision is about, and how it came out.
    pub(crate) fn line(&self) -> String {
        format!(
            "{} {} {}",
            self.text("kind"),
            self.0["offset"],
            self.verdict()
        )
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or("null")
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.0[name].as_str().map(|text| text.parse().unwrap())
    }

    pub(crate) fn has_flag(&self, flag: &str) -> bool {
        self.0["flags"]
            .as_array()
            .unwrap()
            .iter()
            .any(|f| f == flag)
    }

    pub(crate) fn is_redecision(&self) -> bool {
        self.text("kind") == "redecision"
    }
}

impl Host {
    /// One partition, one ACB key, and these settings.
    pub(crate) fn new(settings: &str) -> Self {
        Self::with_acb(settings, &[AcbKey::Held(0)])
    }

    pub(crate) fn with_acb(settings: &str, acb: &[AcbKey]) -> Self {
        let mut host = Self {
            engine: engine(settings, acb, 1, 1),
            store: BTreeMap::new(),
            outputs: Vec::new(),
            inventory: BTreeMap::new(),
            settings: settings.to_owned(),
            acb: acb.to_vec(),
            stored: Stored::default(),
            stored_parked: StoredParked::default(),
            audit_head: None,
            waiting: Vec::new(),
            next_offset: 0,
            now_ms: NOW_MS,
        };
        host.engine.open().unwrap();
        host
    }

    /// A host with that device in its inventory.
    pub(crate) fn knowing(device: &Device, settings: &str) -> Self {
        let mut host = Self::new(settings);
        host.knows(device).decide();
        host
    }

    pub(crate) fn publish(
        &mut self,
        stream: Stream,
        device: u64,
        value: Option<Vec<u8>>,
    ) -> &mut Self {
        let key = Some(Eui64::from_u64(device).canonical().to_vec());
        self.push(stream, key, value, false)
    }

    pub(crate) fn push(
        &mut self,
        stream: Stream,
        key: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
        bare: bool,
    ) -> &mut Self {
        self.waiting.push(Record {
            stream,
            offset: self.next_offset,
            key,
            value,
            bare,
        });
        self.next_offset += 1;
        self
    }

    pub(crate) fn knows(&mut self, device: &Device) -> &mut Self {
        self.publish(Stream::Inventory, device.eui, Some(device.record()))
    }

    pub(crate) fn forgets(&mut self, device: u64) -> &mut Self {
        self.publish(Stream::Inventory, device, None)
    }

    /// Records made elsewhere.
    pub(crate) fn take(&mut self, records: &[Record]) {
        self.waiting.extend_from_slice(records);
    }

    /// A message by itself on a stream.
    pub(crate) fn message(&mut self, stream: Stream, device: u64, octets: Vec<u8>) -> &mut Self {
        let key = Some(Eui64::from_u64(device).canonical().to_vec());
        self.push(stream, key, Some(octets), true)
    }

    /// What a device answers, verified by its own key.
    pub(crate) fn outcome(&mut self, device: &Device, told: &Told) -> &mut Self {
        let octets = told.response(Some(&device.ds));
        self.message(Stream::UpdateOutcomes, device.eui, octets)
    }

    /// Parks more than one batch judges again: 400 devices tell eight times each that the operator's cells went to `to`,
    /// for which each is decided like that.
    pub(crate) fn crowd(&mut self, to: &Organisation, verdict: &str) -> Vec<u64> {
        let devices: Vec<u64> = (GPF..).take(400).collect();
        let mut device = Device {
            with_ds: false,
            with_ka: false,
            ..Device::new(GPF)
        };
        for &eui in &devices {
            device.eui = eui;
            self.knows(&device);
        }
        self.decide();
        for &eui in &devices {
            for number in 1..=8 {
                let told = Told::new(eui, gno(), number, Cell::both(gno(), to));
                self.message(Stream::UpdateOutcomes, eui, told.response(None));
            }
        }
        let decided = self.decide();
        assert!(decided.iter().all(|one| one.verdict() == verdict));
        assert_eq!(self.engine.statistics().parked_unjudged, 0);
        devices
    }

    pub(crate) fn request(&mut self, request: &Request) -> &mut Self {
        let value = request.json.to_string().into_bytes();
        self.publish(Stream::HandoverRequests, request.device, Some(value))
    }

    pub(crate) fn adjust(&mut self, adjustment: &Adjustment) -> &mut Self {
        let value = adjustment.json.to_string().into_bytes();
        self.publish(Stream::Adjustments, adjustment.device, Some(value))
    }

    pub(crate) fn act(&mut self, device: u64, act: &Act) -> &mut Self {
        let value = act.json().to_string().into_bytes();
        self.publish(Stream::Adjustments, device, Some(value))
    }

    /// Stages what waits; it goes on waiting until the batch is committed.
    pub(crate) fn stage(&mut self) -> Staged {
        let inputs: Vec<_> = self.waiting.iter().map(Record::input).collect();
        let context = BatchContext {
            now_ms: self.now_ms,
            decided_after: Vec::new(),
            audit_head: self.audit_head,
        };
        let mut staged = self.engine.stage(&inputs, &context).unwrap();
        staged.seal().unwrap();
        staged
    }

    /// The one transaction; the engine has not been told of it yet.
    pub(crate) fn write(&mut self, staged: &Staged) -> Vec<Decided> {
        for change in staged.changes() {
            let key = change.key.clone().unwrap();
            match &change.value {
                Some(value) => self.store.insert(key.to_vec(), value.to_vec()),
                None => self.store.remove(&key[..]),
            };
        }
        for record in &self.waiting {
            if let (Stream::Inventory, Some(key)) = (record.stream, record.key.clone()) {
                match &record.value {
                    Some(value) => self.inventory.insert(key, value.clone()),
                    None => self.inventory.remove(&key),
                };
            }
        }
        self.stored = staged.stored();
        self.stored_parked = staged.stored_parked();
        self.audit_head = staged.audit_head();
        self.waiting.clear();
        let records = staged.records().iter().chain(staged.commands().unwrap());
        self.outputs.extend(records.cloned());
        decisions(staged)
    }

    /// Stages, commits and folds; gives the decisions.
    pub(crate) fn decide(&mut self) -> Vec<Decided> {
        let staged = self.stage();
        let decided = self.write(&staged);
        self.engine.fold(staged.batch()).unwrap();
        decided
    }

    /// The one decision on the one record that waits.
    pub(crate) fn decide_one(&mut self) -> Decided {
        let mut decided = self.decide();
        assert_eq!(decided.len(), 1, "{decided:?}");
        decided.remove(0)
    }

    /// Restores a closed engine from the store, its records in an order that `shuffle` gives.
    pub(crate) fn restore(&mut self, shuffle: impl Fn(&mut Vec<(Vec<u8>, Vec<u8>)>)) {
        let mut records: Vec<_> = self.store.clone().into_iter().collect();
        shuffle(&mut records);
        self.engine.clear().unwrap();
        for (key, value) in &records {
            self.engine.restore(key, Some(value)).unwrap();
        }
        // A compacted table keeps the last record, good or bad.
        let inventory: Vec<_> = self
            .inventory
            .iter()
            .map(|(k, v)| (Some(k), Some(v)))
            .collect();
        self.engine.load_inventory(&inventory);
        self.engine.check_stored(self.stored).unwrap();
        self.engine.check_parked(self.stored_parked).unwrap();
        self.engine.open().unwrap();
    }

    /// The same once more, before anything is staged.
    pub(crate) fn restore_again(&mut self, shuffle: impl Fn(&mut Vec<(Vec<u8>, Vec<u8>)>)) {
        self.engine.close();
        self.restore(shuffle);
    }

    /// Takes the store of another host, as a copy.
    pub(crate) fn adopt(&mut self, other: &Self) {
        self.store = other.store.clone();
        self.stored = other.stored;
        self.stored_parked = other.stored_parked;
    }

    /// Another process takes over.
    pub(crate) fn restart(&mut self) {
        self.restart_as(&self.settings.clone(), &self.acb.clone());
    }

    /// Another process takes over, from a snapshot that is as new as the store.
    pub(crate) fn reload(&mut self) {
        let before = std::mem::replace(&mut self.engine, engine(&self.settings, &self.acb, 3, 1));
        let mut cursor = Some(SnapshotCursor::BEGIN);
        while let Some(at) = cursor {
            let (part, next) = before.snapshot_part(at).unwrap();
            self.engine.load_part(&part).unwrap();
            cursor = next;
        }
        self.engine.check_stored(self.stored).unwrap();
        self.engine.check_parked(self.stored_parked).unwrap();
        self.engine.open().unwrap();
    }

    /// Another process takes over, configured otherwise.
    pub(crate) fn restart_as(&mut self, settings: &str, acb: &[AcbKey]) {
        self.engine = engine(settings, acb, 2, 1);
        self.restore(|_| {});
    }

    /// What the next batch will be.
    pub(crate) fn waiting(&self) -> &[Record] {
        &self.waiting
    }

    pub(crate) fn drop_waiting(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.waiting)
    }

    /// Values of an output's records, oldest first.
    pub(crate) fn read(&self, stream: Stream) -> Vec<Json> {
        self.outputs
            .iter()
            .filter(|record| record.stream == stream)
            .map(|record| serde_json::from_slice(record.value.as_deref().unwrap()).unwrap())
            .collect()
    }

    /// Faults of the dead letters, oldest first.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.of_dead_letters("fault")
    }

    /// What was wrong with the dead letters, oldest first.
    pub(crate) fn fault_details(&self) -> Vec<String> {
        self.of_dead_letters("detail")
    }

    fn of_dead_letters(&self, header: &str) -> Vec<String> {
        self.outputs
            .iter()
            .filter(|record| record.stream == Stream::DeadLetters)
            .map(|record| {
                let found = record.headers.iter().find(|(name, _)| *name == header);
                String::from_utf8(found.unwrap().1.clone()).unwrap()
            })
            .collect()
    }
}

pub(crate) fn decisions(staged: &Staged) -> Vec<Decided> {
    staged
        .records()
        .iter()
        .filter(|record| record.stream == Stream::Audit)
        .map(|record| Decided(serde_json::from_slice(record.value.as_deref().unwrap()).unwrap()))
        .collect()
}

pub(crate) fn engine(settings: &str, acb: &[AcbKey], seed: u64, threads: usize) -> Engine {
    let settings = if settings.is_empty() { "{}" } else { settings };
    let partition = Partition { index: 0, count: 1 };
    let settings = Settings::from_json(settings.as_bytes()).unwrap();
    let mut engine = Engine::new(settings, authority(acb), partition, threads, seed);
    engine.set_incarnations(vec![INCARNATION.to_owned()]);
    engine
}

/// Of the store that hosts keep.
pub(crate) const INCARNATION: &str = "7b0c6f6e";
