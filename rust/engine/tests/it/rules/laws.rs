//! The laws, on what was committed, whatever was told and however batches ended.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use slotkeeper_counters::DeviceImage;

use super::event_writer::{EventWriter, Happening};
use crate::support::*;

const LAST: u64 = i64::MAX as u64;
const DEVICES: u64 = 3;

/// How a batch ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Discarded,
    /// Whether it was committed, though nobody knows.
    Doubtful(bool),
    Folded,
    /// Committed, and then another process takes over.
    Restarted,
}

/// To which device, with which number.
type Told = (usize, u64, Happening);

fn happening() -> impl Strategy<Value = Happening> {
    use Happening::*;
    prop_oneof![
        2 => (0..3_usize, any::<bool>(), 1..3_usize)
            .prop_map(|(kind, supplier, persons)| Adjusted { kind, supplier, persons }),
        6 => (0..8_u64, proptest::bool::weighted(0.25), any::<bool>())
            .prop_map(|(id, supplier, hint)| Asked { id, supplier, hint }),
        1 => (0..Stream::INPUTS.len()).prop_map(|stream| Garbage { stream }),
        4 => (0..3_usize, proptest::bool::weighted(0.2), proptest::bool::weighted(0.8), any::<bool>())
            .prop_map(|(to, failed, honest, alert)| HandedBack { to, failed, honest, alert }),
        2 => (any::<bool>(), proptest::bool::weighted(0.2))
            .prop_map(|(supplier, failed)| HandedOver { supplier, failed }),
        3 => (0..7_usize).prop_map(|form| Inventory { form }),
        1 => any::<bool>().prop_map(|to_acb| OnItsWay { to_acb }),
        2 => (0..3_usize, any::<bool>(), proptest::bool::weighted(0.8))
            .prop_map(|(holder, timed, honest)| Read { holder, timed, honest }),
        1 => Just(Recovered),
        1 => Just(Accepted),
    ]
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        8 => 1..40_u64,
        2 => NOW_MS - 2..NOW_MS + 2,
        1 => prop_oneof![Just((1 << 62) - 1), Just(1 << 62), Just((1 << 62) + 1)],
        1 => LAST - 3..=LAST,
    ]
}

fn history() -> impl Strategy<Value = Vec<(Vec<Told>, End)>> {
    let end = prop_oneof![
        5 => Just(End::Folded),
        2 => Just(End::Discarded),
        1 => any::<bool>().prop_map(End::Doubtful),
        1 => Just(End::Restarted),
    ];
    let told = (0..usize::try_from(DEVICES).unwrap(), number(), happening());
    proptest::collection::vec((proptest::collection::vec(told, 0..6), end), 1..12)
}

type Batch = (Vec<Record>, End);

fn written(history: &[(Vec<Told>, End)]) -> (Vec<Batch>, BTreeMap<u64, u64>) {
    let mut writer = EventWriter::new(DEVICES);
    let mut batches = Vec::new();
    for (told, end) in history {
        for (device, number, happening) in told {
            writer.write(*device, *number, happening);
        }
        batches.push((writer.written(), *end));
    }
    (batches, writer.proven)
}

/// Lives through a history: what is not committed comes again with the next batch.
fn lived(
    settings: &str,
    batches: &[Batch],
    turn: usize,
    watch: &mut impl FnMut(&Host, &[Decided]),
) -> Host {
    let mut host = Host::new(settings);
    let all_committed = (Vec::new(), End::Folded);
    for (records, end) in batches.iter().chain([&all_committed]) {
        host.take(records);
        let staged = host.stage();
        match end {
            End::Discarded => host.engine.discard(staged.batch()).unwrap(),
            End::Doubtful(committed) => {
                if *committed {
                    let decided = host.write(&staged);
                    watch(&host, &decided);
                }
                host.engine.in_doubt(staged.batch()).unwrap();
                host.restore(|records| shuffle(records, turn));
            }
            End::Folded | End::Restarted => {
                let decided = host.write(&staged);
                host.engine.fold(staged.batch()).unwrap();
                watch(&host, &decided);
                if matches!(end, End::Restarted) {
                    host.restart();
                }
            }
        }
    }
    host
}

fn shuffle<T>(records: &mut [T], turn: usize) {
    records.reverse();
    let middle = turn % records.len().max(1);
    records.rotate_left(middle);
}

