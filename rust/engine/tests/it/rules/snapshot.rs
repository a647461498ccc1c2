//! A snapshot taken between batches, and what it may not change: the engine that a full replay gives.

use std::collections::BTreeMap;

use proptest::prelude::*;
use slotkeeper_engine::{
    Engine, EngineError, OutputRecord, RestoreError, SnapshotCursor, SnapshotError,
};

use crate::support::*;

const DEVICES: u64 = 5;

type Logged = (Vec<u8>, Option<Vec<u8>>);

/// Both logs of a partition, whole, as a broker has them that has not compacted yet.
#[derive(Default)]
struct Logs {
    changelog: Vec<Logged>,
    inventory: Vec<Logged>,
}

impl Logs {
    fn decide(&mut self, host: &mut Host) {
        let staged = host.stage();
        let changes = staged.changes().iter().map(logged);
        self.changelog.extend(changes);
        let waiting = host.waiting().iter();
        let inventory = waiting.filter(|record| record.stream == Stream::Inventory);
        self.inventory
            .extend(inventory.map(|record| (record.key.clone().unwrap(), record.value.clone())));
        host.write(&staged);
        host.engine.fold(staged.batch()).unwrap();
    }

    fn replay(&self, engine: &mut Engine, from: (usize, usize)) {
        for (key, value) in &self.changelog[from.0..] {
            engine.replay(key, value.as_deref()).unwrap();
        }
        let records: Vec<_> = self.inventory[from.1..]
            .iter()
            .map(|(key, value)| (Some(key), value.as_ref()))
            .collect();
        engine.load_inventory(&records);
        engine.open().unwrap();
    }

    fn damage(&mut self, device: u64) {
        let key = Eui64::from_u64(GPF + device).canonical().to_vec();
        let newest = self.changelog.iter_mut().rev().find(|(k, _)| *k == key);
        if let Some((_, Some(value))) = newest {
            value[20] ^= 1;
        }
    }

    /// As a broker has them later: the newest record of each key, in the order of the newest.
    fn compacted(records: &[Logged]) -> Vec<Logged> {
        let newest: BTreeMap<_, _> = records
            .iter()
            .enumerate()
            .map(|(place, (key, _))| (key, place))
            .collect();
        let kept = |(place, record): (usize, &Logged)| {
            (newest[&record.0] == place).then(|| record.clone())
        };
        records.iter().enumerate().filter_map(kept).collect()
    }
}

fn logged(record: &OutputRecord) -> Logged {
    (
        record.key.as_ref().unwrap().to_vec(),
        record.value.as_ref().map(|value| value.to_vec()),
    )
}

/// For each device a message of a known signer, one of none, and a request, whose MAC needs the key agreement key.
fn questions() -> Vec<Record> {
    let mut host = Host::new("");
    for number in 0..DEVICES {
        let device = Device::new(GPF + number);
        let told = Told::new(device.eui, gno(), 77, Cell::both(gno(), &ACB[0])).at(1_800_000_000);
        host.outcome(&device, &told);
        host.message(Stream::HandoverOutcomes, device.eui, told.response(None));
        host.request(&Request::new(device.eui, 900).hint(1));
    }
    host.drop_waiting()
}

/// What decisions can depend on: records, parked ones, and what is answered from then on.
fn seen(mut host: Host, questions: &[Record]) -> Vec<String> {
    let mut seen = Vec::new();
    for number in 0..DEVICES {
        let device = Eui64::from_u64(GPF + number);
        // A row of which nothing was ever committed says no more than none.
        let image = host.engine.device(device).filter(|image| image.version > 0);
        seen.push(format!("{image:?}"));
    }
    let statistics = host.engine.statistics();
    let (parked, octets) = (statistics.parked, statistics.parked_bytes);
    seen.push(format!("{parked} parked, {octets} octets"));
    seen.extend(host.decide().iter().map(Decided::line));
    host.take(questions);
    seen.extend(host.decide().iter().map(|decided| decided.0.to_string()));
    seen
}

