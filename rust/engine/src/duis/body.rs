//! What a DUIS document is about.

use super::DuisError;
use super::element::Element;

/// The content of a document's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// DeviceAlertMessage.
    DeviceAlert {
        /// The Alert.
        gbcs_payload: Vec<u8>,
    },
    /// RequestHandoverOfDCCControlledDevice, SRV 6.21.
    Handover(HandoverRequest),
    /// Another service or message.
    Other,
    /// ResponseMessage.
    ResponseMessage(ResponseContent),
    /// SignedPreCommand: the operator's signature is on it, the MAC is not.
    SignedPreCommand {
        /// The pre-command with its signature.
        gbcs_payload: Vec<u8>,
    },
    /// UpdateSecurityCredentialsKRP, SRV 6.15.1, as the operator asks for its pre-command.
    UpdateCredentials(UpdateCredentials),
}

impl Body {
    pub(super) fn read(element: Element<'_, '_>) -> Result<Self, DuisError> {
        if !element.is_duis() {
            return Ok(Self::Other);
        }
        Ok(match element.name() {
            "DeviceAlertMessage" => Self::DeviceAlert {
                gbcs_payload: element.child(GBCS_PAYLOAD)?.octets()?,
            },
            "RequestHandoverOfDCCControlledDevice" => {
                Self::Handover(HandoverRequest::read(element)?)
            }
            "ResponseMessage" => Self::ResponseMessage(ResponseContent::read(element)?),
            "SignedPreCommand" => Self::SignedPreCommand {
                gbcs_payload: element.child(GBCS_PAYLOAD)?.octets()?,
            },
            "UpdateSecurityCredentialsKRP" => {
                let certificates = element
                    .child("ReplacementCertificates")?
                    .child("SupplierOrNetworkOperatorCertificates")?;
                Self::UpdateCredentials(UpdateCredentials::read(element, certificates)?)
            }
            _ => Self::Other,
        })
    }
}

/// RequestHandoverOfDCCControlledDevice: which certificates go into the slot that the DCC holds.
///
/// Numbers and times are the text of the document: what is in range is for the reader to judge, who can say why a
/// request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverRequest {
    /// RemotePartyRole: the slot, such as `NetworkOperator`.
    pub remote_party_role: String,
    /// RemotePartyFloorSeqNumber: the number from which the device continues for the new party.
    pub floor: Option<String>,
    /// RemotePartyPrepaymentTopUpFloorSeqNumber: the same for a supplier's top-ups.
    pub top_up_floor: Option<String>,
    /// DigitalSigningCertificate, DER.
    pub digital_signing: Vec<u8>,
    /// KeyAgreementCertificate, DER.
    pub key_agreement: Option<Vec<u8>>,
    /// KeyAgreementTopUpCertificate, DER: suppliers only.
    pub key_agreement_top_up: Option<Vec<u8>>,
    /// CertificationPathCertificates, DER: 1 to 3 in the schema.
    pub path: Vec<Vec<u8>>,
    /// ApplyTimeBasedCPVChecks: whether the device looks at the time when it validates paths. Absent means that it does.
    pub apply_time_based_cpv_checks: bool,
    /// ExecutionDateTime: absent for at once.
    pub execution_date_time: Option<String>,
}

impl HandoverRequest {
    fn read(element: Element<'_, '_>) -> Result<Self, DuisError> {
        let certificates = element.child("ReplacementCertificates")?;
        let request = UpdateCredentials::read(element, certificates)?;
        Ok(Self {
            remote_party_role: request.remote_party_role,
            floor: request.floor,
            top_up_floor: request.top_up_floor,
            digital_signing: match request.digital_signing {
                Some(certificate) => certificate,
                None => certificates.child(DIGITAL_SIGNING)?.octets()?,
            },
            key_agreement: request.key_agreement,
            key_agreement_top_up: request.key_agreement_top_up,
            path: request.path,
            apply_time_based_cpv_checks: request.apply_time_based_cpv_checks,
            execution_date_time: request.execution_date_time,
        })
    }
}

