//! What devices report of their cells: answers of CS02a, signed, or MACed to the ACB.

use slotkeeper_crypto::{KeyAgreement as _, MacContext, PublicKey, acb_smd_mac};
use slotkeeper_gbcs::{
    CellContents, CellUsage, Certificate, Cra, CredentialsResponse, DlmsDateTime, Draft, Envelope,
    Eui64, Header, KeyUsage, LengthStyle, MessageCode, Payload, RemotePartyDetails,
    RemotePartyRole, SeqNumber, Signature, StatusCode,
};

use super::pki::Identity;
use super::records::Device;
use super::told::sign_anew;
use super::world::Organisation;

/// An answer to whoever asked.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    device: u64,
    party: Eui64,
    number: u64,
    /// Unix seconds; none at all where 0.
    time: u32,
    roles: Vec<RemotePartyDetails>,
}

impl Reading {
    pub(crate) fn new(device: u64, party: &Organisation, number: u64) -> Self {
        Self {
            device,
            party: party.eui,
            number,
            time: 0,
            roles: Vec::new(),
        }
    }

    pub(crate) fn at(self, time: u32) -> Self {
        Self { time, ..self }
    }

    /// Who holds both cells of the Network Operator slot, and the device's number for it.
    pub(crate) fn holds(self, ds: &Organisation, ka: &Organisation, number: u64) -> Self {
        self.of_role(RemotePartyRole::NetworkOperator, ds, ka, number)
    }

    pub(crate) fn of_role(
        mut self,
        role: RemotePartyRole,
        ds: &Organisation,
        ka: &Organisation,
        number: u64,
    ) -> Self {
        let cell = |key_usage, holder: Eui64, identity: &Identity| CellContents {
            key_usage,
            cell_usage: CellUsage::Management,
            existing_subject: holder,
            existing_key_identifier: identity.identifier(),
        };
        self.roles.push(RemotePartyDetails {
            role,
            status: StatusCode::Success,
            current_seq_number: SeqNumber::new(number),
            cells: vec![
                cell(KeyUsage::DigitalSignature, ds.eui, &ds.ds),
                cell(KeyUsage::KeyAgreement, ka.eui, &ka.ka),
            ],
        });
        self
    }

    pub(crate) fn without(mut self, role: RemotePartyRole) -> Self {
        self.roles.push(RemotePartyDetails {
            role,
            status: StatusCode::TrustAnchorNotFound,
            current_seq_number: None,
            cells: Vec::new(),
        });
        self
    }

    /// Signed by the device; without a key, the signature is rubbish.
    pub(crate) fn signed(&self, key: Option<&Identity>) -> Vec<u8> {
        let unsigned = self.draft(Signature::Present(&[7; 64]), None);
        match key {
            Some(key) => sign_anew(unsigned, key),
            None => unsigned,
        }
    }

    /// With the SMD-ACB MAC in the place of a signature.
    pub(crate) fn maced(&self, device: &Device, acb: &Organisation) -> Vec<u8> {
        let octets = self.draft(Signature::Empty, Some(&[0; 12]));
        let of_device = Certificate::parse(&device.ka.certificate).unwrap();
        let peer = PublicKey::from_uncompressed(of_device.public_key).unwrap();
        let secret = acb.ka.agreement_key().agree(&peer).unwrap();
        let context = MacContext {
            originator: Eui64::from_u64(self.device).to_bytes(),
            cra: Cra::Response.number(),
            originator_counter: self.number,
            recipient: self.party.to_bytes(),
        };
        let maced = Envelope::decode(&octets).unwrap().maced_octets();
        let mac = acb_smd_mac(&secret, &context, maced);
        self.draft(Signature::Empty, Some(&mac))
    }

    fn draft(&self, signature: Signature<'_>, mac: Option<&[u8; 12]>) -> Vec<u8> {
        let header = Header {
            cra: Cra::Response,
            originator_counter: self.number,
            originator: Eui64::from_u64(self.device),
            recipient: self.party,
            date_time: (self.time != 0).then(|| DlmsDateTime::from_unix_seconds(self.time)),
            message_code: MessageCode::CS02A,
        };
        let payload = Payload::CredentialsResponse(CredentialsResponse {
            roles: self.roles.clone(),
        });
        let draft = Draft {
            header,
            payload,
            signature,
            mac,
            length_style: LengthStyle::Device,
        };
        draft.encode().unwrap()
    }
}
