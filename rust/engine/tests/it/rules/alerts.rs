//! Alerts of the DCC, baselines, and what registers say to both and to requests.

use serde_json::{Value as Json, json};
use slotkeeper_crypto::sha256;
use slotkeeper_engine::{Input, Value};

use crate::support::*;

fn known(settings: &str) -> (Device, Host) {
    let device = Device::new(GPF);
    let host = Host::knowing(&device, settings);
    (device, host)
}

fn tell(host: &mut Host, stream: Stream, json: &Json) -> Decided {
    host.publish(stream, GPF, Some(json.to_string().into_bytes()))
        .decide_one()
}

fn state(decided: &Decided) -> &str {
    decided.0["slot"]["state"].as_str().unwrap()
}

/// A certificate's record; the SHA-1 is made up, since nothing is computed from it.
fn certificate(
    party: &Organisation,
    usage: &str,
    number: u8,
    status: &Json,
) -> (Stream, Vec<u8>, Json) {
    let identity = if usage == "DS" { &party.ds } else { &party.ka };
    let json = json!({
        "subject_eui64": party.eui.to_string(), "key_usage": usage, "role_code": "03",
        "key_identifier": hex::encode(identity.identifier().0), "sha1": sha1(number),
        "sha256": hex::encode(sha256(&identity.certificate)).to_uppercase(),
        "not_before": "2016-01-01T00:00:00Z", "not_after": "2036-01-01T00:00:00Z", "status": status,
    });
    (Stream::Certificates, vec![number], json)
}

fn sha1(number: u8) -> String {
    hex::encode([number; 20])
}

fn party(id: &str, party: &Organisation, more: &Json) -> (Stream, Vec<u8>, Json) {
    let mut json = json!({
        "party_id": id, "name": id, "kind": "GNO", "eui64": [party.eui.to_string()],
        "dcc_user": [{"from": "2016-01-01"}], "exits": [],
    });
    for (name, value) in more.as_object().unwrap() {
        json[name] = value.clone();
    }
    (Stream::Parties, id.as_bytes().to_vec(), json)
}

fn follow(host: &mut Host, records: &[(Stream, Vec<u8>, Json)]) {
    for (offset, (stream, key, json)) in records.iter().enumerate() {
        let value = json.to_string();
        host.engine.follow_registers(&[Input {
            stream: *stream,
            offset: offset as u64,
            key: Some(key),
            value: Value::Record(value.as_bytes()),
        }]);
    }
}

fn updated(ds: u8, ka: u8, at: &str) -> Json {
    json!({
        "kind": "SecurityCredentialsUpdated", "device_id": "00DB1234567890A3", "at": at,
        "remote_party_role": "NetworkOperator",
        "certificates": [
            {"key_usage": "DS", "sha1": sha1(ds)},
            {"key_usage": "KA", "sha1": sha1(ka)},
            {"key_usage": "TOP_UP", "sha1": sha1(0)},
        ],
    })
}

const AT: &str = "2026-05-01T00:00:00Z";

#[test]
fn p23_an_alert_waits_for_its_certificates() {
    let (device, mut host) = known("");
    let back = Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[0]));
    host.outcome(&device, &back).decide();
    let alert = updated(1, 2, AT);
    let decided = tell(&mut host, Stream::DccAlerts, &alert);
    assert_eq!(decided.verdict(), "PARKED UNKNOWN_CERTIFICATE");
    assert_eq!(state(&decided), "DOUBTFUL");
    assert_eq!(
        tell(&mut host, Stream::DccAlerts, &alert).verdict(),
        "DUPLICATE SAME_MESSAGE"
    );
    host.restart();
    assert_eq!(host.decide().len(), 0);
    let status = json!([{"code": "I", "from": "2016-01-01"}]);
    follow(&mut host, &[certificate(next_gno(), "DS", 1, &status)]);
    assert_eq!(
        host.decide().len(),
        0,
        "the other certificate is not known yet"
    );
    follow(&mut host, &[certificate(next_gno(), "KA", 2, &status)]);
    let staged = host.stage();
    host.engine.discard(staged.batch()).unwrap();
    // What is not committed has judged nothing.
    let decided = host.decide_one();
    assert_eq!(decided.verdict(), "SEEN CREDENTIALS_UPDATED");
    assert_eq!(
        decided.text("cause_stream"),
        "smki-organisation-certificates"
    );
    assert_eq!(decided.0["cause_partition"], 0);
    assert_eq!(state(&decided), "NETWORK_OPERATOR");
    let cell = &decided.0["slot"]["digital_signature"];
    assert_eq!(
        (&cell["source"], &cell["verified"]),
        (&"ALERT".into(), &false.into())
    );
    // An alert is nobody's signature: it refuses nothing, and its message is kept as it came.
    assert_eq!(
        host.request(&Request::new(GPF, 1))
            .decide_one()
            .text("disposition"),
        "ISSUED"
    );
    let proof = host.read(Stream::SlotEvidence).pop().unwrap();
    assert_eq!(proof["kind"], "DCC_ALERT");
    assert_eq!(proof["message"], base64(alert.to_string().as_bytes()));
    assert_eq!(proof["cause"]["stream"], "smki-organisation-certificates");
}

