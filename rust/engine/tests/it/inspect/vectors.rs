//! DCC's vectors: every signature and MAC whose key is published verifies, and every member is what the vector says.

use serde_json::{Value, json};
use slotkeeper_engine::inspect;

use super::rtds::{folder, keystore, vectors};

#[test]
fn every_vector_is_decoded_and_proved() {
    let (Some(vectors), Some(keystore)) = (vectors(), keystore(|_| true)) else {
        return;
    };
    let (mut signatures, mut macs) = (0, 0);
    for (name, octets) in vectors {
        let report = inspect::message(&octets, Some(&keystore));
        let (signature, mac) = (report.signature.unwrap(), report.mac.unwrap());
        assert_eq!(report.error, None, "{name}");
        assert_eq!(report.round_trip, Some(true), "{name}");
        assert_eq!(signature.valid, signature.present.then_some(true), "{name}");
        assert_eq!(mac.valid, mac.present.then_some(true), "{name}");
        assert!(name.contains(report.kind.unwrap()), "{name}");
        assert!(name.starts_with(report.use_case.unwrap()), "{name}");
        signatures += usize::from(signature.present);
        macs += usize::from(mac.present);

        // The same with another counter in the Grouping Header proves nothing.
        let counter: u64 = report.originator_counter.unwrap().parse().unwrap();
        let at = octets
            .windows(8)
            .position(|window| window == counter.to_be_bytes())
            .unwrap();
        let mut changed = octets.clone();
        changed[at + 7] ^= 1;
        let report = inspect::message(&changed, Some(&keystore));
        for proof in [report.signature, report.mac].into_iter().flatten() {
            assert_eq!(proof.valid, proof.present.then_some(false), "{name}");
        }
    }
    assert!(
        signatures >= 14 && macs >= 9,
        "{signatures} signatures, {macs} MACs"
    );
}

/// With the ACB's private key alone, and with none, what is missing shows as null.
#[test]
fn proofs_without_a_key_are_open() {
    let name = "CS02bNOByNOHandover_6.21_SUCCESS_COMMAND_GBCS.HEX";
    let Some(octets) = vector(name) else { return };
    let proofs = |keystore| {
        let report = inspect::message(&octets, keystore);
        (report.signature.unwrap().valid, report.mac.unwrap().valid)
    };
    let acb = keystore(|name| name.starts_with("90b3d51f30000002-ka")).unwrap();
    assert_eq!(proofs(Some(&acb)), (Some(true), Some(true)));
    let none = keystore(|_| false).unwrap();
    assert_eq!(proofs(Some(&none)), (Some(true), None));
    let others = keystore(|name| !name.starts_with("90b3d51f30000002")).unwrap();
    assert_eq!(proofs(Some(&others)), (Some(true), None));
    assert_eq!(proofs(None), (None, None));
}

#[test]
fn handover_command_member_by_member() {
    let name = "CS02bNOByNOHandover_6.21_SUCCESS_COMMAND_GBCS.HEX";
    let (Some(octets), Some(keystore)) = (vector(name), keystore(|_| true)) else {
        return;
    };
    let cell = |usage: &str| json!({"role": "networkOperator", "key_usage": usage, "cell_usage": "management"});
    let with = |mut value: Value, more: Value| {
        value
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        value
    };
    let subject = |key: &str| {
        json!({"subject_unique_id": "90-B3-D5-1F-30-02-00-00", "subject_key_identifier": key,
               "subject_role": "networkOperator"})
    };
    let expected = json!({
        "kind": "COMMAND", "message_code": "0103", "use_case": "CS02b", "originator_counter": "1301",
        "originator_id": "90-B3-D5-1F-30-00-00-02", "recipient_id": "00-DB-12-34-56-78-90-A3",
        "credentials_replacement_mode": "networkOperatorByNetworkOperator", "authorising_seq_number": "1301",
        "authorising_cell": cell("digitalSignature"), "floor_seq_number": "0",
        "specialist_floor_seq_numbers": [], "apply_time_based_cpv_checks": true,
        "execution_date_time": null, "message_date_time": null, "seq_number_changes": [],
        "replacements": [
            with(cell("digitalSignature"), subject("48cf97fa9f827fb5")),
            with(cell("keyAgreement"), subject("4bc9d38d1cb49f2a")),
        ],
        "certification_path": [{
            "subject": "OU=07, CN=Z1", "issuer": "OU=00, CN=ZA", "subject_key_identifier": "4f5688d7ec933be2",
        }],
        "outcomes": [], "credentials": [], "alert_code": null,
        "signature": {"present": true, "valid": true}, "mac": {"present": true, "valid": true},
        "round_trip": true, "error": null,
    });
    assert_eq!(json(&octets, &keystore), expected);
}

