//! Records of the other input streams, as JSON.

use serde_json::{Value, json};
use slotkeeper_gbcs::{Eui64, KeyUsage};
use slotkeeper_test_pki::Validity;

use super::pki::Identity;
use super::world::{Organisation, SUPPLIER, issuer, next_gno};

/// A device and its record in the inventory.
pub(crate) struct Device {
    pub(crate) eui: u64,
    pub(crate) ds: Identity,
    pub(crate) ka: Identity,
    pub(crate) kind: &'static str,
    pub(crate) status: &'static str,
    pub(crate) smets: &'static str,
    pub(crate) with_ds: bool,
    pub(crate) with_ka: bool,
    pub(crate) acb_identifier: Option<String>,
}

impl Device {
    /// A GPF whose keys follow from its EUI-64.
    pub(crate) fn new(eui: u64) -> Self {
        let identity = |usage, seed: u8| {
            let mut scalar = [seed; 32];
            scalar[24..].copy_from_slice(&eui.to_be_bytes());
            Identity::issued(issuer(), eui, None, usage, scalar, Validity::LONG)
        };
        Self {
            eui,
            ds: identity(KeyUsage::DigitalSignature, 0x50),
            ka: identity(KeyUsage::KeyAgreement, 0x51),
            kind: "GPF",
            status: "Commissioned",
            smets: "SMETS2",
            with_ds: true,
            with_ka: true,
            acb_identifier: None,
        }
    }

    pub(crate) fn record(&self) -> Vec<u8> {
        let certificate =
            |with: bool, identity: &Identity| with.then(|| base64(&identity.certificate));
        let mut record = json!({
            "device_id": Eui64::from_u64(self.eui).to_string(),
            "device_type": self.kind,
            "status": self.status,
            "smets_version": self.smets,
            "digital_signing_certificate": certificate(self.with_ds, &self.ds),
            "key_agreement_certificate": certificate(self.with_ka, &self.ka),
        });
        if let Some(identifier) = &self.acb_identifier {
            record["acb_key_agreement_identifier"] = identifier.as_str().into();
        }
        record.to_string().into_bytes()
    }
}

/// A request of SRV 6.21 that the next operator's certificates be placed.
pub(crate) struct Request {
    pub(crate) device: u64,
    pub(crate) json: Value,
}

impl Request {
    pub(crate) fn new(device: u64, number: u64) -> Self {
        Self::of(device, number, "NetworkOperator", next_gno())
    }

    pub(crate) fn of(device: u64, number: u64, role: &str, party: &Organisation) -> Self {
        let json = json!({
            "request_id": format!("{}:{}:{number}", Eui64::from_u64(SUPPLIER), Eui64::from_u64(device)),
            "remote_party_role": role,
            "remote_party_floor_seq_number": "0",
            "replacement_certificates": {
                "digital_signing": base64(&party.ds.certificate),
                "key_agreement": base64(&party.ka.certificate),
            },
            "certification_path_certificates": [base64(&issuer().certificate)],
            "apply_time_based_cpv_checks": true,
        });
        Self { device, json }
    }

    pub(crate) fn with(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = self.json.pointer_mut(parent).unwrap();
        parent[name] = value.into();
        self
    }

    pub(crate) fn hint(self, hint: u64) -> Self {
        self.with("/originator_counter", hint.to_string())
    }
}

/// A raise by hand.
pub(crate) struct Adjustment {
    pub(crate) device: u64,
    pub(crate) json: Value,
}

impl Adjustment {
    pub(crate) fn new(device: u64, kind: &str, at_least: u64) -> Self {
        let json = json!({
            "device_id": Eui64::from_u64(device).to_string(),
            "remote_party_role": "NetworkOperator",
            "kind": kind,
            "at_least": at_least.to_string(),
            "reason": "a test",
            "by": ["Ann"],
        });
        Self { device, json }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.json[name] = value.into();
        self
    }
}

pub(crate) fn base64(octets: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(octets)
}
