//! Records that cannot be used: one decision each, and nothing of it for the others (law 6).

use proptest::prelude::*;
use slotkeeper_engine::{BatchContext, Engine, Partition, Settings, partition_of};

use crate::support::*;

#[test]
fn test_n21_unusable_records_cost_no_other_record_anything() {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, "");
    let good = Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[0])).response(Some(&device.ds));
    let key = || Some(Eui64::from_u64(GPF).canonical().to_vec());
    let record = |text: &str| Some(text.as_bytes().to_vec());
    let truncated = good[..good.len() - 70].to_vec();
    let trailing = [&good[..], b"x"].concat();
    let bomb = record(r#"<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>"#);
    let deep = Some([vec![b'['; 5_000], vec![b']'; 5_000]].concat());
    let stream = Stream::UpdateOutcomes;
    host.push(stream, key(), Some(truncated), true)
        .push(stream, key(), Some(trailing), true)
        .push(stream, key(), Some(Vec::new()), true)
        .push(stream, key(), bomb, false)
        .push(stream, key(), deep, false)
        .push(stream, key(), record(r#"{"gbcs_payload": "%%%"}"#), false)
        .push(stream, key(), record("{}"), false)
        .push(stream, key(), None, false)
        .push(Stream::HandoverRequests, key(), Some(good.clone()), true)
        .push(Stream::HandoverRequests, key(), record("null"), false)
        .push(
            Stream::Adjustments,
            key(),
            record(r#"{"kind": "seen"}"#),
            false,
        );
    let unusable = 11;
    host.push(stream, key(), Some(vec![b' '; 65_537]), false)
        .push(stream, None, Some(good.clone()), true)
        .push(
            stream,
            Some(b"not an EUI-64".to_vec()),
            Some(good.clone()),
            true,
        )
        .message(stream, GPF, good);
    let decided = host.decide();
    let verdicts: Vec<_> = decided.iter().map(Decided::verdict).collect();
    assert!(
        verdicts[..unusable]
            .iter()
            .all(|v| v == "DEAD_LETTER MALFORMED"),
        "{verdicts:?}"
    );
    assert_eq!(
        verdicts[unusable..],
        [
            "DEAD_LETTER TOO_LARGE",
            "DEAD_LETTER BAD_KEY",
            "DEAD_LETTER BAD_KEY",
            "RECORDED ACB_IN_SLOT"
        ]
    );
    assert_eq!(host.faults().len(), unusable + 3);
}

/// Whatever a record quotes, its detail stays a sentence.
#[test]
fn a_detail_does_not_grow_with_the_record() {
    let mut host = Host::knowing(&Device::new(GPF), "");
    let code = "\u{20ac}".repeat(15_000);
    let value = format!(r#"{{"response_code": "{code}"}}"#).into_bytes();
    let decided = host
        .publish(Stream::UpdateOutcomes, GPF, Some(value))
        .decide_one();
    assert!((300..=400).contains(&decided.text("detail").len()));
    let request = Request::of(GPF, 1, &"x".repeat(20_000), next_gno());
    let decided = host.request(&request).decide_one();
    assert!(decided.text("detail").len() <= 400);
}

#[test]
fn test_n26_a_record_of_another_partition_goes_there_as_its_stream_has_it() {
    let count = 7;
    let index = (partition_of(Eui64::from_u64(GPF), count) + 1) % count;
    let settings = Settings::from_json(b"{}").unwrap();
    let partition = Partition { index, count };
    let mut engine = Engine::new(settings, authority(&[AcbKey::Held(0)]), partition, 1, 1);
    engine.open().unwrap();
    let device = Device::new(GPF);
    let octets = Told::new(GPF, gno(), 1, Cell::both(gno(), &ACB[0])).response(Some(&device.ds));
    for (key, bare) in [
        ("00-DB-12-34-56-78-90-A3", true),
        ("00db1234567890a3", false),
    ] {
        let json = format!(r#"{{"gbcs_payload":"{}"}}"#, base64(&octets)).into_bytes();
        let value = if bare { octets.clone() } else { json.clone() };
        let mut host = Host::new("");
        host.push(Stream::UpdateOutcomes, Some(key.into()), Some(value), bare);
        let waiting = host.drop_waiting();
        let inputs: Vec<_> = waiting.iter().map(|record| record.input()).collect();
        let staged = engine.stage(&inputs, &BatchContext::default()).unwrap();
        assert_eq!(decisions(&staged)[0].verdict(), "REROUTED WRONG_PARTITION");
        let again = &staged.records()[1];
        assert_eq!(again.partition, partition_of(Eui64::from_u64(GPF), count));
        assert_eq!(again.key.as_deref(), Some(&b"00-DB-12-34-56-78-90-A3"[..]));
        assert_eq!(again.value.as_deref(), Some(&json[..]));
        assert_eq!(
            again.headers,
            [("rerouted-from", format!("{index}/0").into_bytes())]
        );
        engine.fold(staged.batch()).unwrap();
    }
}

fn octets() -> impl Strategy<Value = Vec<u8>> {
    let device = Device::new(GPF);
    let told = Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[0]));
    let message = told.response(Some(&device.ds));
    let alert = told.alert(Some(&device.ds));
    let record = format!(r#"{{"gbcs_payload": "{}"}}"#, base64(&message)).into_bytes();
    let request = Request::new(GPF, 1).json.to_string().into_bytes();
    let adjustment = Adjustment::new(GPF, "seen", 7)
        .json
        .to_string()
        .into_bytes();
    let seeds = vec![message, alert, record, request, adjustment, device.record()];
    let mutated = (
        proptest::sample::select(seeds),
        proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
        any::<proptest::sample::Index>(),
        0..3_u8,
    )
        .prop_map(|(mut octets, changes, cut, whether)| {
            for (at, octet) in changes {
                let at = at.index(octets.len());
                octets[at] = octet;
            }
            if whether == 0 {
                octets.truncate(cut.index(octets.len()));
            }
            octets
        });
    prop_oneof![
        3 => mutated,
        1 => proptest::collection::vec(any::<u8>(), 0..200),
        1 => ".{0,60}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    /// Arbitrary octets on every stream: no panic, one decision a record, and a good record after them is decided well.
    #[test]
    fn test_n21_any_octets_get_one_decision(
        records in proptest::collection::vec(
            (0..Stream::INPUTS.len(), proptest::option::of(octets()), any::<bool>(), 0..5_u8),
            1..20,
        ),
    ) {
        let device = Device::new(GPF + 1);
        let mut host = Host::knowing(&device, "");
        let mut events = 0;
        for (stream, value, bare, key) in records {
            let stream = Stream::INPUTS[stream];
            events += usize::from(stream != Stream::Inventory);
            let key = match key {
                0 => None,
                1 => Some(b"?".to_vec()),
                _ => Some(Eui64::from_u64(GPF).canonical().to_vec()),
            };
            host.push(stream, key, value, bare);
        }
        let told = Told::new(GPF + 1, gno(), 1_200, Cell::both(gno(), &ACB[0]));
        host.outcome(&device, &told);
        let decided = host.decide();
        let firsts: Vec<_> = decided.iter().filter(|d| !d.is_redecision()).collect();
        prop_assert_eq!(firsts.len(), events + 1);
        let mut places: Vec<_> = firsts.iter().map(|d| d.0["offset"].as_u64()).collect();
        places.dedup();
        prop_assert_eq!(places.len(), events + 1);
        prop_assert_eq!(firsts.last().unwrap().verdict(), "RECORDED ACB_IN_SLOT");
        host.restart();
        host.decide();
    }
}
