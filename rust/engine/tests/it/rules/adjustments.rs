//! `counter-adjustments`: upwards only, by whoever may.

use serde_json::json;
use slotkeeper_counters::Role;

use crate::support::*;

const DUAL: &str = r#"{"adjustments": {"dual_control": true}}"#;

fn known(settings: &str) -> Host {
    Host::knowing(&Device::new(GPF), settings)
}

fn next_number(host: &mut Host, number: u64) -> u64 {
    let decided = host
        .request(&Request::new(GPF, number).hint(1))
        .decide_one();
    decided.number("originator_counter").unwrap()
}

#[test]
fn test_d11_every_kind_raises_and_none_lowers() {
    for kind in ["recorded", "seen", "issued"] {
        let mut host = known("");
        let decided = host.adjust(&Adjustment::new(GPF, kind, 500)).decide_one();
        assert_eq!(decided.verdict(), "SEEN ADJUSTED");
        for lower in [0, 499, 500] {
            let decided = host.adjust(&Adjustment::new(GPF, kind, lower)).decide_one();
            let first_sight = kind == "issued" && lower != 500;
            let expected = if first_sight {
                "SEEN ADJUSTED"
            } else {
                "SEEN NO_CHANGE"
            };
            assert_eq!(decided.verdict(), expected, "{kind} {lower}");
        }
        assert_eq!(next_number(&mut host, 1), 501, "{kind}");
    }
}

#[test]
fn test_d11_two_different_persons() {
    for (settings, number, by, verdict) in [
        ("", 500, json!(["Ann"]), "SEEN ADJUSTED"),
        ("", 500, json!([]), "SEEN ADJUSTED"),
        (DUAL, 500, json!(["Ann"]), "REJECTED NOT_AUTHORISED"),
        (
            DUAL,
            500,
            json!(["Ann", " ann "]),
            "REJECTED NOT_AUTHORISED",
        ),
        (DUAL, 500, json!(["Ann", "Bob"]), "SEEN ADJUSTED"),
        ("", (1 << 62) + 1, json!(["Ann"]), "REJECTED NOT_AUTHORISED"),
        // Claims prove nothing, and what is raised can never be lowered.
        (
            "",
            (1 << 62) + 1,
            json!(["Ann", "Bob"]),
            "REJECTED NOT_AUTHORISED",
        ),
    ] {
        let mut host = known(settings);
        let adjustment = Adjustment::new(GPF, "recorded", number).with("by", by);
        let decided = host.adjust(&adjustment).decide_one();
        assert_eq!(decided.verdict(), verdict);
        assert_eq!(decided.has_flag("ABOVE_CEILING"), number > 1 << 62);
        let expected = (verdict == "SEEN ADJUSTED").then_some(number);
        assert_eq!(decided.number("recorded_counter"), expected);
    }
}

/// An import names numbers in more places than one; the highest decides who may.
#[test]
fn test_d11_no_number_comes_in_by_a_side_door() {
    let above = ((1_u64 << 62) + 1).to_string();
    let id = format!("{}:{}:1", Eui64::from_u64(SUPPLIER), Eui64::from_u64(GPF));
    for (name, value) in [
        ("issued_numbers", json!([above])),
        ("request_ids", json!({ id: above })),
        ("issued_blocks", json!([["1", above]])),
        ("issued_floor", json!(above)),
    ] {
        let mut host = known("");
        let adjustment = Adjustment::new(GPF, "seen", 1)
            .with(name, value)
            .with("by", vec!["Ann", "Bob"]);
        assert_eq!(
            host.adjust(&adjustment).decide_one().verdict(),
            "REJECTED NOT_AUTHORISED"
        );
    }
}

#[test]
fn what_cannot_be_an_adjustment_is_a_dead_letter_or_refused() {
    let mut host = known("");
    for (adjustment, verdict) in [
        (Adjustment::new(GPF, "lowered", 1), "DEAD_LETTER MALFORMED"),
        (
            Adjustment::new(GPF, "seen", 1 << 63),
            "DEAD_LETTER MALFORMED",
        ),
        (
            Adjustment::new(GPF, "seen", 1).with("at_least", 7),
            "DEAD_LETTER MALFORMED",
        ),
        (
            Adjustment::new(GPF, "issued", 1).with("issued_blocks", json!([["6", "5"]])),
            "DEAD_LETTER MALFORMED",
        ),
        (
            Adjustment::new(GPF, "issued", 1).with("issued_blocks", json!([["5"]])),
            "DEAD_LETTER MALFORMED",
        ),
        (
            Adjustment::new(GPF, "seen", 1).with("device_id", Eui64::from_u64(GPF + 1).to_string()),
            "REJECTED WRONG_DEVICE",
        ),
        (
            Adjustment::new(GPF, "seen", 1).with("remote_party_role", "TransCoS"),
            "NOT_RECORDED NOT_NETWORK_OPERATOR_ROLE",
        ),
    ] {
        assert_eq!(host.adjust(&adjustment).decide_one().verdict(), verdict);
    }
    let image = host.engine.device(Eui64::from_u64(GPF)).unwrap();
    assert_eq!(image.network_operator.marks.seen, None);
}

