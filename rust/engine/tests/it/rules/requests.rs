//! Requests of SRV 6.21: every refusal, and what stands in the commands of the others.

use serde_json::{Value, json};
use slotkeeper_counters::Role;
use slotkeeper_engine::OutputRecord;
use slotkeeper_gbcs::{Message, Payload, RemotePartyRole, ReplacementMode, SeqNumber};

use crate::support::*;

/// A host whose device's slot was handed back with 1200.
fn handed_back(settings: &str) -> (Device, Host) {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, settings);
    let told = Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[0]));
    host.outcome(&device, &told).decide();
    (device, host)
}

/// Reason and retryable flag of the one refusal, checked to tell the same as the audit record.
fn refusal(host: &mut Host, request: &Request) -> (String, bool) {
    let before = host.read(Stream::Refusals).len();
    let decided = host.request(request).decide_one();
    let refusals = host.read(Stream::Refusals);
    assert_eq!(refusals.len(), before + 1, "{decided:?}");
    let refusal = refusals.last().unwrap();
    assert_eq!(refusal["reason"], decided.0["reason"]);
    assert_eq!(refusal["request_id"], request.json["request_id"]);
    assert_eq!(refusal["detail"], decided.0["detail"]);
    assert!(!refusal["detail"].as_str().unwrap().is_empty());
    assert!(host.read(Stream::Commands).is_empty());
    (decided.verdict(), refusal["retryable"].as_bool().unwrap())
}

fn refused(device: &Device, settings: &str, request: &Request) -> (String, bool) {
    refusal(&mut Host::knowing(device, settings), request)
}

fn reason(name: &str, retryable: bool) -> (String, bool) {
    (format!("REFUSED {name}"), retryable)
}

#[test]
fn refusals_for_what_the_inventory_says() {
    let device = || Device::new(GPF);
    let request = Request::new(GPF, 1);
    for (device, expected) in [
        (
            Device {
                kind: "ESME",
                ..device()
            },
            reason("NOT_GPF", false),
        ),
        (
            Device {
                smets: "SMETS1",
                ..device()
            },
            reason("SMETS1", false),
        ),
        (
            Device {
                status: "Decommissioned",
                ..device()
            },
            reason("DEVICE_RETIRED", false),
        ),
        (
            Device {
                status: "Withdrawn",
                ..device()
            },
            reason("DEVICE_RETIRED", false),
        ),
        (
            Device {
                with_ka: false,
                ..device()
            },
            reason("NO_DEVICE_CERTIFICATE", true),
        ),
        (
            Device {
                eui: GPF + 1,
                ..Device::new(GPF + 1)
            },
            reason("UNKNOWN_DEVICE", true),
        ),
    ] {
        assert_eq!(refused(&device, "", &request), expected);
    }
    for status in [
        "Pending",
        "InstalledNotCommissioned",
        "Suspended",
        "Recovery",
        "Recovered",
    ] {
        let mut host = Host::knowing(&Device { status, ..device() }, "");
        let decided = host.request(&request).decide_one();
        assert_eq!(decided.text("disposition"), "ISSUED", "{status}");
    }
}

#[test]
fn refusals_for_what_the_request_says() {
    let device = Device::new(GPF);
    let ceiling = 1_u64 << 62;
    for (request, settings, expected) in [
        (
            Request::of(GPF, 1, "TransCoS", next_gno()),
            "",
            reason("UNSUPPORTED_ROLE", false),
        ),
        (
            Request::new(GPF, 1).with("/execution_date_time", "2026-06-01T00:00:01Z"),
            "",
            reason("NOT_DUE", true),
        ),
        (
            Request::new(GPF, 1).with("/remote_party_floor_seq_number", (ceiling + 1).to_string()),
            "",
            reason("FLOOR_IMPLAUSIBLE", false),
        ),
        (
            Request::new(GPF, 1).with(
                "/remote_party_prepayment_top_up_floor_seq_number",
                (1_u64 << 63).to_string(),
            ),
            "",
            reason("FLOOR_IMPLAUSIBLE", false),
        ),
        (
            Request::new(GPF, 1).with("/remote_party_floor_seq_number", Value::Null),
            r#"{"counter": {"absent_floor": "refuse"}}"#,
            reason("FLOOR_ABSENT", false),
        ),
        (
            Request::new(GPF, 1),
            r#"{"counter": {"without_evidence": "refuse"}}"#,
            reason("NO_EVIDENCE", true),
        ),
        (
            Request::new(GPF, 1).with(
                "/replacement_certificates/key_agreement_top_up",
                base64(&supplier().ka.certificate),
            ),
            "",
            reason("BAD_CERTIFICATE", false),
        ),
    ] {
        assert_eq!(refused(&device, settings, &request), expected);
    }
    let other = Request {
        device: GPF,
        ..Request::new(GPF + 1, 1)
    };
    let expected = ("REJECTED WRONG_DEVICE".to_owned(), false);
    assert_eq!(refused(&device, "", &other), expected);
}