/// A step of a partition's life.
#[derive(Clone, Copy, Debug)]
enum Step {
    Outcome(u64, u64, u32),
    /// Signed by another's key, so that it is parked.
    Forged(u64, u64),
    Request(u64, u64),
    Supplier(u64, u64),
    Known(u64, Option<u8>),
    OtherType(u64),
    Forgotten(u64),
    Damage(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let device = 0..DEVICES;
    prop_oneof![
        3 => (device.clone(), 1..60_u64, 0..9_u32).prop_map(|(d, n, t)| Step::Outcome(d, n, t)),
        2 => (device.clone(), 1..60_u64).prop_map(|(d, n)| Step::Forged(d, n)),
        2 => (device.clone(), 1..9_u64).prop_map(|(d, n)| Step::Request(d, n)),
        1 => (device.clone(), 1..60_u64).prop_map(|(d, n)| Step::Supplier(d, n)),
        3 => (device.clone(), proptest::option::of(0..3_u8)).prop_map(|(d, i)| Step::Known(d, i)),
        1 => device.clone().prop_map(Step::OtherType),
        1 => device.clone().prop_map(Step::Forgotten),
        1 => device.prop_map(Step::Damage),
    ]
}

fn take(step: Step, host: &mut Host, is_compacted: bool) {
    match step {
        // The keys of a device that came and went unread are in no compacted log.
        Step::Forgotten(_) if is_compacted => {}
        Step::Outcome(device, number, time) => {
            let device = Device::new(GPF + device);
            let told = Told::new(device.eui, gno(), number, Cell::both(gno(), &ACB[0]));
            host.outcome(&device, &told.at(1_700_000_000 + time));
        }
        Step::Forged(device, number) => {
            let told = Told::new(GPF + device, gno(), number, Cell::both(gno(), &ACB[0]));
            let stranger = Device::new(GPF + 99);
            let octets = told.response(Some(&stranger.ds));
            host.message(Stream::UpdateOutcomes, GPF + device, octets);
        }
        Step::Request(device, number) => {
            host.request(&Request::new(GPF + device, number).hint(1));
        }
        Step::Supplier(device, number) => {
            let raise = Adjustment::new(GPF + device, "recorded", number);
            host.adjust(&raise.with("remote_party_role", "Supplier"));
        }
        Step::Known(device, identifier) => {
            let device = Device::new(GPF + device);
            let mut record: serde_json::Value = serde_json::from_slice(&device.record()).unwrap();
            if let Some(identifier) = identifier {
                let digits = format!("{:016x}", u64::from(identifier) + 1);
                record["acb_key_agreement_identifier"] = digits.into();
            }
            let value = record.to_string().into_bytes();
            host.publish(Stream::Inventory, device.eui, Some(value));
        }
        Step::OtherType(device) => {
            let value = br#"{"device_type": "ESME"}"#.to_vec();
            host.publish(Stream::Inventory, GPF + device, Some(value));
        }
        Step::Forgotten(device) => {
            host.forgets(GPF + device);
        }
        Step::Damage(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, ..ProptestConfig::default() })]

