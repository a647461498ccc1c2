//! Devices, and their records in the inventory.

use slotkeeper_gbcs::Eui64;
use slotkeeper_test_pki::{Issuer, Subject, Usage, Validity};

use super::keys::{AgreementPair, SigningPair};

/// What a device is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Gpf,
    Esme,
}

/// Writes inventory records. All devices share a signing key, so that millions of them are made quickly and any message
/// can be signed; each has certificates of its own, with its own EUI-64.
pub(crate) struct Devices {
    pub(crate) signing: SigningPair,
    agreement_point: [u8; 65],
    digital_signature: Template,
    key_agreement: Template,
}

impl Devices {
    pub(crate) fn new() -> Self {
        let signing = SigningPair::generate();
        let issuer = Issuer::new("07", None, [7; 32]);
        let agreement_point = AgreementPair::generate().point;
        Self {
            digital_signature: Template::new(&signing.point, Usage::DigitalSignature, &issuer),
            key_agreement: Template::new(&agreement_point, Usage::KeyAgreement, &issuer),
            agreement_point,
            signing,
        }
    }

    /// The device of that number: scattered over all EUI-64 of the range, like real makers' are.
    pub(crate) fn eui(kind: Kind, number: u64) -> Eui64 {
        let prefix: u64 = match kind {
            Kind::Gpf => 0x021A_B001,
            Kind::Esme => 0x021A_B002,
        };
        // Odd, so a bijection of 32 bits.
        let scattered = (number & 0xFFFF_FFFF).wrapping_mul(0x9E37_79B1) & 0xFFFF_FFFF;
        Eui64::from_u64(prefix << 32 | scattered)
    }

    /// An inventory record with both certificates.
    pub(crate) fn record(&self, kind: Kind, device: Eui64) -> Vec<u8> {
        self.record_with_key(kind, device, &self.agreement_point)
    }

    /// An inventory record of a device with a key-agreement key of its own.
    pub(crate) fn record_with_key(
        &self,
        kind: Kind,
        device: Eui64,
        agreement: &[u8; 65],
    ) -> Vec<u8> {
        let encode = |der: &[u8]| base64_simd::STANDARD.encode_to_string(der);
        let device_type = match kind {
            Kind::Gpf => "GPF",
            Kind::Esme => "ESME",
        };
        format!(
            r#"{{"device_id":"{device}","device_type":"{device_type}","status":"Commissioned","smets_version":"SMETS2","key_agreement_certificate":"{}","digital_signing_certificate":"{}"}}"#,
            encode(&self.key_agreement.filled(device, agreement)),
            encode(&self.digital_signature.filled(device, &self.signing.point)),
        )
        .into_bytes()
    }
}

/// A certificate and the places of what differs. Its issuer's signature does not fit the copies; the inventory is
/// trusted, and nobody checks it.
struct Template {
    der: Vec<u8>,
    eui_at: usize,
    point_at: usize,
}

impl Template {
    fn new(point: &[u8; 65], usage: Usage, issuer: &Issuer) -> Self {
        let eui = Eui64::from_u64(0x5EED_5EED_5EED_5EED);
        let der = issuer.issue(Subject::Device(eui.to_u64()), usage, point, Validity::LONG);
        let find = |octets: &[u8]| {
            der.windows(octets.len())
                .position(|window| window == octets)
                .unwrap()
        };
        let (eui_at, point_at) = (find(&eui.to_bytes()), find(point));
        Self {
            der,
            eui_at,
            point_at,
        }
    }

    fn filled(&self, device: Eui64, point: &[u8; 65]) -> Vec<u8> {
        let mut der = self.der.clone();
        der[self.eui_at..][..8].copy_from_slice(&device.to_bytes());
        der[self.point_at..][..65].copy_from_slice(point);
        der
    }
}