/// Whatever is configured, a command has to fit into a GBCS message: found out before the batch is sealed.
#[test]
fn certificates_too_long_for_a_message_are_refused_alone() {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, r#"{"limits": {"message_bytes": 1000000}}"#);
    let long = Issuer::new(&"7".repeat(40_000), None, [0x48; 32]);
    let path = [
        base64(&issuer().certificate),
        base64(&long.certificate),
        base64(&long.certificate),
    ];
    let request = Request::new(GPF, 1).with("/certification_path_certificates", json!(path));
    let other = Request::new(GPF, 2);
    let decided = host.request(&request).request(&other).decide();
    let verdicts: Vec<_> = decided.iter().map(Decided::verdict).collect();
    assert_eq!(verdicts, ["REFUSED BAD_CERTIFICATE", "ISSUED NATURAL"]);
    assert!(
        decided[0].text("detail").contains("do not fit"),
        "{decided:?}"
    );
}

#[test]
fn test_s11_a_slot_known_to_be_anothers_is_not_ours_to_hand_over() {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, "");
    let sold = Told::new(GPF, gno(), 1_200, Cell::both(gno(), next_gno()));
    host.outcome(&device, &sold).decide();
    let request = Request::new(GPF, 1);
    assert_eq!(
        refusal(&mut host, &request),
        reason("NOT_DCC_CONTROLLED", true)
    );
    // The same, learnt without proof: the device decides.
    let mut host = Host::knowing(&device, r#"{"verify": {"device_signatures": "off"}}"#);
    host.outcome(&device, &sold).decide();
    let decided = host.request(&request).decide_one();
    assert_eq!(decided.text("disposition"), "ISSUED");
}

#[test]
fn test_s09_the_last_number_and_none_after_it() {
    const LAST: u64 = i64::MAX as u64;
    let (device, mut host) = handed_back(&anchored(issuer()));
    let told = Told::new(GPF, gno(), LAST - 1, Cell::both(gno(), &ACB[0])).at(1_700_000_001);
    host.outcome(&device, &told).decide();
    let staged = host.request(&Request::new(GPF, 1)).stage();
    assert_eq!(staged.command_count(), 1);
    host.engine.discard(staged.batch()).unwrap();
    host.drop_waiting();
    // Another process could: this one burned the number.
    let request = Request::new(GPF, 2);
    assert_eq!(
        refusal(&mut host, &request),
        reason("COUNTER_EXHAUSTED", true)
    );
    host.restart();
    let decided = host.request(&request).decide_one();
    assert_eq!(decided.number("originator_counter"), Some(LAST));
    assert!(decided.has_flag("ABOVE_CEILING"));
    let mut fresh = Host::new("");
    fresh.adopt(&host);
    fresh.inventory = host.inventory.clone();
    fresh.restart();
    let request = Request::new(GPF, 3);
    assert_eq!(
        refusal(&mut fresh, &request),
        reason("COUNTER_EXHAUSTED", false)
    );
}

