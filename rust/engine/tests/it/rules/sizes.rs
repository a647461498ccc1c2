//! How large a record may be, and how large what is written of it becomes (law 6).

use proptest::prelude::*;
use slotkeeper_engine::{
    BatchContext, Cause, Engine, Input, OutputRecord, Partition, Settings, Value, partition_of,
    quarantine,
};
use slotkeeper_gbcs::KeyUsage;

use crate::support::*;

/// The default of `[limits] dead_letter_bytes`.
const LIMIT: usize = 1_040_000;

fn header<'a>(record: &'a OutputRecord, name: &str) -> Option<&'a str> {
    let (_, value) = record.headers.iter().find(|(n, _)| *n == name)?;
    Some(std::str::from_utf8(value).unwrap())
}

fn dead_letter(records: &[OutputRecord]) -> &OutputRecord {
    let mut letters = records.iter().filter(|r| r.stream == Stream::DeadLetters);
    let letter = letters.next().unwrap();
    assert!(letters.next().is_none());
    letter
}

fn hex(octets: &[u8]) -> String {
    let digits = |octet: &u8| [octet >> 4, octet & 15].map(|d| char::from_digit(d.into(), 16));
    octets.iter().flat_map(digits).flatten().collect()
}

/// Wherever it stands, under whatever key.
#[test]
fn size_is_judged_before_anything_else() {
    let count = 7;
    let index = (partition_of(Eui64::from_u64(GPF), count) + 1) % count;
    let partition = Partition { index, count };
    let settings = Settings::from_json(b"{}").unwrap();
    let mut engine = Engine::new(settings, authority(&[AcbKey::Held(0)]), partition, 1, 1);
    engine.open().unwrap();
    let key = Eui64::from_u64(GPF).canonical();
    let value = vec![b' '; 65_537];
    for stream in Stream::INPUTS {
        for key in [None, Some(&b"no EUI-64"[..]), Some(&key[..])] {
            let input = Input {
                stream,
                offset: 3,
                key,
                value: Value::Record(&value),
            };
            let staged = engine.stage(&[input], &BatchContext::default()).unwrap();
            let letter = dead_letter(staged.records());
            assert_eq!(header(letter, "fault"), Some("TOO_LARGE"));
            assert_eq!(letter.value.as_deref(), Some(&value[..]));
            assert_eq!(header(letter, "sha256"), None, "it is whole");
            let decided = decisions(&staged);
            assert_eq!(decided.len(), usize::from(stream != Stream::Inventory));
            if let Some(decided) = decided.first() {
                assert_eq!(decided.verdict(), "DEAD_LETTER TOO_LARGE");
            }
            engine.fold(staged.batch()).unwrap();
        }
    }
}

/// A message by itself is as large as the record that would carry it.
#[test]
fn a_bare_message_counts_as_its_record() {
    let mut host = Host::new("");
    for (octets, verdict) in [
        (49_000, "DEAD_LETTER MALFORMED"),
        (49_200, "DEAD_LETTER TOO_LARGE"),
    ] {
        let decided = host.message(Stream::UpdateOutcomes, GPF, vec![0; octets]);
        assert_eq!(decided.decide_one().verdict(), verdict);
    }
}

#[test]
fn a_dead_letter_keeps_what_fits_and_tells_of_the_whole() {
    let mut host = Host::new("");
    let value = vec![0; 3_000_000];
    host.publish(Stream::UpdateOutcomes, GPF, Some(value.clone()))
        .decide();
    let letter = dead_letter(&host.outputs);
    assert_eq!(letter.octets(), LIMIT);
    assert_eq!(header(letter, "octets"), Some("3000000"));
    let whole = hex(&slotkeeper_crypto::sha256(&value));
    assert_eq!(header(letter, "sha256"), Some(&whole[..]));
    assert!(value.starts_with(letter.value.as_deref().unwrap()));
    assert_eq!(header(letter, "key-octets"), None);
}

#[test]
fn a_huge_key_is_cut_likewise() {
    let mut host = Host::new("");
    let key = vec![b'0'; 2_000_000];
    let decided = host
        .push(
            Stream::UpdateOutcomes,
            Some(key.clone()),
            Some(b"{}".to_vec()),
            false,
        )
        .decide_one();
    assert_eq!(decided.verdict(), "DEAD_LETTER TOO_LARGE");
    assert_eq!(
        decided.text("detail"),
        "a key of 2000000 octets; the limit is 1024"
    );
    let letter = dead_letter(&host.outputs);
    assert_eq!(letter.key.as_deref(), Some(&key[..1_024]));
    assert_eq!(letter.value.as_deref(), Some(&b"{}"[..]));
    assert_eq!(header(letter, "key-octets"), Some("2000000"));
    let whole = hex(&slotkeeper_crypto::sha256(&key));
    assert_eq!(header(letter, "key-sha256"), Some(&whole[..]));
    assert_eq!(header(letter, "octets"), None);
}

#[test]
fn what_is_quarantined_fits_as_well() {
    let (key, value) = (vec![0xff; 5_000], vec![7; 3_000_000]);
    let input = Input {
        stream: Stream::HandoverRequests,
        offset: 1,
        key: Some(&key),
        value: Value::Record(&value),
    };
    let detail = "\u{1}".repeat(100_000);
    let records = quarantine(&input, 0, NOW_MS, Cause::EngineFault, &detail, LIMIT);
    assert_eq!(records.len(), 2);
    let letter = dead_letter(&records);
    assert_eq!(letter.octets(), LIMIT);
    assert_eq!(header(letter, "octets"), Some("3000000"));
    assert!(records.iter().all(|record| record.octets() <= LIMIT));
    assert!(records[1].octets() < 4_000, "{}", records[1].octets());
}

