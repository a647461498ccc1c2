//! Replacement certificates and their certification paths.

use slotkeeper_gbcs::KeyUsage;

use crate::support::*;

fn path(issuers: &[&Issuer]) -> Vec<String> {
    issuers.iter().map(|i| base64(&i.certificate)).collect()
}

/// A request for one digital-signature certificate under a path.
fn under(certificate: &[u8], issuers: &[&Issuer], number: u64) -> Request {
    Request::new(GPF, number)
        .with(
            "/replacement_certificates/digital_signing",
            base64(certificate),
        )
        .with(
            "/replacement_certificates/key_agreement",
            serde_json::Value::Null,
        )
        .with("/certification_path_certificates", path(issuers))
}

fn certified(issuer: &Issuer, validity: Validity) -> Vec<u8> {
    let usage = KeyUsage::DigitalSignature;
    Identity::issued(issuer, NEXT_GNO, Some("03"), usage, [0x61; 32], validity).certificate
}

fn root() -> Issuer {
    Issuer::new("00", None, [0x40; 32])
}

fn verdict(settings: &str, request: &Request) -> (String, Option<bool>) {
    let mut host = Host::knowing(&Device::new(GPF), settings);
    let decided = host.request(request).decide_one();
    let refusal = host.read(Stream::Refusals).pop();
    (
        decided.verdict(),
        refusal.map(|refusal| refusal["retryable"].as_bool().unwrap()),
    )
}

/// The verdict where that authority is configured, and the one of devices beside it.
fn anchored_verdict(anchor: &Issuer, request: &Request) -> String {
    let of_devices = Issuer::new("07", None, [0x48; 32]);
    let usage = KeyUsage::KeyAgreement;
    let device = Device {
        ka: Identity::issued(&of_devices, GPF, None, usage, [0x62; 32], Validity::LONG),
        with_ds: false,
        ..Device::new(GPF)
    };
    let anchors = path(&[anchor, &of_devices]);
    let settings = serde_json::json!({"verify": {"issuing_certificates": anchors}});
    let mut host = Host::knowing(&device, &settings.to_string());
    host.request(request).decide_one().verdict()
}

#[test]
fn a_path_holds_by_name_key_identifier_authority_and_signature() {
    let issued = ("ISSUED NATURAL".to_owned(), None);
    let refused = ("REFUSED BAD_CERTIFICATE".to_owned(), Some(false));
    let good = certified(issuer(), Validity::LONG);
    assert_eq!(verdict("", &under(&good, &[issuer()], 1)), issued);

    let other_key = Issuer::new("07", Some(&root()), [0x43; 32]);
    let other_name = Issuer::new("08", Some(&root()), [0x41; 32]);
    let no_authority = Issuer::without_authority("07", &root(), [0x41; 32]);
    // The right name and key under another identifier.
    let mut other_identifier = Issuer::new("07", Some(&root()), [0x41; 32]);
    let at = other_identifier
        .certificate
        .windows(3)
        .position(|w| w == [0x55, 0x1d, 0x0e]);
    other_identifier.certificate[at.unwrap() + 7] ^= 1;
    for wrong in [&other_key, &other_name, &no_authority, &other_identifier] {
        assert_eq!(verdict("", &under(&good, &[wrong], 1)), refused);
    }
    let mut false_signature = good.clone();
    *false_signature.last_mut().unwrap() ^= 1;
    assert_eq!(
        verdict("", &under(&false_signature, &[issuer()], 1)),
        refused
    );
    assert_eq!(verdict("", &under(b"0\x82", &[issuer()], 1)), refused);
}