#[test]
fn test_s01_s02_s03_hints() {
    for (hint, settings, expected, number) in [
        (Some(1_000), "{}", "WATERMARK_EXCEEDED", 1_201),
        (Some(1_200), "{}", "WATERMARK_EXCEEDED", 1_201),
        (Some(1_201), "{}", "NATURAL", 1_201),
        (Some(9_999), "{}", "NATURAL", 9_999),
        // A generator for prepayment uses the top 32 bits: no reason to refuse.
        (Some(1 << 63), "{}", "WATERMARK_EXCEEDED", 1_201),
        (Some((1 << 62) + 1), "{}", "WATERMARK_EXCEEDED", 1_201),
        (None, "{}", "NATURAL", NOW_MS),
        (
            None,
            r#"{"counter": {"source": "sequence"}}"#,
            "WATERMARK_EXCEEDED",
            1_201,
        ),
        (
            Some(5_000),
            r#"{"counter": {"ceiling": "4000"}}"#,
            "WATERMARK_EXCEEDED",
            1_201,
        ),
    ] {
        let (_, mut host) = handed_back(settings);
        let request = Request::new(GPF, 1);
        let request = match hint {
            Some(hint) => request.hint(hint),
            None => request,
        };
        let decided = host.request(&request).decide_one();
        assert_eq!(
            decided.verdict(),
            format!("ISSUED {expected}"),
            "{hint:?} {settings}"
        );
        assert_eq!(decided.number("originator_counter"), Some(number));
    }
    let sequence = r#"{"counter": {"source": "sequence"}}"#;
    let mut host = Host::knowing(&Device::new(GPF), sequence);
    let decided = host.request(&Request::new(GPF, 1)).decide_one();
    assert_eq!(decided.verdict(), "ISSUED NATURAL");
    assert_eq!(decided.number("originator_counter"), Some(1));
    assert_eq!(decided.text("evidence"), "none");
}