#[test]
fn law_08_the_floor_of_an_alert_is_believed_up_to_the_ceiling() {
    let (_, mut host) = known("");
    let status = json!([{"code": "I", "from": "2016-01-01"}]);
    follow(
        &mut host,
        &[
            certificate(next_gno(), "DS", 1, &status),
            certificate(next_gno(), "KA", 2, &status),
        ],
    );
    for (floor, seen) in [((1_u64 << 62) + 1, None), (1 << 62, Some(1 << 62))] {
        let mut alert = updated(1, 2, AT);
        alert["remote_party_floor_seq_number"] = floor.to_string().into();
        let decided = tell(&mut host, Stream::DccAlerts, &alert);
        assert_eq!(decided.verdict(), "SEEN CREDENTIALS_UPDATED");
        assert_eq!(decided.number("seen_counter"), seen, "{floor}");
    }
}

#[test]
fn p38_recovery_puts_the_acb_in_and_records_nothing() {
    let (device, mut host) = known("");
    let bought = Told::new(GPF, next_gno(), 7, Cell::both(next_gno(), gno())).at(1_700_000_000);
    host.outcome(&device, &bought).decide();
    let alert = json!({
        "kind": "RecoveryCompleteACBCredentials", "device_id": "00DB1234567890A3", "at": AT,
        "network_operator_cells": ["DS", "KA"], "supplier_cells": ["DS"],
    });
    let decided = tell(&mut host, Stream::DccAlerts, &alert);
    assert_eq!(decided.verdict(), "SEEN RECOVERED");
    assert_eq!(
        (state(&decided), decided.number("recorded_counter")),
        ("ACB", None)
    );
    assert_eq!(decided.text("received_at"), "2026-05-01T00:00:00.000Z");
    assert_eq!(
        tell(&mut host, Stream::DccAlerts, &alert).verdict(),
        "DUPLICATE SAME_MESSAGE"
    );
    // The device's own word, later to come and earlier by its clock, says the same.
    let told = Told::new(GPF, &ACB[2], 9, Cell::both(gno(), &ACB[0])).at(1_770_000_000);
    let recovery = told.mode(slotkeeper_gbcs::ReplacementMode::AnyExceptAbnormalRootByRecovery);
    let decided = host.outcome(&device, &recovery).decide_one();
    assert_eq!(state(&decided), "ACB");
    assert_eq!(decided.0["slot"]["digital_signature"]["verified"], true);
}

#[test]
fn the_other_alerts_are_noted_and_change_nothing() {
    let (_, mut host) = known("");
    let other = "00-DB-12-34-56-78-90-A4";
    let request = "90-B3-D5-1F-30-02-00-00:00-DB-12-34-56-78-90-A3:1200";
    for (json, verdict) in [
        (
            json!({"kind": "DeviceLogRestored", "device_id": other, "old_device_id": other,
            "new_device_id": "00DB1234567890A3"}),
            "SEEN LOG_RESTORED",
        ),
        (
            json!({"kind": "QuarantinedRequest", "device_id": "00DB1234567890A3",
            "request_id": request}),
            "SEEN QUARANTINED",
        ),
        (
            json!({"kind": "PowerOutageEvent", "device_id": "00DB1234567890A3"}),
            "NOT_RECORDED NOT_AN_OUTCOME",
        ),
        (
            json!({"kind": "QuarantinedRequest", "device_id": other, "request_id": request}),
            "REJECTED WRONG_DEVICE",
        ),
        (
            json!({"kind": "QuarantinedRequest", "device_id": "00DB1234567890A3"}),
            "DEAD_LETTER MALFORMED",
        ),
    ] {
        let decided = tell(&mut host, Stream::DccAlerts, &json);
        assert_eq!(decided.verdict(), verdict);
        if verdict == "SEEN QUARANTINED" {
            assert_eq!(decided.text("request_id"), request);
        }
    }
    assert!(host.read(Stream::SlotEvidence).is_empty());
}