    /// Parts taken between any batches, then both logs from where the first part was taken.
    #[test]
    fn a_snapshot_and_the_logs_since_are_the_logs_whole(
        before in proptest::collection::vec(proptest::collection::vec(step(), 0..5), 0..8),
        between in proptest::collection::vec(proptest::collection::vec(step(), 0..4), 0..9),
        after in proptest::collection::vec(step(), 0..4),
        is_compacted in any::<bool>(),
    ) {
        let mut host = Host::new("");
        let mut logs = Logs::default();
        for steps in &before {
            for step in steps {
                take(*step, &mut host, is_compacted);
            }
            logs.decide(&mut host);
            // A restart finds damage; the batch after it marks the devices.
            for step in steps {
                if let Step::Damage(device) = step {
                    logs.damage(*device);
                    host.engine.close();
                    host.engine.clear().unwrap();
                    logs.replay(&mut host.engine, (0, 0));
                }
            }
        }
        let begun = (logs.changelog.len(), logs.inventory.len());
        let mut parts = Vec::new();
        let mut cursor = Some(SnapshotCursor::BEGIN);
        let mut between = between.iter();
        while let Some(at) = cursor {
            let (part, next) = host.engine.snapshot_part(at).unwrap();
            parts.push(part);
            cursor = next;
            for steps in between.by_ref().take(2) {
                for step in steps {
                    take(*step, &mut host, is_compacted);
                }
                logs.decide(&mut host);
            }
        }
        for step in &after {
            take(*step, &mut host, is_compacted);
        }
        logs.decide(&mut host);

        let mut whole = Host::new("");
        whole.engine.close();
        logs.replay(&mut whole.engine, (0, 0));
        let mut restored = cleared();
        for part in &parts {
            restored.engine.load_part(part).unwrap();
        }
        let (changelog, inventory) = begun;
        if is_compacted {
            let since = Logs {
                changelog: Logs::compacted(&logs.changelog[changelog..]),
                inventory: Logs::compacted(&logs.inventory[inventory..]),
            };
            since.replay(&mut restored.engine, (0, 0));
        } else {
            logs.replay(&mut restored.engine, begun);
        }
        let questions = questions();
        let (restored, whole) = (seen(restored, &questions), seen(whole, &questions));
        prop_assert_eq!(restored.len(), whole.len());
        for (restored, whole) in restored.iter().zip(&whole) {
            prop_assert_eq!(restored, whole);
        }
    }
}

fn cleared() -> Host {
    let mut host = Host::new("");
    host.engine.close();
    host.engine.clear().unwrap();
    host
}

fn parts(engine: &Engine) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    let mut cursor = Some(SnapshotCursor::BEGIN);
    while let Some(at) = cursor {
        let (part, next) = engine.snapshot_part(at).unwrap();
        parts.push(part);
        cursor = next;
    }
    parts
}

fn knowing_some() -> Host {
    let mut host = Host::new("");
    for number in 0..3 {
        let device = Device::new(GPF + number);
        host.knows(&device);
        let told = Told::new(device.eui, gno(), 1_200, Cell::both(gno(), &ACB[0]));
        host.outcome(&device, &told);
        host.request(&Request::new(device.eui, number).hint(1));
    }
    host.decide();
    host
}

#[test]
fn a_part_that_is_cut_short_or_too_long_is_refused() {
    let host = knowing_some();
    for part in parts(&host.engine) {
        for length in 0..part.len() {
            let mut other = cleared();
            // Lists of devices can end anywhere; the file that holds them says how long they are.
            if let Ok(()) = other.engine.load_part(&part[..length]) {
                assert!(
                    [2, 3, 4].contains(&part[0]),
                    "kind {}, {length} octets",
                    part[0]
                );
            }
        }
        let mut other = cleared();
        let longer = [&part[..], &[0]].concat();
        assert_eq!(
            other.engine.load_part(&longer),
            Err(SnapshotError::Unreadable)
        );
    }
}

/// What one setting lets into the table the other does not.
#[test]
fn parts_that_were_made_by_another_setting_are_refused() {
    let taken = parts(&knowing_some().engine);
    for settings in [
        r#"{"limits": {"message_bytes": 4096}}"#,
        r#"{"verify": {"device_signatures": "off"}}"#,
    ] {
        let mut other = Host::new(settings);
        other.engine.close();
        other.engine.clear().unwrap();
        assert_eq!(
            other.engine.load_part(&taken[0]),
            Err(SnapshotError::Unreadable)
        );
    }
}

#[test]
fn an_unknown_kind_of_part_is_refused() {
    let mut host = cleared();
    for part in [&[][..], &[0], &[9, 1, 2]] {
        assert_eq!(host.engine.load_part(part), Err(SnapshotError::Unreadable));
    }
}

