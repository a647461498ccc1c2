//! A host on the crates alone: events from one file, everything decided into another, which only ever grows.
//!
//! ```text
//! cargo run -p slotkeeper-engine --example embed -- FOLDER ACB_ID NOW_MS [--kill-at STEP]
//! ```
//!
//! `FOLDER/inbox.jsonl` holds one event a line: `{"stream": "srv-6.21-requests", "key": "<EUI-64>", "value": {...}}`,
//! `value` null for a tombstone. `acb-ds.pem`, `acb-ds.key`, `acb-ka.pem` and `acb-ka.key` are the ACB's. What is decided
//! goes to `store.log`, a line for each transaction: check, space, JSON. The program reads on where the store ends and
//! stops where the inbox does; killed between any two steps, or within one, it loses nothing and does nothing twice.

#![expect(
    clippy::print_stdout,
    reason = "an example tells on its terminal what it does"
)]

use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use slotkeeper_crypto::sha256;
use slotkeeper_engine::{
    AuditHead, Authority, BatchContext, Engine, Input, OutputRecord, Partition, Settings, Staged,
    Stream, Value,
};
use slotkeeper_gbcs::Eui64;

type Failure = Box<dyn Error>;

/// Events taken together: few, so that a small inbox shows several batches.
const BATCH: usize = 3;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| arguments.next().ok_or(format!("{what} is missing"));
    let folder = next("FOLDER")?;
    let folder = Path::new(&folder);
    let acb = Eui64::parse(next("ACB_ID")?.as_bytes()).ok_or("ACB_ID is no EUI-64")?;
    let now_ms = next("NOW_MS")?.parse()?;
    let kill_at = match next("--kill-at") {
        Ok(_) => Some(next("STEP")?.parse()?),
        Err(_) => None,
    };
    let mut steps = Steps { kill_at, taken: 0 };

    let inbox = read_inbox(&folder.join("inbox.jsonl"))?;
    let mut store = Store::open(&folder.join("store.log"))?;
    let mut engine = engine(folder, acb)?;
    for (key, value) in &store.changes {
        engine.restore(key, value.as_deref())?;
    }
    // The table's part that was applied before; what is not yet comes through the batches.
    let inventory: Vec<_> = inbox
        .iter()
        .take(store.position)
        .filter(|event| event.stream == Stream::Inventory)
        .map(|event| (Some(&event.key), event.value.as_ref()))
        .collect();
    engine.load_inventory(&inventory);
    engine.open()?;
    steps.pass();

    while let Some(events) = inbox.get(store.position..).filter(|rest| !rest.is_empty()) {
        let events = events.get(..BATCH).unwrap_or(events);
        let mut staged = stage(&mut engine, events, &store, now_ms)?;
        steps.pass();
        if let Err(error) = staged.seal() {
            // Certain: nothing was written. A host with other work would try again; this one ends.
            engine.discard(staged.batch())?;
            return Err(error.into());
        }
        steps.pass();
        if let Err(error) = store.commit(&staged, store.position + events.len(), &mut steps) {
            // Nobody knows what the disk has. The next start reads it.
            engine.in_doubt(staged.batch())?;
            return Err(error);
        }
        steps.pass();
        engine.fold(staged.batch())?;
        steps.pass();
        for (disposition, reason, times) in staged.tally().iter() {
            println!("{} {} x{times}", disposition.name(), reason.name());
        }
    }
    println!("{} events decided, {} steps", store.position, steps.taken);
    Ok(())
}

/// Loads the ACB's identity into an engine that serves the one partition there is.
fn engine(folder: &Path, acb: Eui64) -> Result<Engine, Failure> {
    let file = |name: &str| folder.join(name);
    let authority = Authority::load(
        acb,
        &[(&file("acb-ds.pem"), Some(&file("acb-ds.key")))],
        &[(&file("acb-ka.pem"), Some(&file("acb-ka.key")))],
    )?;
    let settings = Settings::from_json(b"{}")?;
    let partition = Partition { index: 0, count: 1 };
    Ok(Engine::new(settings, authority.into(), partition, 2, 1))
}

fn stage(
    engine: &mut Engine,
    events: &[Event],
    store: &Store,
    now_ms: u64,
) -> Result<Staged, Failure> {
    let mut inputs = Vec::with_capacity(events.len());
    for (place, event) in events.iter().enumerate() {
        inputs.push(Input {
            stream: event.stream,
            offset: u64::try_from(store.position + place)?,
            key: Some(&event.key),
            value: event.value.as_deref().map_or(Value::Absent, Value::Record),
        });
    }
    let context = BatchContext {
        now_ms,
        decided_after: Vec::new(),
        audit_head: store.audit_head,
    };
    Ok(engine.stage(&inputs, &context)?)
}