fn duis(alert: &str) -> Vec<u8> {
    format!(
        r#"<sr:Response xmlns:sr="http://www.dccinterface.co.uk/ServiceUserGateway" schemaVersion="5.4"><sr:Header><sr:ResponseCode>I0</sr:ResponseCode><sr:ResponseDateTime>{AT}</sr:ResponseDateTime></sr:Header><sr:Body><sr:DCCAlertMessage><sr:DCCAlertCode>AD1</sr:DCCAlertCode><sr:DCCAlert>{alert}</sr:DCCAlert></sr:DCCAlertMessage></sr:Body></sr:Response>"#
    )
    .into_bytes()
}

#[test]
fn alerts_are_read_as_duis_has_them() {
    const DEVICE: &str = "<sr:DeviceID>00-DB-12-34-56-78-90-A3</sr:DeviceID>";
    let (_, mut host) = known("");
    let status = json!([{"code": "I", "from": "2016-01-01"}]);
    follow(&mut host, &[certificate(next_gno(), "DS", 1, &status)]);
    let hash = base64(&[1; 20]);
    for (alert, verdict, told) in [
        (format!("<sr:SecurityCredentialsUpdated>{DEVICE}<sr:RemotePartyRole>NetworkOperator</sr:RemotePartyRole><sr:RemotePartySeqNumberChange><sr:RemotePartyFloorSeqNumber>77</sr:RemotePartyFloorSeqNumber></sr:RemotePartySeqNumberChange><sr:Certificates><sr:CertificateType>DigitalSigning</sr:CertificateType><sr:CertificateHash>{hash}</sr:CertificateHash></sr:Certificates></sr:SecurityCredentialsUpdated>"),
            "SEEN CREDENTIALS_UPDATED", "NETWORK_OPERATOR"),
        (format!("<sr:DeviceStatusChangeEvent>{DEVICE}<sr:DeviceStatusChange><sr:RecoveryCompleteACBCredentials><sr:SupplierCertificateType>DigitalSigning</sr:SupplierCertificateType><sr:NetworkOperatorCertificateType>KeyAgreement</sr:NetworkOperatorCertificateType></sr:RecoveryCompleteACBCredentials></sr:DeviceStatusChange></sr:DeviceStatusChangeEvent>"),
            "SEEN RECOVERED", "PARTIAL"),
        (format!("<sr:DeviceStatusChangeEvent>{DEVICE}<sr:DeviceStatusChange><sr:RecoveryComplete/></sr:DeviceStatusChange></sr:DeviceStatusChangeEvent>"),
            "NOT_RECORDED NOT_AN_OUTCOME", "PARTIAL"),
        ("<sr:DeviceLogRestored><sr:RestoredDate>2026-05-01</sr:RestoredDate><sr:GPFDeviceLog><sr:OldCHFDeviceID>00-DB-12-34-56-78-90-A1</sr:OldCHFDeviceID><sr:NewCHFDeviceID>00-DB-12-34-56-78-90-A2</sr:NewCHFDeviceID><sr:OldGPFDeviceID>00-DB-12-34-56-78-90-A3</sr:OldGPFDeviceID><sr:NewGPFDeviceID>00-DB-12-34-56-78-90-A4</sr:NewGPFDeviceID></sr:GPFDeviceLog></sr:DeviceLogRestored>".to_owned(),
            "SEEN LOG_RESTORED", "PARTIAL"),
        ("<sr:QuarantinedRequest><sr:ADUserThresholdBreach><sr:RequestID>90-B3-D5-1F-30-02-00-00:00-DB-12-34-56-78-90-A3:7</sr:RequestID><sr:QuarantineEventRef>1</sr:QuarantineEventRef></sr:ADUserThresholdBreach></sr:QuarantinedRequest>".to_owned(),
            "SEEN QUARANTINED", "PARTIAL"),
    ] {
        let decided = host.publish(Stream::DccAlerts, GPF, Some(duis(&alert))).decide_one();
        assert_eq!(decided.verdict(), verdict, "{alert}");
        if decided.text("disposition") == "SEEN" {
            assert_eq!(state(&decided), told);
            assert_eq!(decided.number("seen_counter"), Some(77));
        }
        assert_eq!(decided.text("received_at"), "2026-05-01T00:00:00.000Z");
    }
}

