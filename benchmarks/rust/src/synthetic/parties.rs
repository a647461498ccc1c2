//! The Access Control Broker, a leaving operator, its successor, and a supplier.

use std::sync::Arc;

use slotkeeper_crypto::{AgreementKey, SigningKey};
use slotkeeper_engine::{Authority, Credential, Engine, Partition, Settings};
use slotkeeper_gbcs::{Eui64, KeyIdentifier};
use slotkeeper_test_pki::{Issuer, Subject, Usage, Validity, key_identifier};

use super::keys::{AgreementPair, SigningPair};

// 02-1A-B0 has the bit of locally administered addresses, so that no maker's device has it.
pub(crate) const ACB: Eui64 = Eui64::from_u64(0x021A_B000_0004_0001);
pub(crate) const OPERATOR: Eui64 = Eui64::from_u64(0x021A_B000_0003_0001);
pub(crate) const SUPPLIER: Eui64 = Eui64::from_u64(0x021A_B000_0002_0001);
const SUCCESSOR: Eui64 = Eui64::from_u64(0x021A_B000_0003_0002);

/// Seed of the engine's hash tables: any, but the same in each run.
const SEED: u64 = 7;

/// Everybody with a key of their own, but the devices.
pub(crate) struct Parties {
    pub(crate) acb_signing: SigningPair,
    authority: Arc<Authority>,
    /// What stands in a cell that was handed back.
    pub(crate) acb_identifiers: [KeyIdentifier; 2],
    /// Base64: digital signature, key agreement, and the issuer's.
    pub(crate) successor: [String; 3],
}

impl Parties {
    pub(crate) fn new() -> Self {
        let acb_signing = SigningPair::generate();
        let acb_agreement = SigningPair::generate();
        let acb_identifiers =
            [&acb_signing, &acb_agreement].map(|pair| KeyIdentifier(key_identifier(&pair.point)));
        let signer = SigningKey::from_pem(acb_signing.pem().as_bytes()).unwrap();
        let agreement = AgreementKey::from_pem(acb_agreement.pem().as_bytes()).unwrap();
        let authority = Authority::new(
            ACB,
            vec![Credential::new(acb_identifiers[0], Some(Arc::new(signer)))],
            vec![Credential::new(
                acb_identifiers[1],
                Some(Arc::new(agreement)),
            )],
        )
        .unwrap();
        Self {
            acb_signing,
            authority: Arc::new(authority),
            acb_identifiers,
            successor: successor(),
        }
    }

    /// An engine of the only partition there is, not yet opened.
    pub(crate) fn engine(&self, threads: usize) -> Engine {
        Engine::new(
            Settings::from_json(b"{}").unwrap(),
            Arc::clone(&self.authority),
            Partition { index: 0, count: 1 },
            threads,
            SEED,
        )
    }
}

fn successor() -> [String; 3] {
    let issuer = Issuer::new("07", None, [7; 32]);
    let organisation = Subject::Organisation {
        role: "03",
        eui: SUCCESSOR.to_u64(),
    };
    let issue = |usage, point| issuer.issue(organisation, usage, &point, Validity::LONG);
    [
        issue(Usage::DigitalSignature, SigningPair::generate().point),
        issue(Usage::KeyAgreement, AgreementPair::generate().point),
        issuer.certificate,
    ]
    .map(|der| base64_simd::STANDARD.encode_to_string(der))
}