/// UpdateSecurityCredentialsKRP: which certificates an operator or a supplier wants in its own slot.
///
/// As [`HandoverRequest`], but any of the certificates may be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateCredentials {
    /// RemotePartyRole: the slot.
    pub remote_party_role: String,
    /// RemotePartyFloorSeqNumber.
    pub floor: Option<String>,
    /// RemotePartyPrepaymentTopUpFloorSeqNumber.
    pub top_up_floor: Option<String>,
    /// DigitalSigningCertificate, DER.
    pub digital_signing: Option<Vec<u8>>,
    /// KeyAgreementCertificate, DER.
    pub key_agreement: Option<Vec<u8>>,
    /// KeyAgreementTopUpCertificate, DER.
    pub key_agreement_top_up: Option<Vec<u8>>,
    /// CertificationPathCertificates, DER.
    pub path: Vec<Vec<u8>>,
    /// ApplyTimeBasedCPVChecks.
    pub apply_time_based_cpv_checks: bool,
    /// ExecutionDateTime.
    pub execution_date_time: Option<String>,
}

impl UpdateCredentials {
    fn read(element: Element<'_, '_>, certificates: Element<'_, '_>) -> Result<Self, DuisError> {
        let path = element.child("CertificationPathCertificates")?;
        let checks = element.optional_child("ApplyTimeBasedCPVChecks")?;
        Ok(Self {
            remote_party_role: element.child("RemotePartyRole")?.text()?.into_owned(),
            floor: element.optional_text("RemotePartyFloorSeqNumber")?,
            top_up_floor: element.optional_text("RemotePartyPrepaymentTopUpFloorSeqNumber")?,
            digital_signing: certificates.optional_octets(DIGITAL_SIGNING)?,
            key_agreement: certificates.optional_octets("KeyAgreementCertificate")?,
            key_agreement_top_up: certificates.optional_octets("KeyAgreementTopUpCertificate")?,
            path: path
                .children("Certificate")
                .map(Element::octets)
                .collect::<Result<_, _>>()?,
            apply_time_based_cpv_checks: checks.map(Element::boolean).transpose()?.unwrap_or(true),
            execution_date_time: element.optional_text("ExecutionDateTime")?,
        })
    }
}

/// What a ResponseMessage carries beside its service reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseContent {
    /// FutureDatedDeviceAlertMessage: the Alert that reports the outcome of a future-dated command.
    FutureDatedDeviceAlert(Vec<u8>),
    /// GBCSPayload: a device's Response.
    GbcsPayload(Vec<u8>),
    /// Nothing: the request is acknowledged, or was refused.
    None,
    /// Another content: answers of the DSP itself, commands for local delivery.
    Other,
    /// PreCommand: what the operator is to sign.
    PreCommand(Vec<u8>),
}

impl ResponseContent {
    fn read(element: Element<'_, '_>) -> Result<Self, DuisError> {
        let mut contents = element.elements().filter(|content| {
            !matches!(
                content.name(),
                "ServiceReference" | "ServiceReferenceVariant"
            )
        });
        let Some(content) = contents.next() else {
            return Ok(Self::None);
        };
        if let Some(second) = contents.next() {
            return Err(second.fault("is one element too many in ResponseMessage"));
        }
        if !content.is_duis() {
            return Ok(Self::Other);
        }
        Ok(match content.name() {
            "FutureDatedDeviceAlertMessage" => {
                Self::FutureDatedDeviceAlert(content.child(GBCS_PAYLOAD)?.octets()?)
            }
            GBCS_PAYLOAD => Self::GbcsPayload(content.octets()?),
            "PreCommand" => Self::PreCommand(content.child(GBCS_PAYLOAD)?.octets()?),
            _ => Self::Other,
        })
    }

    pub(super) fn gbcs_payload(&self) -> Option<&[u8]> {
        match self {
            Self::FutureDatedDeviceAlert(octets)
            | Self::GbcsPayload(octets)
            | Self::PreCommand(octets) => Some(octets),
            Self::None | Self::Other => None,
        }
    }
}

pub(crate) const GBCS_PAYLOAD: &str = "GBCSPayload";
const DIGITAL_SIGNING: &str = "DigitalSigningCertificate";