fn baseline(holder: &Organisation) -> Json {
    let cell = |identity: &Identity| {
        json!({"subject_unique_id": holder.eui.to_string(),
            "subject_key_identifier": hex::encode(identity.identifier().0)})
    };
    json!({"device_id": "00DB1234567890A3", "as_of": "2026-01-01", "source": "MMC report",
        "digital_signature": cell(&holder.ds), "key_agreement": cell(&holder.ka), "by": ["Ann"]})
}

#[test]
fn a_baseline_is_where_the_walk_begins_and_no_more() {
    let (device, mut host) = known("");
    let decided = tell(&mut host, Stream::Baselines, &baseline(gno()));
    assert_eq!(decided.verdict(), "SEEN IMPORTED");
    assert_eq!(decided.text("detail"), "from MMC report");
    assert_eq!(state(&decided), "NETWORK_OPERATOR");
    let cell = &decided.0["slot"]["key_agreement"];
    assert_eq!(
        (&cell["source"], &cell["verified"]),
        (&"IMPORT".into(), &false.into())
    );
    assert_eq!(
        host.request(&Request::new(GPF, 1))
            .decide_one()
            .text("disposition"),
        "ISSUED"
    );
    let back = Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[0])).at(1_778_000_000);
    assert_eq!(state(&host.outcome(&device, &back).decide_one()), "ACB");
    let decided = tell(&mut host, Stream::Baselines, &baseline(next_gno()));
    assert_eq!(
        (decided.verdict(), state(&decided)),
        ("SEEN IMPORTED".to_owned(), "ACB")
    );
    assert_eq!(
        decided.text("detail"),
        "what messages tell of the slot stays"
    );
    let mut nothing = baseline(gno());
    nothing["digital_signature"] = Json::Null;
    nothing["key_agreement"] = Json::Null;
    assert_eq!(
        tell(&mut host, Stream::Baselines, &nothing).verdict(),
        "DEAD_LETTER MALFORMED"
    );
    // It waits for the inventory like a message.
    let mut host = Host::new("");
    assert_eq!(
        tell(&mut host, Stream::Baselines, &baseline(gno())).verdict(),
        "PARKED UNKNOWN_DEVICE"
    );
    assert_eq!(
        host.knows(&device).decide_one().line(),
        "redecision 0 SEEN IMPORTED"
    );
}