#[test]
fn a_path_ends_at_a_configured_issuer() {
    let good = certified(issuer(), Validity::LONG);
    let stranger = Issuer::new("07", None, [0x47; 32]);
    for (anchor, verdicts) in [
        (issuer(), "ISSUED NATURAL"),
        (&root(), "ISSUED NATURAL"),
        (&stranger, "REFUSED BAD_CERTIFICATE"),
    ] {
        let request = under(&good, &[issuer()], 1);
        assert_eq!(anchored_verdict(anchor, &request), verdicts);
    }
    // The anchor itself may stand in the path, or a longer way to it.
    let request = under(&good, &[issuer(), &root()], 1);
    assert_eq!(anchored_verdict(&root(), &request), "ISSUED NATURAL");
}

/// The device has the path alone, whatever authorities are configured here.
#[test]
fn a_configured_issuer_stands_in_for_none_of_the_path() {
    let other = Issuer::new("07", Some(&root()), [0x47; 32]);
    let request = under(&certified(&other, Validity::LONG), &[issuer()], 1);
    assert_eq!(
        anchored_verdict(&other, &request),
        "REFUSED BAD_CERTIFICATE"
    );
}

#[test]
fn times_count_only_where_the_request_asks() {
    let expired = certified(issuer(), Validity("150101000000Z", "251231235959Z"));
    let later = certified(issuer(), Validity("270101000000Z", "301231235959Z"));
    let old_issuer = Issuer::valid(
        "07",
        Some(&root()),
        [0x41; 32],
        Validity("150101000000Z", "200101000000Z"),
    );
    let good = certified(issuer(), Validity::LONG);
    for (certificate, by) in [
        (&expired, issuer()),
        (&later, issuer()),
        (&good, &old_issuer),
    ] {
        let request = under(certificate, &[by], 1);
        assert_eq!(verdict("", &request).0, "REFUSED BAD_CERTIFICATE");
        let request = request.with("/apply_time_based_cpv_checks", false);
        assert_eq!(verdict("", &request).0, "ISSUED NATURAL");
    }
    let settings = r#"{"verify": {"certificate_time": "2020-01-01T00:00:00Z"}}"#;
    assert_eq!(
        verdict(settings, &under(&expired, &[issuer()], 1)).0,
        "ISSUED NATURAL"
    );
}

#[test]
fn a_certificate_must_be_for_its_cell_and_its_slot() {
    let operator = next_gno();
    for (request, expected) in [
        (
            under(&operator.ka.certificate, &[issuer()], 1),
            "REFUSED BAD_CERTIFICATE",
        ),
        (
            under(&supplier().ds.certificate, &[issuer()], 1),
            "REFUSED CERTIFICATE_ROLE_MISMATCH",
        ),
        (
            under(&ACB[0].ds.certificate, &[issuer()], 1),
            "REFUSED CERTIFICATE_ROLE_MISMATCH",
        ),
        (
            Request::of(GPF, 1, "Supplier", operator),
            "REFUSED CERTIFICATE_ROLE_MISMATCH",
        ),
        (
            Request::of(GPF, 1, "Supplier", supplier()),
            "ISSUED NATURAL",
        ),
    ] {
        assert_eq!(verdict("", &request).0, expected);
    }
}

/// What is remembered of one request's path must not be taken for another's.
#[test]
fn no_request_can_spoil_the_path_of_another() {
    let (good, root) = (certified(issuer(), Validity::LONG), root());
    let first = &issuer().certificate;
    // Another certificate, and another path, that would read the same without their lengths.
    let longer = [&good[..], &(first.len() as u64).to_be_bytes(), first].concat();
    let joined = base64(&[&first[..], &root.certificate].concat());
    let mut host = Host::knowing(&Device::new(GPF), "");
    for forged in [
        under(&longer, &[&root], 1),
        under(&good, &[], 2).with("/certification_path_certificates", vec![joined]),
    ] {
        let decided = host.request(&forged).decide_one();
        assert_eq!(decided.verdict(), "REFUSED BAD_CERTIFICATE");
    }
    let decided = host
        .request(&under(&good, &[issuer(), &root], 3))
        .decide_one();
    assert_eq!(decided.verdict(), "ISSUED NATURAL");
}
