//! Messages made here: proofs with old and new certificates, with either side's key, and with the wrong one.

use slotkeeper_crypto::{KeyAgreement, KrpSigner, MacContext, PublicKey, acb_smd_mac};
use slotkeeper_engine::Keystore;
use slotkeeper_engine::inspect::{MessageReport, message};
use slotkeeper_gbcs::KeyUsage::{DigitalSignature, KeyAgreement as Agreement};
use slotkeeper_gbcs::{
    AuthorisingControl, CommandPayload, Cra, Draft, Envelope, Eui64, Header, LengthStyle,
    MessageCode, Payload, RemotePartyRole, Replacement, ReplacementMode, SeqNumber, Signature,
    TrustAnchorCell,
};
use tempfile::TempDir;

use crate::support::Identity;

#[test]
fn either_sides_key_proves_the_mac() {
    let made = Made::new();
    for keys in [
        &[&made.acb_ka][..],
        &[&made.gpf_ka],
        &[&made.acb_ka, &made.gpf_ka],
    ] {
        let report = made.inspect(&[&made.acb_ka, &made.gpf_ka, &made.gno_ds], keys);
        assert_eq!(proofs(&report), (Some(true), Some(true)));
    }
    let without_device = made.inspect(&[&made.acb_ka, &made.gno_ds], &[&made.acb_ka]);
    assert_eq!(proofs(&without_device), (Some(true), None));
    let without_originator = made.inspect(&[&made.acb_ka, &made.gpf_ka], &[&made.acb_ka]);
    assert_eq!(proofs(&without_originator), (None, Some(true)));
    assert_eq!(proofs(&message(&made.octets, None)), (None, None));
}

/// Of several certificates of one party, one that verifies is enough; none that does is a false proof.
#[test]
fn all_certificates_of_a_party_are_tried() {
    let made = Made::new();
    let gno_old = Identity::new(GNO, Some("03"), DigitalSignature, [0x71; 32]);
    let acb_old = Identity::new(ACB, Some("04"), Agreement, [0x72; 32]);
    let gpf_old = Identity::new(GPF, None, Agreement, [0x73; 32]);

    let both = [
        &gno_old,
        &made.gno_ds,
        &acb_old,
        &made.acb_ka,
        &gpf_old,
        &made.gpf_ka,
    ];
    assert_eq!(
        proofs(&made.inspect(&both, &[&acb_old, &made.acb_ka])),
        (Some(true), Some(true))
    );
    let old = [&gno_old, &acb_old, &gpf_old];
    assert_eq!(
        proofs(&made.inspect(&old, &[&acb_old])),
        (Some(false), Some(false))
    );
}

/// The originator's own key agreement has no part in the MAC, and only role 04 makes an ACB.
#[test]
fn the_mac_is_the_acbs_whoever_originated() {
    let made = Made::new();
    let operators = Identity::new(GNO, Some("03"), Agreement, made_scalar(ACB_KA));
    let report = made.inspect(&[&operators, &made.gpf_ka], &[&operators, &made.gpf_ka]);
    assert_eq!(proofs(&report).1, None);
}

#[test]
fn a_certificate_outside_the_profile_costs_its_own_members_only() {
    let made = Made::new();
    let octets = made.command(&[0x30, 3, 0x02, 1, 7]);
    let report = message(&octets, None);
    assert_eq!((report.error, report.round_trip), (None, Some(true)));
    assert_eq!(report.replacements[0].subject_unique_id, None);
    assert_eq!(report.replacements[0].cell.role, "networkOperator");
    assert_eq!(report.certification_path[0].subject, None);
}

/// Counters beyond what JSON readers of other languages hold.
#[test]
fn great_counters_are_decimal_strings() {
    let mut octets = Made::new().octets;
    let at = octets
        .windows(8)
        .position(|w| w == COUNTER.to_be_bytes())
        .unwrap();
    octets[at..at + 8].copy_from_slice(&u64::MAX.to_be_bytes());
    let report = message(&octets, None);
    assert_eq!(
        report.originator_counter.as_deref(),
        Some("18446744073709551615")
    );
    assert_eq!(
        report.authorising_seq_number.as_deref(),
        Some("9007199254740993")
    );
}