/// Laws 1 to 5, watched from commit to commit.
#[derive(Default)]
struct Watch {
    proven: BTreeMap<u64, u64>,
    decided: BTreeSet<u64>,
    commands: usize,
    /// The highest number that a believed message of the device proved for (device, role).
    known: BTreeMap<(String, String), u64>,
    marks: BTreeMap<(String, String, &'static str), u64>,
    last: BTreeMap<(String, String), u64>,
    octets: BTreeMap<(String, String, String), String>,
    answered: BTreeMap<String, String>,
}

impl Watch {
    fn see(&mut self, host: &Host, decided: &[Decided]) {
        let mut issued = Vec::new();
        for decision in decided {
            let offset = decision.0["offset"].as_u64().unwrap();
            if decision.is_redecision() {
                assert!(
                    decision.0["cause_stream"].is_string(),
                    "law 5: {decision:?}"
                );
                assert!(self.decided.contains(&offset), "law 5: {decision:?}");
            } else {
                assert!(
                    self.decided.insert(offset),
                    "law 5: decided twice {decision:?}"
                );
            }
            let slot = (
                decision.text("device_id").to_owned(),
                decision.text("remote_party_role").to_owned(),
            );
            if decision.text("disposition") == "ISSUED" {
                let number = decision.number("originator_counter").unwrap();
                let known = self.known.get(&slot).copied();
                assert!(Some(number) > known, "law 2: {number} after {known:?}");
                issued.push(number);
            }
            self.weigh(&slot, offset, decision);
        }
        let commands = host.read(Stream::Commands);
        assert_eq!(
            commands.len() - self.commands,
            issued.len(),
            "a command for each number"
        );
        for (command, number) in commands[self.commands..].iter().zip(issued) {
            let text = |name: &str| command[name].as_str().unwrap().to_owned();
            assert_eq!(text("originator_counter"), number.to_string());
            let slot = (text("device_id"), text("remote_party_role"));
            let before = self.last.insert(slot, number);
            assert!(before < Some(number), "law 1: {number} after {before:?}");
            let nonce = (
                text("originator_id"),
                text("originator_counter"),
                text("device_id"),
            );
            let other = self.octets.insert(nonce, text("gbcs_payload"));
            assert_eq!(other, None, "law 4");
            let first = self
                .answered
                .insert(text("request_id"), text("originator_counter"));
            assert_eq!(first, None, "a second command for one request");
        }
        self.commands = commands.len();
    }

    fn weigh(&mut self, slot: &(String, String), offset: u64, decision: &Decided) {
        for name in ["recorded_counter", "seen_counter"] {
            let Some(number) = decision.number(name) else {
                continue;
            };
            let mark = self
                .marks
                .entry((slot.0.clone(), slot.1.clone(), name))
                .or_default();
            assert!(
                number >= *mark,
                "law 3: {name} fell from {mark}: {decision:?}"
            );
            *mark = number;
        }
        let believed = match decision.text("disposition") {
            "RECORDED" | "HANDOVER_CONFIRMED" | "HANDOVER_FAILED" => true,
            "SEEN" => decision.text("reason") != "PRE_COMMAND",
            "NOT_RECORDED" => ["ALL_CELLS_FAILED", "NO_OUTCOME"].contains(&decision.text("reason")),
            _ => false,
        };
        let lifts_no_ceiling =
            decision.has_flag("UNANCHORED") && decision.has_flag("ABOVE_CEILING");
        let is_valid = decision.0["message"]["signature"] == "valid" && !lifts_no_ceiling
            || ["ADJUSTED", "NO_CHANGE"].contains(&decision.text("reason"));
        let proven = self.proven.get(&offset).filter(|_| believed && is_valid);
        if let Some(number) = proven {
            let known = self.known.entry(slot.clone()).or_default();
            *known = (*number).max(*known);
        }
    }
}

/// The record of a device, where the changelog has one.
fn kept(host: &Host, device: Eui64) -> Option<DeviceImage> {
    host.engine.device(device).filter(|image| image.version > 0)
}

const SETTINGS: [&str; 3] = [
    "",
    r#"{"counter": {"source": "sequence"}}"#,
    r#"{"verify": {"device_signatures": "require"}, "adjustments": {"dual_control": true}}"#,
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(250) })]

    #[test]
    fn the_laws_hold_on_what_was_committed(
        history in history(),
        settings in 0..SETTINGS.len(),
        turn in 0..7_usize,
    ) {
        let (batches, proven) = written(&history);
        let mut watch = Watch { proven, ..Watch::default() };
        let host = lived(SETTINGS[settings], &batches, turn, &mut |host, decided| watch.see(host, decided));
        let events = batches
            .iter()
            .flat_map(|(records, _)| records)
            .filter(|record| record.stream != Stream::Inventory)
            .count();
        prop_assert_eq!(watch.decided.len(), events, "law 5: a record without decision");

        // Law 6 and 8: each device comes out as if it were alone, and the store is all there is.
        for number in 0..DEVICES {
            let device = Eui64::from_u64(GPF + number);
            let key = Some(device.canonical().to_vec());
            let alone: Vec<Batch> = batches
                .iter()
                .map(|(records, end)| {
                    let own = records.iter().filter(|record| record.key == key);
                    (own.cloned().collect(), *end)
                })
                .collect();
            let alone = lived(SETTINGS[settings], &alone, turn, &mut |_, _| {});
            prop_assert_eq!(kept(&alone, device), kept(&host, device));
        }
        let mut restored = Host::new(SETTINGS[settings]);
        restored.adopt(&host);
        restored.engine.close();
        restored.restore(|records| shuffle(records, turn));
        for number in 0..DEVICES {
            let device = Eui64::from_u64(GPF + number);
            prop_assert_eq!(kept(&restored, device), kept(&host, device));
        }
        prop_assert_eq!(restored.engine.statistics().parked, host.engine.statistics().parked);
    }
}