#[test]
fn only_what_is_committed_is_taken_and_only_a_closed_engine_takes() {
    let mut host = knowing_some();
    let part = parts(&host.engine).remove(0);
    assert_eq!(host.engine.load_part(&part), Err(SnapshotError::NotCleared));
    let staged = host.request(&Request::new(GPF, 7)).stage();
    let taken = host.engine.snapshot_part(SnapshotCursor::BEGIN);
    assert_eq!(taken, Err(EngineError::BatchOpen));
    host.engine.in_doubt(staged.batch()).unwrap();
    let taken = host.engine.snapshot_part(SnapshotCursor::BEGIN);
    assert_eq!(taken, Err(EngineError::Closed));
    // What a warm engine knows may be newer than the part.
    assert_eq!(host.engine.load_part(&part), Err(SnapshotError::NotCleared));
    host.engine.clear().unwrap();
    assert_eq!(host.engine.load_part(&part), Ok(()));
}

/// D3, D7: as long as the process lives.
#[test]
fn burned_numbers_outlive_a_clear_and_a_load() {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, "");
    let told = Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[0]));
    host.outcome(&device, &told).decide();
    let snapshot = parts(&host.engine);
    let staged = host.request(&Request::new(GPF, 1).hint(1)).stage();
    host.engine.in_doubt(staged.batch()).unwrap();
    host.drop_waiting();
    host.engine.clear().unwrap();
    for part in &snapshot {
        host.engine.load_part(part).unwrap();
    }
    host.engine.open().unwrap();
    let decided = host.request(&Request::new(GPF, 2).hint(1)).decide_one();
    assert_eq!(decided.number("originator_counter"), Some(1_202));
}

#[test]
fn an_open_engine_is_not_cleared() {
    let mut host = knowing_some();
    assert!(matches!(host.engine.clear(), Err(RestoreError::Open)));
    host.engine.close();
    host.engine.clear().unwrap();
    assert_eq!(host.engine.statistics().devices, 0);
}

/// A warm engine: closed, and restored from where it stood.
#[test]
fn test_d07_an_engine_that_returns_needs_only_what_is_new() {
    let stranger = Device::new(GPF + 1);
    let mut host = knowing_some();
    let unknown = Device::new(GPF + 50);
    let told = |number| Told::new(GPF + 50, gno(), number, Cell::both(gno(), &ACB[0]));
    host.outcome(&unknown, &told(7));
    let octets = told(8).response(Some(&stranger.ds));
    host.message(Stream::UpdateOutcomes, GPF + 50, octets);
    // Nothing happens to this one: no record tells of it once more.
    let untouched = Told::new(GPF + 51, gno(), 9, Cell::both(gno(), &ACB[0]));
    host.outcome(&Device::new(GPF + 51), &untouched);
    host.decide();
    assert_eq!(host.engine.statistics().parked, 3);
    host.engine.close();

    let mut other = Host::new("");
    other.adopt(&host);
    other.inventory = host.inventory.clone();
    other.restart();
    other.decide();
    let mut logs = Logs::default();
    other.knows(&unknown);
    logs.decide(&mut other);
    other.request(&Request::new(GPF, 70).hint(1));
    logs.decide(&mut other);
    // One of the first two is believed now, the other one has a false signature and goes on waiting.
    assert_eq!(other.engine.statistics().parked, 2);

    logs.replay(&mut host.engine, (0, 0));
    assert!(host.decide().is_empty());
    assert_eq!(host.engine.statistics().parked, 2);
    let decided = host.request(&Request::new(GPF, 71).hint(1)).decide_one();
    assert_eq!(decided.number("originator_counter"), Some(1_203));
    let decided = host
        .request(&Request::new(GPF + 50, 1).hint(1))
        .decide_one();
    assert_eq!(decided.number("originator_counter"), Some(9));
}