#[test]
fn what_cannot_be_decoded_has_an_error_and_nothing_else() {
    let made = Made::new();
    for octets in [&[][..], &[0xdf], &made.octets[..100], b"<xml/>"] {
        let mut value = serde_json::to_value(message(octets, None)).unwrap();
        let error = value["error"].take();
        assert!(!error.as_str().unwrap().is_empty());
        for (name, member) in value.as_object().unwrap() {
            assert!(
                member.is_null() || member.as_array().is_some_and(Vec::is_empty),
                "{name}"
            );
        }
    }
}

/// A hand-back of a network operator, signed by it and MACed by the ACB.
struct Made {
    gno_ds: Identity,
    acb_ka: Identity,
    gpf_ka: Identity,
    octets: Vec<u8>,
}

impl Made {
    fn new() -> Self {
        let mut made = Self {
            gno_ds: Identity::new(GNO, Some("03"), DigitalSignature, made_scalar(1)),
            acb_ka: Identity::new(ACB, Some("04"), Agreement, made_scalar(ACB_KA)),
            gpf_ka: Identity::new(GPF, None, Agreement, made_scalar(3)),
            octets: Vec::new(),
        };
        made.octets = made.command(&made.acb_ka.certificate);
        made
    }

    fn command(&self, certificate: &[u8]) -> Vec<u8> {
        let cell = TrustAnchorCell::management(RemotePartyRole::NetworkOperator, DigitalSignature);
        let counter = SeqNumber::new(COUNTER).unwrap();
        let mut draft = Draft {
            header: Header {
                cra: Cra::Command,
                originator_counter: COUNTER,
                originator: Eui64::from_u64(GNO),
                recipient: Eui64::from_u64(GPF),
                date_time: None,
                message_code: MessageCode(0x0103),
            },
            payload: Payload::Command(CommandPayload {
                control: AuthorisingControl {
                    mode: ReplacementMode::NetworkOperatorByNetworkOperator,
                    plaintext_symmetric_key: None,
                    apply_time_based_cpv_checks: true,
                    authorising_cell: Some(cell),
                    authorising_seq_number: counter,
                    floor: None,
                    specialist_floors: Vec::new(),
                    other_role_changes: Vec::new(),
                },
                replacements: vec![Replacement { certificate, cell }],
                path_certificates: vec![certificate],
                execution_date_time: None,
            }),
            signature: Signature::Present(&[0; 64]),
            mac: Some(&[0; 12]),
            length_style: LengthStyle::Minimal,
        };
        let unsigned = draft.encode().unwrap();
        let signed_octets = Envelope::decode(&unsigned).unwrap().signed_octets();
        let signature = self.gno_ds.signing_key().sign(signed_octets).unwrap();
        draft.signature = Signature::Present(&signature);
        let signed = draft.encode().unwrap();

        let acb = self.acb_ka.agreement_key();
        let gpf: PublicKey = self.gpf_ka.signing_key().public_key();
        let context = MacContext {
            originator: self.gno_ds.eui.to_bytes(),
            cra: 1,
            originator_counter: COUNTER,
            recipient: self.gpf_ka.eui.to_bytes(),
        };
        let maced_octets = Envelope::decode(&signed).unwrap().maced_octets();
        let mac = acb_smd_mac(&acb.agree(&gpf).unwrap(), &context, maced_octets);
        draft.mac = Some(&mac);
        draft.encode().unwrap()
    }

    fn inspect(&self, certificates: &[&Identity], keys: &[&Identity]) -> MessageReport {
        let folder: TempDir = tempfile::tempdir().unwrap();
        for (number, identity) in certificates.iter().enumerate() {
            identity.write_certificate(folder.path(), &format!("{number:016x}-any"));
        }
        for (number, identity) in keys.iter().enumerate() {
            identity.write_key(folder.path(), &format!("{number:016x}-any"));
        }
        message(&self.octets, Some(&Keystore::open(folder.path()).unwrap()))
    }
}

fn proofs(report: &MessageReport) -> (Option<bool>, Option<bool>) {
    (report.signature.unwrap().valid, report.mac.unwrap().valid)
}

fn made_scalar(number: u8) -> [u8; 32] {
    [number; 32]
}

const GNO: u64 = 0x90B3_D51F_3002_0000;
const ACB: u64 = 0x90B3_D51F_3000_0002;
const GPF: u64 = 0x00DB_1234_5678_90A3;
const ACB_KA: u8 = 2;
/// 2^53 + 1.
const COUNTER: u64 = 9_007_199_254_740_993;