#[test]
fn test_d10_an_import_may_be_repeated() {
    let mut host = known("");
    let ids: serde_json::Map<_, _> = (0..70)
        .map(|number| {
            let id = format!(
                "{}:{}:{number}",
                Eui64::from_u64(SUPPLIER),
                Eui64::from_u64(GPF)
            );
            (id, json!((1_000 + number).to_string()))
        })
        .collect();
    let import = Adjustment::new(GPF, "recorded", 900)
        .with("issued_numbers", json!(["5", "950", "7"]))
        .with("request_ids", ids);
    assert_eq!(host.adjust(&import).decide_one().verdict(), "SEEN ADJUSTED");
    let image = host.engine.device(Eui64::from_u64(GPF)).unwrap();
    assert_eq!(image.network_operator.marks.issued, Some(1_069));
    assert_eq!(image.requests.len(), 8);
    let cover = image.cover(Role::NetworkOperator);
    assert!([5, 7, 950, 1_000, 1_061].map(|n| cover.contains(n)) == [true; 5]);
    // The highest are remembered, not those whose text sorts last.
    let decided = host.request(&Request::new(GPF, 62)).decide_one();
    assert_eq!(decided.verdict(), "DUPLICATE SAME_REQUEST");
    assert_eq!(decided.number("originator_counter"), Some(1_062));
    let again = Adjustment::new(GPF, "recorded", 900).with("issued_numbers", json!(["950"]));
    assert_eq!(host.adjust(&again).decide_one().verdict(), "SEEN NO_CHANGE");
    assert_eq!(next_number(&mut host, 1_000), 1_070);
}

/// The device's record stays small, however many numbers come in.
#[test]
fn adjustments_without_end_leave_a_small_record() {
    let mut host = known("");
    for batch in 0..45_u64 {
        let numbers = (0..2_500).map(|n| ((batch * 2_500 + n) * 1_000).to_string());
        let numbers: Vec<String> = numbers.collect();
        let import = Adjustment::new(GPF, "issued", 1).with("issued_numbers", json!(numbers));
        host.adjust(&import).decide_one();
    }
    let record = host.engine.device(Eui64::from_u64(GPF)).unwrap().encode();
    assert!(record.len() < 2_500, "{} octets", record.len());
    assert_eq!(next_number(&mut host, 1), 45 * 2_500_000 - 1_000 + 1);
}

/// What an export of another store says of a role's numbers.
#[test]
fn test_d10_blocks_and_floor_of_an_export_are_taken() {
    let mut host = known("");
    let import = Adjustment::new(GPF, "issued", 1)
        .with("issued_blocks", json!([["100", "163"], ["200", "200"]]))
        .with("issued_floor", json!("5000"));
    let decided = host.adjust(&import).decide_one();
    assert_eq!(decided.verdict(), "SEEN ADJUSTED");
    // Where the changelog is lost, the decision alone tells of them.
    let adjusted = &decided.0["adjusted"];
    assert_eq!(adjusted["issued_floor"], "5000");
    let blocks = adjusted["issued_blocks"].as_array().unwrap();
    assert!(blocks.len() <= 8);
    assert_eq!(blocks[0]["first"], "100");
    assert_eq!(blocks.last().unwrap()["last"], "200");
    assert_eq!(
        host.adjust(&import).decide_one().verdict(),
        "SEEN NO_CHANGE"
    );
    let image = host.engine.device(Eui64::from_u64(GPF)).unwrap();
    assert_eq!(image.network_operator.marks.issued, Some(5_000));
    assert_eq!(image.highest_used(Role::NetworkOperator), Some(200));
    let cover = image.cover(Role::NetworkOperator);
    assert!(cover.contains(130) && cover.contains(200) && !cover.contains(5_000));
    assert_eq!(next_number(&mut host, 1), 5_001);
}

/// Who raised a number, and why, must outlive the stream that brought it.
#[test]
fn test_d11_the_decision_keeps_who_raised_a_number_and_why() {
    let mut host = Host::new("");
    let raise = Adjustment::new(GPF, "seen", 7_000)
        .with("reason", "found in the \"old\" register")
        .with("source", "ticket 7")
        .with("by", vec!["Ann \"A\"", "Bob"]);
    let decided = host.adjust(&raise).decide_one();
    let adjusted = serde_json::json!({
        "by": ["Ann \"A\"", "Bob"], "signed": false, "reason": "found in the \"old\" register", "source": "ticket 7",
        "kind": "seen", "at_least": "7000",
    });
    assert_eq!(decided.0["adjusted"], adjusted);
    // Nothing rose, and nobody raised it.
    let decided = host.adjust(&raise).decide_one();
    assert_eq!(decided.verdict(), "SEEN NO_CHANGE");
    assert!(decided.0.get("adjusted").is_none());
    // Members of the wrong type, and long ones, cost nothing but themselves.
    let long = Adjustment::new(GPF, "seen", 7_001)
        .with("reason", "\u{1}".repeat(3_000))
        .with("source", 7)
        .with("by", vec!["\u{1}".repeat(200); 20]);
    let decided = host.adjust(&long).decide_one();
    assert_eq!(decided.verdict(), "SEEN ADJUSTED");
    assert_eq!(decided.0["adjusted"]["by"].as_array().unwrap().len(), 8);
    assert!(decided.0["adjusted"]["source"].is_null());
    assert!(decided.0.to_string().len() < 12_000);
}