/// [4] of the command, for a request without floor: by switch, and by what decided the number.
#[test]
fn absent_floors() {
    let hints = [
        (9_999, "NATURAL"),
        (1, "WATERMARK_EXCEEDED"),
        (1, "ISSUED_EXCEEDED"),
    ];
    for (switch, floors) in [
        ("auto", [Some(0), Some(0), Some(0)]),
        ("omit", [None, None, None]),
        ("zero", [Some(0), Some(0), Some(0)]),
    ] {
        for ((hint, reason), floor) in hints.into_iter().zip(floors) {
            let settings = format!(r#"{{"counter": {{"absent_floor": "{switch}"}}}}"#);
            let (_, mut host) = handed_back(&settings);
            if reason == "ISSUED_EXCEEDED" {
                host.request(&Request::new(GPF, 1).hint(1)).decide();
            }
            let request = Request::new(GPF, 2).hint(hint);
            let request = request.with("/remote_party_floor_seq_number", Value::Null);
            let decided = host.request(&request).decide_one();
            assert_eq!(decided.verdict(), format!("ISSUED {reason}"));
            let octets = last_command(&host);
            assert_eq!(control(&octets).0, floor, "{switch} {reason}");
            assert_eq!(decided.has_flag("ABSENT_FLOOR_ZEROED"), floor.is_some());
            assert_eq!(decided.has_flag("ABSENT_FLOOR_OMITTED"), floor.is_none());
        }
    }
    let (_, mut host) = handed_back("");
    let request = Request::new(GPF, 1).with("/remote_party_floor_seq_number", "77");
    host.request(&request).decide();
    assert_eq!(control(&last_command(&host)).0, Some(77));
}

fn last_command(host: &Host) -> Vec<u8> {
    let command = host.read(Stream::Commands).pop().unwrap();
    let text = command["gbcs_payload"].as_str().unwrap();
    base64_simd::STANDARD.decode_to_vec(text).unwrap()
}

/// Floor, mode and number of a command.
fn control(octets: &[u8]) -> (Option<u64>, ReplacementMode, u64) {
    let message = Message::decode(octets).unwrap();
    let Payload::Command(command) = &message.payload else {
        panic!("no command");
    };
    let control = &command.control;
    assert_eq!(command.execution_date_time, None);
    assert_eq!(
        control.authorising_seq_number.get(),
        message.header.originator_counter
    );
    (
        control.floor.map(SeqNumber::get),
        control.mode,
        message.header.originator_counter,
    )
}

#[test]
fn test_s04_the_supplier_slot_has_a_record_of_its_own() {
    let (_, mut host) = handed_back("");
    let huge = Adjustment::new(GPF, "recorded", 1 << 61).with("remote_party_role", "Supplier");
    host.adjust(&huge).decide();
    let request = Request::of(GPF, 1, "Supplier", supplier())
        .hint(1)
        .with(
            "/remote_party_prepayment_top_up_floor_seq_number",
            (5_u64 << 60).to_string(),
        )
        .with(
            "/replacement_certificates/key_agreement_top_up",
            base64(&supplier().ka.certificate),
        );
    let decided = host.request(&request).decide_one();
    assert_eq!(decided.number("originator_counter"), Some((1 << 61) + 1));
    assert_eq!(decided.text("remote_party_role"), "Supplier");
    assert_eq!(
        control(&last_command(&host)).1,
        ReplacementMode::SupplierBySupplier
    );
    let octets = last_command(&host);
    let message = Message::decode(&octets).unwrap();
    let Payload::Command(command) = &message.payload else {
        panic!("no command");
    };
    assert_eq!(command.replacements.len(), 3);
    assert_eq!(command.control.specialist_floors[0].floor.get(), 5 << 60);
    assert!(
        command
            .replacements
            .iter()
            .all(|r| r.cell.role == RemotePartyRole::Supplier)
    );
    // One role's huge number touches nothing else.
    let decided = host.request(&Request::new(GPF, 2).hint(1)).decide_one();
    assert_eq!(decided.number("originator_counter"), Some(1_201));
}

/// Law 4: the counter is key and nonce of the MAC, whatever the role.
#[test]
fn no_number_is_issued_twice_to_a_device() {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, r#"{"counter": {"source": "sequence"}}"#);
    let mut numbers = Vec::new();
    for number in 1..=6 {
        let request = match number % 2 {
            0 => Request::new(GPF, number),
            _ => Request::of(GPF, number, "Supplier", supplier()),
        };
        numbers.push(
            host.request(&request)
                .decide_one()
                .number("originator_counter")
                .unwrap(),
        );
    }
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn test_s05_s06_a_repeated_request_makes_no_second_command() {
    let (_, mut host) = handed_back("");
    let request = || Request::new(GPF, 1);
    host.request(&request()).request(&request());
    let verdicts: Vec<_> = host.decide().iter().map(Decided::verdict).collect();
    assert_eq!(verdicts, ["ISSUED NATURAL", "DUPLICATE SAME_REQUEST"]);
    host.restart();
    let decided = host.request(&request()).decide_one();
    assert_eq!(decided.verdict(), "DUPLICATE SAME_REQUEST");
    assert_eq!(decided.number("originator_counter"), Some(NOW_MS));
    assert_eq!(host.read(Stream::Commands).len(), 1);
}

#[test]
fn test_s06_the_last_24_requests_of_a_role_are_remembered() {
    let (_, mut host) = handed_back("");
    let of_supplier = Request::of(GPF, 1_000, "Supplier", supplier());
    host.request(&of_supplier).decide();
    for number in 0..25 {
        host.request(&Request::new(GPF, number)).decide();
    }
    let repeat = |host: &mut Host, number| host.request(&Request::new(GPF, number)).decide_one();
    assert_eq!(repeat(&mut host, 1).verdict(), "DUPLICATE SAME_REQUEST");
    assert_eq!(repeat(&mut host, 24).verdict(), "DUPLICATE SAME_REQUEST");
    let decided = host.request(&of_supplier).decide_one();
    assert_eq!(decided.verdict(), "DUPLICATE SAME_REQUEST");
    let oldest = repeat(&mut host, 0);
    assert_eq!(oldest.verdict(), "ISSUED ISSUED_EXCEEDED");
    let highest = host.engine.device(Eui64::from_u64(GPF)).unwrap();
    assert_eq!(
        oldest.number("originator_counter"),
        highest.highest_used(Role::NetworkOperator)
    );
}

#[test]
fn test_s06_an_import_does_not_forget_what_was_answered_here() {
    let (_, mut host) = handed_back("");
    for number in 0..24 {
        host.request(&Request::new(GPF, number)).decide();
    }
    let ids: serde_json::Map<_, _> = (100..164)
        .map(|number| {
            let id = format!(
                "{}:{}:{number}",
                Eui64::from_u64(SUPPLIER),
                Eui64::from_u64(GPF)
            );
            (id, (2 * NOW_MS + number).to_string().into())
        })
        .collect();
    host.adjust(&Adjustment::new(GPF, "seen", 1).with("request_ids", ids))
        .decide();
    host.restart();
    for number in [0, 23, 156, 163] {
        let decided = host.request(&Request::new(GPF, number)).decide_one();
        assert_eq!(decided.verdict(), "DUPLICATE SAME_REQUEST", "{number}");
    }
    let decided = host.request(&Request::new(GPF, 155)).decide_one();
    assert_eq!(decided.number("originator_counter"), Some(2 * NOW_MS + 164));
}

/// The device takes nothing up to the floor that a command gave it.
#[test]
fn the_next_command_exceeds_the_floor_of_the_one_before() {
    let (_, mut host) = handed_back("");
    let floor = NOW_MS + 500;
    let first = Request::new(GPF, 1).with("/remote_party_floor_seq_number", floor.to_string());
    let decided = host.request(&first).decide_one();
    assert_eq!(decided.number("originator_counter"), Some(NOW_MS));
    let decided = host.request(&Request::new(GPF, 2)).decide_one();
    assert_eq!(decided.verdict(), "ISSUED ISSUED_EXCEEDED");
    assert_eq!(decided.number("originator_counter"), Some(floor + 1));
    // No number of the other role's: it is no number of a command.
    let of_supplier = Request::of(GPF, 3, "Supplier", supplier()).hint(floor - 7);
    let decided = host.request(&of_supplier).decide_one();
    assert_eq!(decided.number("originator_counter"), Some(floor - 7));
}

/// A refused request may come again and is judged anew.
#[test]
fn test_s08_a_refused_request_is_judged_anew() {
    let device = Device::new(GPF);
    let mut host = Host::new("");
    let request = Request::new(GPF, 1);
    assert_eq!(refusal(&mut host, &request), reason("UNKNOWN_DEVICE", true));
    host.knows(&device).decide();
    let decided = host.request(&request).decide_one();
    assert_eq!(decided.text("disposition"), "ISSUED");
    // Judged at dispatch: what was handed back meanwhile counts.
    let told = Told::new(GPF, gno(), NOW_MS + 50, Cell::both(gno(), &ACB[0]));
    host.outcome(&device, &told).decide();
    let decided = host.request(&Request::new(GPF, 2)).decide_one();
    assert_eq!(decided.number("originator_counter"), Some(NOW_MS + 51));
    assert_eq!(decided.number("recorded_counter"), Some(NOW_MS + 50));
}

#[test]
fn commands_go_out_in_the_order_of_their_requests() {
    let (_, mut host) = handed_back("");
    for number in 1..=20 {
        host.request(&Request::new(GPF, number).hint(1));
    }
    host.decide();
    let commands: Vec<&OutputRecord> = host
        .outputs
        .iter()
        .filter(|r| r.stream == Stream::Commands)
        .collect();
    let numbers: Vec<_> = host
        .read(Stream::Commands)
        .iter()
        .map(|command| {
            command["originator_counter"]
                .as_str()
                .unwrap()
                .parse::<u64>()
                .unwrap()
        })
        .collect();
    assert!(numbers.iter().copied().eq(1_201..=1_220));
    assert!(
        commands
            .iter()
            .all(|r| r.key.as_deref() == Some(&Eui64::from_u64(GPF).canonical()[..]))
    );
}

/// The names come from the host.
#[test]
fn a_quote_in_a_stream_name_of_decided_after_stays_json() {
    let mut host = Host::knowing(&Device::new(GPF), "");
    host.request(&Request::new(GPF, 1));
    let inputs = host.drop_waiting();
    let inputs: Vec<_> = inputs.iter().map(Record::input).collect();
    let context = slotkeeper_engine::BatchContext {
        now_ms: NOW_MS,
        decided_after: vec![(r#"a "quoted" \ name"#.to_owned(), 7)],
        audit_head: None,
    };
    let staged = host.engine.stage(&inputs, &context).unwrap();
    let decided = decisions(&staged);
    assert_eq!(decided[0].0["decided_after"][r#"a "quoted" \ name"#], 7);
}