/// An event of the inbox.
struct Event {
    stream: Stream,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
}

#[derive(Deserialize)]
struct Line {
    stream: String,
    key: String,
    value: Option<serde_json::Value>,
}

fn read_inbox(path: &Path) -> Result<Vec<Event>, Failure> {
    let mut events = Vec::new();
    for line in fs::read_to_string(path)?.lines() {
        let line: Line = serde_json::from_str(line)?;
        let name = line.stream;
        events.push(Event {
            stream: Stream::input(&name).ok_or(format!("`{name}` is no input"))?,
            key: line.key.into_bytes(),
            value: line.value.map(|value| value.to_string().into_bytes()),
        });
    }
    Ok(events)
}

/// The file that only grows, and what it says.
struct Store {
    file: File,
    /// Events decided.
    position: usize,
    /// The last audit record.
    audit_head: Option<AuditHead>,
    /// Changelog records, oldest first: the engine takes them in any order.
    changes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// All that one batch brings, or nothing of it.
#[derive(Deserialize, Serialize)]
struct Transaction {
    position: usize,
    /// Number and digest of the last audit record.
    audit_head: Option<(u64, [u8; 32])>,
    records: Vec<Record>,
}

#[derive(Deserialize, Serialize)]
struct Record {
    stream: String,
    key: Option<String>,
    /// Base64, since changelog values are binary.
    value: Option<String>,
}

impl Record {
    fn of(record: &OutputRecord) -> Self {
        Self {
            stream: record.stream.name().to_owned(),
            key: record
                .key
                .as_deref()
                .map(|key| String::from_utf8_lossy(key).into_owned()),
            value: record
                .value
                .as_deref()
                .map(|value| base64_simd::STANDARD.encode_to_string(value)),
        }
    }
}

impl Store {
    /// Reads every whole transaction; one that was cut short at the end never happened.
    fn open(path: &Path) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(path)?;
        let mut store = Self {
            file,
            position: 0,
            audit_head: None,
            changes: Vec::new(),
        };
        let octets = fs::read(path)?;
        let mut whole = 0;
        for line in octets.split_inclusive(|octet| *octet == b'\n') {
            let Some(transaction) = read_transaction(line) else {
                break;
            };
            whole += line.len();
            store.position = transaction.position;
            store.audit_head = transaction
                .audit_head
                .map(|(number, digest)| AuditHead { number, digest });
            for record in transaction.records {
                if record.stream == Stream::Changelog.name() {
                    let decode = |text: String| base64_simd::STANDARD.decode_to_vec(text);
                    let value = record.value.map(decode).transpose()?;
                    let key = record.key.unwrap_or_default().into_bytes();
                    store.changes.push((key, value));
                }
            }
        }
        let rest = octets.get(whole..).unwrap_or_default();
        if rest.contains(&b'\n') {
            return Err("store.log is damaged before its end: put a copy of it back".into());
        }
        store.file.set_len(u64::try_from(whole)?)?;
        store.file.seek(SeekFrom::End(0))?;
        Ok(store)
    }

    /// Position, changes, commands and records in one line: it is there with its check, or it is not.
    fn commit(
        &mut self,
        staged: &Staged,
        position: usize,
        steps: &mut Steps,
    ) -> Result<(), Failure> {
        let commands = staged.commands().unwrap_or_default();
        let outputs = [staged.changes(), commands, staged.records()].concat();
        let transaction = Transaction {
            position,
            audit_head: staged.audit_head().map(|head| (head.number, head.digest)),
            records: outputs.iter().map(Record::of).collect(),
        };
        let json = serde_json::to_string(&transaction)?;
        let line = format!("{} {json}\n", check(json.as_bytes()));
        let (first, second) = line.as_bytes().split_at(line.len() / 2);
        self.file.write_all(first)?;
        steps.pass();
        self.file.write_all(second)?;
        steps.pass();
        self.file.sync_data()?;
        self.position = position;
        self.audit_head = staged.audit_head();
        Ok(())
    }
}

/// `None` for a line that was cut short.
fn read_transaction(line: &[u8]) -> Option<Transaction> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (found, json) = line.split_once(' ')?;
    if found != check(json.as_bytes()) {
        return None;
    }
    serde_json::from_str(json).ok()
}

fn check(octets: &[u8]) -> String {
    let digest = sha256(octets);
    let start = digest.first_chunk().copied().unwrap_or_default();
    format!("{:016x}", u64::from_be_bytes(start))
}

/// Counts the steps, so that a test can end the process after any of them as a power cut would.
struct Steps {
    kill_at: Option<usize>,
    taken: usize,
}

impl Steps {
    fn pass(&mut self) {
        self.taken += 1;
        if self.kill_at == Some(self.taken) {
            std::process::abort();
        }
    }
}
