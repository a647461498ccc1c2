//! `smart-metering-inventory`: what a record changes, and what a bad one does not.

use crate::support::*;

fn handed_back() -> Told {
    Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[0]))
}

/// The record of a device with one member replaced.
fn changed(device: &Device, name: &str, value: serde_json::Value) -> Vec<u8> {
    let mut record: serde_json::Value = serde_json::from_slice(&device.record()).unwrap();
    record[name] = value;
    record.to_string().into_bytes()
}

#[test]
fn a_bad_record_leaves_the_last_good_one_in_force() {
    let device = Device::new(GPF);
    let stranger = Device::new(GPF + 1);
    let mut not_on_the_curve = device.ka.certificate.clone();
    let at = not_on_the_curve
        .windows(3)
        .position(|w| w == [66, 0, 4])
        .unwrap();
    not_on_the_curve[at + 10] ^= 1;
    let text = |octets: &[u8]| serde_json::Value::from(base64(octets));
    for (name, value) in [
        ("device_id", Eui64::from_u64(GPF + 1).to_string().into()),
        ("device_type", 7.into()),
        ("device_type", "Gas Proxy Function".into()),
        ("status", "commisioned".into()),
        ("status", 7.into()),
        ("smets_version", "2".into()),
        ("key_agreement_certificate", text(&stranger.ka.certificate)),
        ("key_agreement_certificate", text(&device.ds.certificate)),
        ("key_agreement_certificate", text(&not_on_the_curve)),
        ("key_agreement_certificate", "no base64".into()),
        ("digital_signing_certificate", text(&device.ka.certificate)),
        ("acb_key_agreement_identifier", "xyz".into()),
    ] {
        let mut host = Host::knowing(&device, "");
        let record = changed(&device, name, value);
        assert!(
            host.publish(Stream::Inventory, GPF, Some(record))
                .decide()
                .is_empty()
        );
        assert_eq!(host.faults(), ["MALFORMED"], "{name}");
        let decided = host.outcome(&device, &handed_back()).decide_one();
        assert_eq!(decided.0["message"]["signature"], "valid");
        let decided = host.request(&Request::new(GPF, 1)).decide_one();
        assert_eq!(decided.text("disposition"), "ISSUED");
    }
}

#[test]
fn an_unknown_word_is_told_with_the_known_ones() {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, "");
    let record = changed(&device, "device_type", "Gas Proxy Function".into());
    host.publish(Stream::Inventory, GPF, Some(record)).decide();
    let said = host.fault_details().concat();
    assert!(
        said.contains("device_type `Gas Proxy Function` is none of GPF, GSME"),
        "{said}"
    );
}

#[test]
fn words_are_known_whatever_their_case() {
    let mut device = Device::new(GPF);
    device.kind = "gpf";
    device.status = "COMMISSIONED";
    let mut host = Host::knowing(&device, "");
    host.outcome(&device, &handed_back()).decide();
    let decided = host.request(&Request::new(GPF, 1)).decide_one();
    assert_eq!(decided.text("disposition"), "ISSUED");
}

#[test]
fn test_p10_a_device_that_left_is_retired_and_its_record_kept() {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, "");
    host.forgets(GPF).decide();
    for _ in 0..2 {
        let decided = host.request(&Request::new(GPF, 1)).decide_one();
        assert_eq!(decided.verdict(), "REFUSED DEVICE_RETIRED");
        host.restart();
    }
    let decided = host.outcome(&device, &handed_back()).decide_one();
    assert_eq!(decided.verdict(), "RECORDED ACB_IN_SLOT");
    host.knows(&device).decide();
    host.restart();
    let decided = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
    assert_eq!(decided.number("originator_counter"), Some(1_201));
}

/// Late outcomes of a device that left are still proven, as long as its certificate is remembered.
#[test]
fn a_retired_device_is_still_verified() {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, "");
    host.forgets(GPF).decide();
    let octets = handed_back().response(None);
    let decided = host
        .message(Stream::UpdateOutcomes, GPF, octets)
        .decide_one();
    assert_eq!(decided.verdict(), "REJECTED BAD_SIGNATURE");
}