/// What is too large when it comes is too large when the partition is restored.
#[test]
fn an_oversized_inventory_record_is_void_after_a_restart_too() {
    let device = Device::new(GPF);
    let mut host = Host::new("");
    let padded = [device.record(), vec![b' '; 70_000]].concat();
    host.publish(Stream::Inventory, GPF, Some(padded)).decide();
    assert_eq!(host.faults(), ["TOO_LARGE"]);
    for _ in 0..2 {
        let decided = host.request(&Request::new(GPF, 1)).decide_one();
        assert_eq!(decided.verdict(), "REFUSED UNKNOWN_DEVICE");
        host.restart();
    }
}

#[test]
fn what_a_record_quotes_is_cut_in_every_output() {
    let mut host = Host::knowing(&Device::new(GPF), "");
    let long = "\u{1}\u{20ac}".repeat(5_000);
    host.request(&Request::of(GPF, 1, &long, next_gno()));
    let value = serde_json::json!({"request_id": long, "response_code": "I0"});
    host.publish(
        Stream::UpdateOutcomes,
        GPF,
        Some(value.to_string().into_bytes()),
    );
    let mut record: serde_json::Value = serde_json::from_slice(&Device::new(GPF).record()).unwrap();
    record["device_id"] = long.into();
    host.publish(
        Stream::Inventory,
        GPF,
        Some(record.to_string().into_bytes()),
    );
    host.decide();
    assert_eq!(host.read(Stream::Refusals).len(), 1);
    assert_eq!(host.faults(), ["MALFORMED"]);
    let letter = dead_letter(&host.outputs);
    assert!(header(letter, "detail").unwrap().len() <= 400);
    for output in &host.outputs {
        let kept = match output.stream {
            Stream::DeadLetters => output.value.as_ref().unwrap().len(),
            _ => 0,
        };
        let octets = output.octets() - kept;
        assert!(octets < 5_000, "{:?}: {octets}", output.stream);
    }
}

/// A message may tell of as many cells as fit into it.
#[test]
fn an_audit_record_names_few_cells() {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, "");
    let cell = Cell::new(KeyUsage::KeyAgreement, gno(), &ACB[0]);
    let told = Told::new(GPF, gno(), 1_200, vec![cell; 700]);
    let decided = host.outcome(&device, &told).decide_one();
    assert_eq!(decided.verdict(), "RECORDED PARTIAL_KA");
    assert_eq!(decided.0["cells"].as_array().unwrap().len(), 32);
    assert_eq!(decided.0["cells_left_out"], 668);
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let device = Device::new(GPF);
    let cell = Cell::new(KeyUsage::DigitalSignature, gno(), &ACB[0]);
    let told = Told::new(GPF, gno(), 1_200, vec![cell; 150]);
    let message = told.response(Some(&device.ds));
    let bare = message.clone();
    let record = format!(r#"{{"gbcs_payload": "{}"}}"#, base64(&message)).into_bytes();
    let long = (0..9_000_usize, "[\u{1}\"\u{20ac}a]{1,8}")
        .prop_map(|(times, text)| text.repeat(times / text.len()));
    let quoting = (long, 0..5_usize).prop_map(|(text, which)| {
        let json = match which {
            0 => serde_json::json!({"request_id": text, "response_code": text}),
            1 => Request::of(GPF, 1, &text, next_gno()).json,
            2 => Request::new(GPF, 1).with("/request_id", text).json,
            3 => Adjustment::new(GPF, &text, 7).with("by", vec![text]).json,
            _ => serde_json::json!({"device_id": text, "device_type": "GPF"}),
        };
        json.to_string().into_bytes()
    });
    prop_oneof![
        Just(bare),
        Just(record),
        quoting,
        (0..120_000_usize, any::<u8>()).prop_map(|(octets, octet)| vec![octet; octets]),
        Just(Request::new(GPF, 2).json.to_string().into_bytes()),
        Just(device.record()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// Whatever comes in, no record that goes out is above the limit, rerouted, refused and evicted ones included.
    #[test]
    fn no_output_is_above_the_limit(
        records in proptest::collection::vec(
            (0..Stream::INPUTS.len(), proptest::option::of(value()), any::<bool>(), 0..6_u8, 0..60_000_usize),
            1..12,
        ),
        count in 1..3_u32,
    ) {
        const LIMIT: usize = 49_152;
        let settings = br#"{"limits": {"message_bytes": 16384, "dead_letter_bytes": 49152, "parking_bytes": 30000}}"#;
        let settings = Settings::from_json(settings).unwrap();
        let partition = Partition { index: 0, count };
        let mut engine = Engine::new(settings, authority(&[AcbKey::Held(0)]), partition, 1, 1);
        engine.open().unwrap();
        let mut host = Host::new("");
        for (stream, value, bare, key, length) in records {
            let key = match key {
                0 => None,
                1 => Some(vec![b'?'; length]),
                key => Some(Eui64::from_u64(GPF + u64::from(key % 3)).canonical().to_vec()),
            };
            host.push(Stream::INPUTS[stream], key, value, bare);
        }
        let waiting = host.drop_waiting();
        let inputs: Vec<_> = waiting.iter().map(|record| record.input()).collect();
        let mut staged = engine.stage(&inputs, &BatchContext::default()).unwrap();
        staged.seal().unwrap();
        let outputs = staged.records().iter().chain(staged.changes());
        for output in outputs.chain(staged.commands().unwrap()) {
            prop_assert!(output.octets() <= LIMIT, "{:?}: {}", output.stream, output.octets());
        }
    }
}