/// Today is 2026-06-01.
#[test]
fn s13_registers_advise() {
    let in_use = json!([{"code": "I", "from": "2016-01-01"}]);
    let revoked = json!([{"code": "I", "from": "2016-01-01"}, {"code": "R", "from": "2026-05-01"},
        {"code": "E", "from": "2026-05-20"}]);
    let leaves = json!({"exits": [{"intent_on": "2026-05-01", "cancelled_on": null}]});
    let stays = json!({"exits": [{"intent_on": "2026-05-01", "cancelled_on": "2026-05-20"}]});
    let returned = json!({"exits": [{"intent_on": "2020-05-01"}],
        "dcc_user": [{"from": "2016-01-01", "until": "2020-06-01"}, {"from": "2025-01-01"}]});
    let no_user = json!({"dcc_user": [{"from": "2016-01-01", "until": "2026-06-01"}]});
    let none = json!({});
    for (about, status, flags) in [
        (&none, &in_use, vec![]),
        (&stays, &in_use, vec![]),
        (&returned, &in_use, vec![]),
        (&leaves, &in_use, vec!["OPERATOR_LEAVING"]),
        (&no_user, &in_use, vec!["OPERATOR_NOT_A_USER"]),
        (
            &none,
            &revoked,
            vec!["CERTIFICATE_EXPIRED", "CERTIFICATE_REVOKED"],
        ),
    ] {
        let registers = [
            party("NEXT", next_gno(), about),
            certificate(next_gno(), "DS", 1, status),
            certificate(next_gno(), "KA", 2, &in_use),
        ];
        let (_, mut host) = known("");
        follow(&mut host, &registers);
        let decided = host.request(&Request::new(GPF, 1)).decide_one();
        assert_eq!(decided.text("disposition"), "ISSUED");
        let all = [
            "CERTIFICATE_EXPIRED",
            "CERTIFICATE_REVOKED",
            "NOT_THE_REGISTERED_OPERATOR",
            "OPERATOR_LEAVING",
            "OPERATOR_NOT_A_USER",
        ];
        let found: Vec<_> = all
            .into_iter()
            .filter(|flag| decided.has_flag(flag))
            .collect();
        assert_eq!(found, flags, "{about} {status}");
        let (_, mut host) = known(r#"{"parties": {"advisory": "off"}}"#);
        follow(&mut host, &registers);
        let decided = host.request(&Request::new(GPF, 1)).decide_one();
        assert!(!all.into_iter().any(|flag| decided.has_flag(flag)));
        let (_, mut host) = known(r#"{"parties": {"advisory": "refuse"}}"#);
        follow(&mut host, &registers);
        let decided = host.request(&Request::new(GPF, 1)).decide_one();
        assert_eq!(decided.text("disposition") == "ISSUED", flags.is_empty());
        if let [.., gravest] = &flags[..] {
            assert_eq!(decided.verdict(), format!("REFUSED {gravest}"));
            assert_eq!(host.read(Stream::Refusals)[0]["retryable"], false);
        }
    }
}

#[test]
fn s13_advises_of_the_network_operator_slot_alone() {
    let revoked = json!([{"code": "R", "from": "2026-05-01"}]);
    let leaves = json!({"exits": [{"intent_on": "2026-05-01", "cancelled_on": null}]});
    let (_, mut host) = known(r#"{"parties": {"advisory": "refuse"}}"#);
    follow(
        &mut host,
        &[
            party("NEXT", supplier(), &leaves),
            certificate(supplier(), "DS", 1, &revoked),
        ],
    );
    let request = Request::of(GPF, 1, "Supplier", supplier());
    let decided = host.request(&request).decide_one();
    assert_eq!(decided.text("disposition"), "ISSUED");
    assert!(!decided.has_flag("CERTIFICATE_REVOKED"));
}

/// The register of the host's own records and one that was imported may both have it.
#[test]
fn what_two_records_say_is_said_until_neither_does() {
    let revoked = json!([{"code": "R", "from": "2026-05-01"}]);
    let leaves = json!({"exits": [{"intent_on": "2026-05-01"}]});
    let twice = |of: (Stream, Vec<u8>, Json)| {
        let (stream, key, json) = of.clone();
        [of, (stream, [&key[..], b"+"].concat(), json)]
    };
    for (records, flag) in [
        (
            twice(certificate(next_gno(), "DS", 1, &revoked)),
            "CERTIFICATE_REVOKED",
        ),
        (
            twice(party("NEXT", next_gno(), &leaves)),
            "OPERATOR_LEAVING",
        ),
    ] {
        for order in [[0, 1], [1, 0]] {
            let (_, mut host) = known("");
            follow(&mut host, &records);
            for (gone, is_said) in order.into_iter().zip([true, false]) {
                let gone = &records[gone];
                follow(&mut host, &[(gone.0, gone.1.clone(), Json::Null)]);
                let request = Request::new(GPF, host.next_offset);
                let decided = host.request(&request).decide_one();
                assert_eq!(decided.has_flag(flag), is_said, "{flag} {order:?}");
            }
        }
    }
}

#[test]
fn s13_the_registered_operator_is_the_inventorys() {
    for (named, is_other) in [("NEXT", false), ("NORTH", true)] {
        let device = Device::new(GPF);
        let mut host = Host::new("");
        let mut record: Json = serde_json::from_slice(&device.record()).unwrap();
        record["gas_network_party"] = named.into();
        host.publish(
            Stream::Inventory,
            GPF,
            Some(record.to_string().into_bytes()),
        )
        .decide();
        follow(&mut host, &[party("NEXT", next_gno(), &json!({}))]);
        let decided = host.request(&Request::new(GPF, 1)).decide_one();
        assert_eq!(decided.has_flag("NOT_THE_REGISTERED_OPERATOR"), is_other);
        // A snapshot remembers it.
        host.reload();
        follow(&mut host, &[party("NEXT", next_gno(), &json!({}))]);
        let decided = host.request(&Request::new(GPF, 2)).decide_one();
        assert_eq!(decided.has_flag("NOT_THE_REGISTERED_OPERATOR"), is_other);
    }
}

#[test]
fn s13_with_registers_the_list_of_operators_is_theirs() {
    let (device, mut host) = known("");
    follow(&mut host, &[party("NORTH", gno(), &json!({}))]);
    let sold = Told::new(GPF, gno(), 1_200, Cell::both(gno(), next_gno()));
    let decided = host.outcome(&device, &sold).decide_one();
    assert_eq!(decided.verdict(), "PARKED UNKNOWN_PARTY");
    follow(&mut host, &[party("NEXT", next_gno(), &json!({}))]);
    let decided = host.decide_one();
    assert_eq!(decided.line(), "redecision 1 SEEN GNO_REPLACED_BY_GNO");
    assert_eq!(decided.text("cause_stream"), "gas-network-parties");
    // Whatever is configured goes before the registers.
    let (device, mut host) = known(r#"{"parties": {"network_operators": ["90B3D51F30020000"]}}"#);
    follow(&mut host, &[party("NEXT", next_gno(), &json!({}))]);
    let decided = host.outcome(&device, &sold).decide_one();
    assert_eq!(decided.verdict(), "PARKED UNKNOWN_PARTY");
}

fn sold(device: u64, number: u64) -> Vec<u8> {
    Told::new(device, gno(), number, Cell::both(gno(), next_gno())).response(None)
}

/// More of it than one batch judges, and a record of a device that is not its turn yet.
#[test]
fn what_waits_for_a_register_is_judged_in_portions() {
    let mut host = Host::new("");
    follow(&mut host, &[party("NORTH", gno(), &json!({}))]);
    let devices = host.crowd(next_gno(), "PARKED UNKNOWN_PARTY");
    follow(&mut host, &[party("NEXT", next_gno(), &json!({}))]);
    let last = *devices.last().unwrap();
    host.message(Stream::UpdateOutcomes, last, sold(last, 9));
    let decided = host.decide();
    let of_last = decided
        .iter()
        .filter(|one| one.text("device_id") == Eui64::from_u64(last).to_string());
    assert_eq!(of_last.count(), 9);
    let mut all = decided.len() - 1;
    assert!(all < 3_200);
    while host.engine.statistics().parked_unjudged > 0 {
        all += host.decide().len();
    }
    assert_eq!(all, 3_200);
    assert_eq!(host.engine.statistics().parked, 0);
}

#[test]
fn a_register_that_never_rests_keeps_no_device_from_its_turn() {
    let mut host = Host::new("");
    follow(&mut host, &[party("NORTH", gno(), &json!({}))]);
    let devices = host.crowd(supplier(), "PARKED UNKNOWN_PARTY");
    let last = Device {
        with_ds: false,
        with_ka: false,
        ..Device::new(devices.last().unwrap() + 1)
    };
    host.knows(&last)
        .message(Stream::UpdateOutcomes, last.eui, sold(last.eui, 1));
    assert_eq!(host.decide()[0].verdict(), "PARKED UNKNOWN_PARTY");
    for _ in 0..3 {
        follow(&mut host, &[party("NEXT", next_gno(), &json!({}))]);
        if let [decided] = &host.decide()[..] {
            assert_eq!(decided.verdict(), "SEEN GNO_REPLACED_BY_GNO");
            return;
        }
    }
    panic!("it was never judged");
}

#[test]
fn registers_that_cannot_be_read_say_nothing() {
    let (_, mut host) = known(r#"{"parties": {"advisory": "refuse"}}"#);
    let leaving = party(
        "NEXT",
        next_gno(),
        &json!({"exits": [{"intent_on": "2026-05-01"}]}),
    );
    follow(&mut host, std::slice::from_ref(&leaving));
    assert_eq!(
        host.request(&Request::new(GPF, 1)).decide_one().verdict(),
        "REFUSED OPERATOR_LEAVING"
    );
    for broken in [
        json!({}),
        json!([]),
        json!({"party_id": "NEXT", "eui64": ["x"]}),
    ] {
        let (stream, key, _) = leaving.clone();
        follow(&mut host, &[leaving.clone(), (stream, key, broken)]);
        let decided = host
            .request(&Request::new(GPF, host.next_offset))
            .decide_one();
        assert_eq!(decided.text("disposition"), "ISSUED");
    }
}
