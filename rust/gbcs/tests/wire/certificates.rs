//! Certificates of the profile, and what is none.

use slotkeeper_gbcs::Certificate;
use slotkeeper_gbcs::Fault;
use slotkeeper_gbcs::KeyIdentifier;
use slotkeeper_gbcs::KeyUsage;
use slotkeeper_gbcs::RemotePartyRole;
use slotkeeper_test_pki::Subject;
use slotkeeper_test_pki::Usage;
use slotkeeper_test_pki::der::attribute;
use slotkeeper_test_pki::der::element;
use slotkeeper_test_pki::der::extension;

use crate::samples;
use crate::samples::der;

#[test]
fn organisation_certificate() {
    let der = der(&operator());
    let certificate = Certificate::parse(&der).unwrap();
    assert_eq!(certificate.role, Some(RemotePartyRole::NetworkOperator));
    assert_eq!(certificate.eui, Some(samples::OPERATOR));
    assert_eq!(certificate.issuer.to_string(), "OU=07, CN=Y1");
    assert_eq!(
        certificate.subject.to_string(),
        format!("OU=03, x500UniqueIdentifier={}", samples::OPERATOR)
    );
    assert_eq!(
        (certificate.not_before, certificate.not_after),
        (1_735_689_600, 2_082_758_399)
    );
    assert_eq!(certificate.public_key[..], operator().point[..]);
    assert_eq!(certificate.serial, [0x4F; 16]);
    assert_eq!(
        certificate.subject_key_identifier,
        Some(KeyIdentifier(*operator().point.last_chunk().unwrap()))
    );
    assert_eq!(
        certificate.authority_key_identifier,
        Some(KeyIdentifier([0x4F; 8]))
    );
    let usage = certificate.key_usage.unwrap();
    assert_eq!(usage.only(), Some(KeyUsage::DigitalSignature));
    assert!(!usage.allows(KeyUsage::KeyAgreement));
    assert!(!certificate.is_ca);
    assert_eq!(der[4..4 + certificate.tbs.len()], *certificate.tbs);
    assert!(der.ends_with(certificate.signature));
}

#[test]
fn issuing_certificate() {
    let mut parts = operator();
    parts.extensions[0] = extension(15, true, &element(3, &[&[1, 6]]));
    parts.extensions.push(extension(
        19,
        true,
        &element(0x30, &[&[1, 1, 0xFF, 2, 1, 0]]),
    ));
    let der = der(&parts);
    let certificate = Certificate::parse(&der).unwrap();
    assert!(certificate.is_ca);
    assert_eq!(certificate.path_len, Some(0));
    let usage = certificate.key_usage.unwrap();
    assert!(usage.allows(KeyUsage::KeyCertSign));
    assert_eq!(usage.only(), None);
}

#[test]
fn device_certificate() {
    let parts = slotkeeper_test_pki::Certificate::new(
        Subject::Device(samples::GPF.to_u64()),
        Usage::DigitalSignature,
        &[4; 65],
        &samples::issuer(),
        [0x4F; 8],
    );
    let der = der(&parts);
    let certificate = Certificate::parse(&der).unwrap();
    assert_eq!(certificate.eui, Some(samples::GPF));
    assert_eq!(certificate.role, None);
    assert_eq!(certificate.subject.to_string(), "");
    assert_eq!(certificate.not_after, 253_402_300_799);
}

#[test]
fn years_of_two_digits_are_1950_to_2049() {
    for (time, seconds) in [
        ("500101000000Z", -631_152_000),
        ("490101000000Z", 2_493_072_000),
    ] {
        let mut parts = operator();
        parts.validity.1 = time;
        assert_eq!(Certificate::parse(&der(&parts)).unwrap().not_after, seconds);
    }
}

#[test]
fn subject_that_names_no_role() {
    for unit in ["87", "3", "003", "zz"] {
        let mut parts = operator();
        parts.subject = element(0x30, &[&attribute(&[0x55, 4, 11], 0x0C, unit.as_bytes())]);
        let der = der(&parts);
        let certificate = Certificate::parse(&der).unwrap();
        assert_eq!((certificate.role, certificate.eui), (None, None), "{unit}");
    }
}

#[test]
fn names_cannot_forge_text() {
    let mut parts = operator();
    parts.subject = element(
        0x30,
        &[
            &attribute(&[0x55, 4, 3], 0x0C, b"a, OU=04\nb"),
            &attribute(&[0x2A, 0x86, 0x48, 0x01], 0x13, b"x"),
        ],
    );
    let der = der(&parts);
    let certificate = Certificate::parse(&der).unwrap();
    assert_eq!(
        certificate.subject.to_string(),
        r"CN=a\, OU\=04\u{a}b, 1.2.840.1=x"
    );
    assert_eq!(certificate.role, None);
}

#[test]
fn extensions_known_and_unknown() {
    let faults = |extra: Vec<u8>| {
        let mut parts = operator();
        parts.extensions.push(extra);
        fault(&parts)
    };
    assert_eq!(faults(extension(31, false, b"anything")), None);
    assert_eq!(
        faults(extension(31, true, &[5, 0])),
        Some(Fault::UnknownCriticalExtension)
    );
    let identifier = element(4, &[&[1; 8]]);
    assert_eq!(
        faults(extension(14, false, &identifier)),
        Some(Fault::DuplicateExtension)
    );
}

#[test]
fn other_algorithms_curves_and_points_are_refused() {
    let mut parts = operator();
    parts.algorithm[9] = 3;
    assert_eq!(fault(&parts), Some(Fault::UnsupportedAlgorithm));
    let mut parts = operator();
    parts.algorithm.extend([5, 0]);
    assert_eq!(fault(&parts), Some(Fault::UnsupportedAlgorithm));
    let mut parts = operator();
    parts.curve[9] = 6;
    assert_eq!(fault(&parts), Some(Fault::UnsupportedKey));
    let mut parts = operator();
    parts.point.truncate(33);
    parts.point[0] = 2;
    assert_eq!(fault(&parts), Some(Fault::UnsupportedKey));
    let mut parts = operator();
    parts.point[0] = 6;
    assert_eq!(fault(&parts), Some(Fault::UnsupportedKey));
    let mut parts = operator();
    parts.serial[0] = 0x80;
    assert_eq!(fault(&parts), Some(Fault::IntegerNegative));
    let mut parts = operator();
    parts.validity.1 = "351331235959Z";
    assert_eq!(fault(&parts), Some(Fault::Time));
}

#[test]
fn every_prefix_of_a_certificate_is_refused() {
    let der = der(&operator());
    for length in 0..der.len() {
        assert!(
            Certificate::parse(&der[..length]).is_err(),
            "cut to {length}"
        );
    }
    let longer = [&der[..], &[0]].concat();
    assert_eq!(
        Certificate::parse(&longer)
            .map_err(|malformed| malformed.fault)
            .map(drop),
        Err(Fault::TrailingOctets)
    );
}

fn operator() -> slotkeeper_test_pki::Certificate {
    samples::organisation("03", samples::OPERATOR, Usage::DigitalSignature)
}

fn fault(parts: &slotkeeper_test_pki::Certificate) -> Option<Fault> {
    Certificate::parse(&der(parts))
        .err()
        .map(|malformed| malformed.fault)
}