#[test]
fn handover_response_member_by_member() {
    let name = "CS02bNOByNOHandover_6.21_SUCCESS_RESPONSE_GBCS.HEX";
    let (Some(octets), Some(keystore)) = (vector(name), keystore(|_| true)) else {
        return;
    };
    let outcome = |usage: &str, existing: &str, replacing: &str| {
        json!({
            "role": "networkOperator", "key_usage": usage, "cell_usage": "management", "status": "success",
            "existing_subject_unique_id": "90-B3-D5-1F-30-00-00-02", "existing_subject_key_identifier": existing,
            "replacing_subject_unique_id": "90-B3-D5-1F-30-02-00-00", "replacing_subject_key_identifier": replacing,
        })
    };
    let expected = json!({
        "kind": "RESPONSE", "message_code": "0103", "use_case": "CS02b", "originator_counter": "1301",
        "originator_id": "00-DB-12-34-56-78-90-A3", "recipient_id": "90-B3-D5-1F-30-00-00-02",
        "credentials_replacement_mode": "networkOperatorByNetworkOperator", "authorising_seq_number": "1301",
        "authorising_cell": null, "floor_seq_number": null, "specialist_floor_seq_numbers": [],
        "apply_time_based_cpv_checks": null, "execution_date_time": null,
        "message_date_time": "2015-01-01T00:00:00Z",
        "seq_number_changes": [{"role": "networkOperator", "floor": "0"}],
        "replacements": [], "certification_path": [],
        "outcomes": [
            outcome("digitalSignature", "42693535d3dde101", "48cf97fa9f827fb5"),
            outcome("keyAgreement", "4a9ce02c39ab910b", "4bc9d38d1cb49f2a"),
        ],
        "credentials": [], "alert_code": null,
        "signature": {"present": true, "valid": true}, "mac": {"present": false, "valid": null},
        "round_trip": true, "error": null,
    });
    assert_eq!(json(&octets, &keystore), expected);
}

#[test]
fn the_other_kinds_show_what_is_theirs() {
    let Some(keystore) = keystore(|_| true) else {
        return;
    };
    let report = |name: &str| json(&vector(&format!("{name}_GBCS.HEX")).unwrap(), &keystore);

    let alert = report("CS02bSupplierBySupplier_6.15.1_8F66_FUTURE_DATED_SUCCESS_ALERT");
    assert_eq!(alert["alert_code"], "8F66");
    assert_eq!(
        (
            &alert["originator_counter"],
            &alert["authorising_seq_number"]
        ),
        (&json!("2000"), &json!("1001"))
    );
    assert!(
        alert["execution_date_time"]
            .as_str()
            .unwrap()
            .ends_with('Z')
    );

    let cancellation = report("CS02bSupplierBySupplier_6.15.1_CANCELLATION_SUCCESS_COMMAND");
    assert_eq!(cancellation["execution_date_time"], "9999-12-31T23:59:59Z");
    assert_eq!(
        cancellation["replacements"][2]["cell_usage"],
        "prePaymentTopUp"
    );
    assert_eq!(
        cancellation["specialist_floor_seq_numbers"],
        json!([{"cell_usage": "prePaymentTopUp", "floor": "0"}])
    );

    let acceptance = report("CS02bSupplierBySupplier_6.15.1_CANCELLATION_SUCCESS_RESPONSE");
    assert_eq!(acceptance["credentials_replacement_mode"], Value::Null);
    assert_eq!(acceptance["outcomes"], json!([]));

    let partial = report("CS02bSupplierBySupplier_6.15.1_IMMEDIATE_ERROR_RESPONSE");
    let statuses: Vec<_> = partial["outcomes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| &o["status"])
        .collect();
    assert_eq!(statuses, ["success", "noTrustAnchor", "success"]);

    let disapplied = report("CS02bSupplierBySupplier_6.15.1_IMMEDIATE_SUCCESS_COMMAND");
    assert_eq!(disapplied["apply_time_based_cpv_checks"], false);

    let pre_command = report("CS02bNOByNO_6.15.1_SUCCESS_PRECOMMAND");
    assert_eq!(
        pre_command["signature"],
        json!({"present": false, "valid": null})
    );

    let own = report("CS02bACBByACB_8.5_SUCCESS_COMMAND");
    assert_eq!(own["authorising_cell"], Value::Null);
    assert_eq!(own["mac"], json!({"present": true, "valid": true}));

    let credentials = report("CS02aMAC_6.24.1_SUCCESS_RESPONSE");
    assert_eq!(credentials["mac"], json!({"present": true, "valid": true}));
    let first = &credentials["credentials"][0];
    assert!(first["role"].is_string() && first["status"].is_string());
    assert!(first["cells"][0]["existing_subject_key_identifier"].is_string());
}

fn json(octets: &[u8], keystore: &slotkeeper_engine::Keystore) -> Value {
    serde_json::to_value(inspect::message(octets, Some(keystore))).unwrap()
}

fn vector(name: &str) -> Option<Vec<u8>> {
    let text = std::fs::read(folder()?.join("vectors").join(name)).unwrap();
    Some(inspect::read_form(&text))
}
