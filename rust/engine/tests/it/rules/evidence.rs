//! `slot-evidence`: the message behind each change of a Network Operator slot.

use serde_json::Value as Json;
use slotkeeper_crypto::sha256;
use slotkeeper_gbcs::RemotePartyRole;

use crate::support::*;

fn evidence(host: &Host) -> Vec<Json> {
    host.read(Stream::SlotEvidence)
}

/// The values of the audit trail as they are.
fn audit(host: &Host) -> Vec<Vec<u8>> {
    let records = host.outputs.iter();
    records
        .filter(|record| record.stream == Stream::Audit)
        .map(|record| record.value.as_deref().unwrap().to_vec())
        .collect()
}

#[test]
fn a_changed_cell_has_its_message_under_the_digest_of_the_decision() {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, "");
    let back = Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[0]));
    let octets = back.response(Some(&device.ds));
    host.message(Stream::UpdateOutcomes, GPF, octets.clone());
    // Decisions of the same batch that change no cell have none.
    host.message(Stream::UpdateOutcomes, GPF, octets.clone());
    host.message(
        Stream::UpdateOutcomes,
        GPF,
        Told::new(GPF, gno(), 1_300, Vec::new())
            .accepted()
            .response(Some(&device.ds)),
    );
    let reading = Reading::new(GPF, supplier(), 70).of_role(
        RemotePartyRole::Supplier,
        supplier(),
        supplier(),
        5,
    );
    host.message(Stream::ReadBacks, GPF, reading.signed(Some(&device.ds)));
    host.decide();
    let [proof] = &evidence(&host)[..] else {
        panic!("{:?}", evidence(&host))
    };
    assert_eq!(proof["device_id"], "00-DB-12-34-56-78-90-A3");
    assert_eq!(
        proof["source"],
        serde_json::json!({"stream": "srv-6.15.1-responses", "partition": 0, "offset": 1})
    );
    assert_eq!(
        (&proof["cause"], &proof["kind"]),
        (&Json::Null, &"RESPONSE".into())
    );
    assert_eq!(proof["message"], base64(&octets));
    assert_eq!(proof["verified"], true);
    assert_eq!(proof["audit_sha256"], hex::encode(sha256(&audit(&host)[0])));
    // A SubjectPublicKeyInfo of 59 octets, with a compressed point.
    let key = proof["public_key"].as_str().unwrap();
    assert!(key.starts_with("MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgA") && key.len() == 80);
    let keyed = host
        .outputs
        .iter()
        .find(|r| r.stream == Stream::SlotEvidence);
    assert_eq!(
        keyed.unwrap().key.as_deref(),
        Some(&b"00-DB-12-34-56-78-90-A3"[..])
    );
}

#[test]
fn what_nobody_can_check_has_no_key() {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, r#"{"verify": {"device_signatures": "off"}}"#);
    host.outcome(
        &device,
        &Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[0])),
    )
    .decide();
    let unchecked = &evidence(&host)[0];
    assert_eq!(
        (&unchecked["public_key"], &unchecked["verified"]),
        (&Json::Null, &false.into())
    );
    let mut host = Host::knowing(&device, "");
    let reading = Reading::new(GPF, &ACB[0], 70).holds(gno(), gno(), 9);
    host.message(Stream::ReadBacks, GPF, reading.maced(&device, &ACB[0]))
        .decide();
    let maced = &evidence(&host)[0];
    assert_eq!(
        (&maced["public_key"], &maced["verified"]),
        (&Json::Null, &true.into())
    );
}

#[test]
fn a_redecision_names_its_cause() {
    let device = Device::new(GPF);
    let mut host = Host::new("");
    host.outcome(
        &device,
        &Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[0])),
    )
    .decide();
    assert_eq!(evidence(&host), Vec::<Json>::new());
    host.knows(&device).decide();
    let proof = &evidence(&host)[0];
    assert_eq!(
        proof["cause"],
        serde_json::json!({"stream": "smart-metering-inventory", "partition": 0, "offset": 1})
    );
    assert_eq!(proof["audit_sha256"], hex::encode(sha256(&audit(&host)[1])));
}

/// An outcome that contradicts another one, and a pre-command that makes up for a lost answer, change cells as well.
#[test]
fn doubt_is_a_change() {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, "");
    let told = |to| Told::new(GPF, gno(), 1_200, Cell::both(gno(), to));
    host.outcome(&device, &told(&ACB[0])).decide();
    let decided = host.outcome(&device, &told(next_gno())).decide_one();
    assert_eq!(decided.verdict(), "DUPLICATE CONFLICTING_CONTENT");
    assert_eq!(evidence(&host).len(), 2);
    assert_eq!(
        evidence(&host)[1]["audit_sha256"],
        hex::encode(sha256(&audit(&host)[1]))
    );
}