#[test]
fn a_device_may_change_its_type_both_ways() {
    let gpf = Device::new(GPF);
    let esme = Device {
        kind: "ESME",
        ..Device::new(GPF)
    };
    let mut host = Host::knowing(&gpf, "");
    host.outcome(&gpf, &handed_back()).decide();
    host.knows(&esme).decide();
    for _ in 0..2 {
        let decided = host.request(&Request::new(GPF, 1)).decide_one();
        assert_eq!(decided.verdict(), "REFUSED NOT_GPF");
        host.restart();
    }
    host.knows(&gpf).decide();
    let decided = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
    assert_eq!(decided.number("originator_counter"), Some(1_201));
    host.knows(&esme).forgets(GPF).decide();
    let decided = host.request(&Request::new(GPF, 2)).decide_one();
    assert_eq!(decided.text("disposition"), "REFUSED");
}

/// What is applied in a batch that is then aborted comes again with the next.
#[test]
fn an_aborted_batch_with_an_inventory_record_comes_again() {
    let device = Device::new(GPF);
    let mut host = Host::new("");
    host.outcome(&device, &handed_back()).decide();
    let staged = host.knows(&device).stage();
    assert_eq!(decisions(&staged)[0].verdict(), "RECORDED ACB_IN_SLOT");
    host.engine.discard(staged.batch()).unwrap();
    assert_eq!(host.engine.statistics().parked, 1);
    assert_eq!(host.decide_one().verdict(), "RECORDED ACB_IN_SLOT");

    let staged = host.forgets(GPF).stage();
    host.engine.discard(staged.batch()).unwrap();
    host.decide();
    host.restart();
    let decided = host.request(&Request::new(GPF, 1)).decide_one();
    assert_eq!(decided.verdict(), "REFUSED DEVICE_RETIRED");
}

/// Other devices name certificates of the ACB as well; there is no room to keep those, and no need.
#[test]
fn other_devices_take_no_room_for_certificates_of_the_acb() {
    let device = Device::new(GPF);
    let mut host = Host::new("");
    for number in 0..300 {
        let mut other = Device::new(GPF + 1);
        (other.eui, other.kind) = (GPF + 1 + number, "ESME");
        other.acb_identifier = Some(format!("{number:016x}"));
        (other.with_ds, other.with_ka) = (false, false);
        host.knows(&other);
    }
    assert!(host.decide().is_empty());
    let named = Device {
        acb_identifier: Some(ACB[0].ka.identifier().to_string()),
        ..device
    };
    host.knows(&named).decide();
    assert!(host.faults().is_empty());
    let decided = host.request(&Request::new(GPF, 1)).decide_one();
    assert_eq!(decided.text("disposition"), "ISSUED");
}

/// What a record names may be anything: the devices that come after it are served all the same.
#[test]
fn however_many_certificates_of_the_acb_are_named_no_device_is_shut_out() {
    let identifier = |number: u64| Some(format!("{number:016x}"));
    let naming = |eui, identifier| Device {
        acb_identifier: identifier,
        ..Device::new(eui)
    };
    let mut host = Host::new("");
    let mut stranger = naming(GPF + 1, None);
    (stranger.with_ds, stranger.with_ka) = (false, false);
    for number in 0..300 {
        (stranger.eui, stranger.acb_identifier) = (GPF + 1 + number, identifier(number));
        host.knows(&stranger);
    }
    let unknown = naming(GPF + 500, identifier(500));
    let known = naming(GPF, Some(ACB[0].ka.identifier().to_string()));
    host.knows(&unknown).knows(&known).decide();
    assert!(host.faults().is_empty());
    for number in 1..3 {
        let decided = host.request(&Request::new(GPF + 500, number)).decide_one();
        assert_eq!(decided.verdict(), "REFUSED ACB_KEY_NOT_HELD");
        let decided = host.request(&Request::new(GPF, number)).decide_one();
        assert_eq!(decided.text("disposition"), "ISSUED");
        host.reload();
    }
    host.knows(&naming(GPF + 500, known.acb_identifier))
        .decide();
    let decided = host.request(&Request::new(GPF + 500, 3)).decide_one();
    assert_eq!(decided.text("disposition"), "ISSUED");
}
