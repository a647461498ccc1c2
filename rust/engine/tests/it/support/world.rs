//! Who takes part: the ACB, two network operators, a supplier and one device, each with its keys.

use std::sync::{Arc, LazyLock};

use slotkeeper_engine::{Authority, Credential};
use slotkeeper_gbcs::{Eui64, KeyUsage};
use slotkeeper_test_pki::{Issuer, Validity};

use super::pki::Identity;

pub(crate) const ACB_ID: u64 = 0x90B3_D51F_3000_0002;
pub(crate) const GNO: u64 = 0x90B3_D51F_3002_0000;
pub(crate) const NEXT_GNO: u64 = 0x90B3_D51F_3002_0001;
pub(crate) const SUPPLIER: u64 = 0x90B3_D51F_3001_0000;
pub(crate) const GPF: u64 = 0x00DB_1234_5678_90A3;
/// 2026-06-01T00:00:00Z.
pub(crate) const NOW_MS: u64 = 1_780_272_000_000;

/// The organisations' issuing authority; itself under the root `00`.
pub(crate) fn issuer() -> &'static Issuer {
    static ISSUER: LazyLock<Issuer> =
        LazyLock::new(|| Issuer::new("07", Some(&Issuer::new("00", None, [0x40; 32])), [0x41; 32]));
    &ISSUER
}

/// Settings by which that authority vouches for certificates of devices and organisations.
pub(crate) fn anchored(at: &Issuer) -> String {
    let anchor = super::records::base64(&at.certificate);
    format!(r#"{{"verify": {{"issuing_certificates": ["{anchor}"]}}}}"#)
}

/// Certificates of an organisation, digital signature and key agreement.
pub(crate) struct Organisation {
    pub(crate) eui: Eui64,
    pub(crate) ds: Identity,
    pub(crate) ka: Identity,
}

impl Organisation {
    fn new(eui: u64, role: &str, seed: u8) -> Self {
        let identity = |usage, scalar| {
            Identity::issued(
                issuer(),
                eui,
                Some(role),
                usage,
                [scalar; 32],
                Validity::LONG,
            )
        };
        Self {
            eui: Eui64::from_u64(eui),
            ds: identity(KeyUsage::DigitalSignature, seed),
            ka: identity(KeyUsage::KeyAgreement, seed + 1),
        }
    }
}

/// The network operator who stands in the slot at first.
pub(crate) fn gno() -> &'static Organisation {
    static PARTY: LazyLock<Organisation> = LazyLock::new(|| Organisation::new(GNO, "03", 0x10));
    &PARTY
}

/// The network operator who comes after it.
pub(crate) fn next_gno() -> &'static Organisation {
    static PARTY: LazyLock<Organisation> =
        LazyLock::new(|| Organisation::new(NEXT_GNO, "03", 0x12));
    &PARTY
}

/// The supplier who asks for handovers.
pub(crate) fn supplier() -> &'static Organisation {
    static PARTY: LazyLock<Organisation> =
        LazyLock::new(|| Organisation::new(SUPPLIER, "02", 0x14));
    &PARTY
}

/// Three generations of the ACB's certificates, oldest first.
pub(crate) static ACB: LazyLock<[Organisation; 3]> =
    LazyLock::new(|| [0x20, 0x22, 0x24].map(|seed| Organisation::new(ACB_ID, "04", seed)));

/// A configured generation of the ACB's certificates.
#[derive(Clone, Copy)]
pub(crate) enum AcbKey {
    Held(usize),
    /// The certificate alone.
    Retired(usize),
}

/// The ACB with those generations, newest first.
pub(crate) fn authority(generations: &[AcbKey]) -> Arc<Authority> {
    let (mut signers, mut agreements) = (Vec::new(), Vec::new());
    for key in generations {
        let (place, held) = match *key {
            AcbKey::Held(place) => (place, true),
            AcbKey::Retired(place) => (place, false),
        };
        let Organisation { ds, ka, .. } = &ACB[place];
        let signer = held.then(|| Arc::new(ds.signing_key()) as _);
        signers.push(Credential::new(ds.identifier(), signer));
        let agreement = held.then(|| Arc::new(ka.agreement_key()) as _);
        agreements.push(Credential::new(ka.identifier(), agreement));
    }
    Arc::new(Authority::new(Eui64::from_u64(ACB_ID), signers, agreements).unwrap())
}
