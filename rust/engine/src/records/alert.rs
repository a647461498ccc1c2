//! `dcc-alerts`: what the DCC says of a device's certificates, as DUIS or as JSON.

use serde::Deserialize;
use slotkeeper_counters::{CellUse, Role};
use slotkeeper_gbcs::Eui64;

use super::{Unreadable, decimal, is_xml, unix_seconds};
use crate::duis::{self, Document, Element};
use crate::message::role_of_name;
use crate::registers::{cell_use_of, hex_octets};

/// An alert.
#[derive(Clone, Debug)]
pub(crate) struct Alert {
    /// Whose it is: the device, or an old and a new one.
    devices: Vec<Eui64>,
    /// When the DCC raised it, Unix seconds.
    pub(crate) at: Option<u64>,
    pub(crate) kind: AlertKind,
}

/// What an alert says.
#[derive(Clone, Debug)]
pub(crate) enum AlertKind {
    /// Certificates came into cells of a role; that is `None` where it is another one than those that are followed.
    CredentialsUpdated {
        role: Option<Role>,
        certificates: Vec<(CellUse, [u8; 20])>,
        floor: Option<u64>,
    },
    /// A GPF took the place of another one.
    LogRestored,
    /// Another alert.
    Other(String),
    /// A request is held back.
    Quarantined { request_id: String },
    /// Recovery put the ACB's certificates into cells.
    Recovered { cells: Vec<(Role, CellUse)> },
}

impl Alert {
    pub(crate) fn read(key: Eui64, value: &[u8]) -> Result<Self, Unreadable> {
        if is_xml(value) {
            from_duis(key, value)
        } else {
            let json: Json = serde_json::from_slice(value)?;
            json.alert()
        }
    }

    pub(crate) fn is_about(&self, key: Eui64) -> bool {
        self.devices.contains(&key)
    }
}

#[derive(Deserialize)]
struct Json {
    kind: String,
    device_id: String,
    #[serde(default)]
    at: Option<String>,
    #[serde(default)]
    remote_party_role: Option<String>,
    #[serde(default)]
    certificates: Option<Vec<CertificateJson>>,
    #[serde(default)]
    remote_party_floor_seq_number: Option<String>,
    #[serde(default)]
    network_operator_cells: Option<Vec<String>>,
    #[serde(default)]
    supplier_cells: Option<Vec<String>>,
    #[serde(default)]
    old_device_id: Option<String>,
    #[serde(default)]
    new_device_id: Option<String>,
    #[serde(default)]
    request_id: Option<String>,
}

#[derive(Deserialize)]
struct CertificateJson {
    key_usage: String,
    sha1: String,
}

impl Json {
    fn alert(self) -> Result<Alert, Unreadable> {
        let mut devices = vec![device(&self.device_id, "device_id")?];
        let missing = |name: &str| Unreadable(format!("{name} is missing"));
        let kind = match self.kind.as_str() {
            "SecurityCredentialsUpdated" => {
                let role = self.remote_party_role.as_deref();
                let certificates = self.certificates.ok_or_else(|| missing("certificates"))?;
                let read = |one: &CertificateJson| {
                    let sha1 = hex_octets(&one.sha1)
                        .ok_or_else(|| Unreadable("sha1 is not 40 hex digits".to_owned()))?;
                    Ok((cell(&one.key_usage)?, sha1))
                };
                let certificates: Vec<_> = certificates
                    .iter()
                    .map(read)
                    .collect::<Result<_, Unreadable>>()?;
                AlertKind::CredentialsUpdated {
                    role: role_of_name(role.ok_or_else(|| missing("remote_party_role"))?),
                    certificates: followed(certificates)?,
                    floor: floor(self.remote_party_floor_seq_number.as_deref())?,
                }
            }
            "RecoveryCompleteACBCredentials" => {
                let of_operator = self.network_operator_cells.unwrap_or_default();
                let of_supplier = self.supplier_cells.unwrap_or_default();
                AlertKind::Recovered {
                    cells: recovered(&of_operator, &of_supplier)?,
                }
            }
            "DeviceLogRestored" => {
                for (name, text) in [
                    ("old_device_id", self.old_device_id),
                    ("new_device_id", self.new_device_id),
                ] {
                    let text = text.ok_or_else(|| missing(name))?;
                    devices.push(device(&text, name)?);
                }
                AlertKind::LogRestored
            }
            "QuarantinedRequest" => AlertKind::Quarantined {
                request_id: self.request_id.ok_or_else(|| missing("request_id"))?,
            },
            _ => AlertKind::Other(self.kind),
        };
        Ok(Alert {
            devices,
            at: self.at.as_deref().and_then(unix_seconds),
            kind,
        })
    }
}

/// What an element of DCCAlert says, and about which devices.
fn from_duis(key: Eui64, value: &[u8]) -> Result<Alert, Unreadable> {
    let tree = duis::tree(duis::text(value)?)?;
    let document = Document::read(&tree)?;
    let message = Document::body_element(&tree)?;
    if message.name() != "DCCAlertMessage" || !message.is_duis() {
        return Err(Unreadable(format!(
            "the document's body is {}, not DCCAlertMessage",
            document.element
        )));
    }
    let alert = message.child("DCCAlert")?;
    let mut elements = alert.elements();
    let (Some(element), None) = (elements.next(), elements.next()) else {
        return Err(alert.fault("holds not one element").into());
    };
    let (devices, kind) = match element.name() {
        "SecurityCredentialsUpdated" => (
            vec![device_in(element, "DeviceID")?],
            credentials_updated(element)?,
        ),
        "DeviceStatusChangeEvent" => {
            let change = element.child("DeviceStatusChange")?;
            let kind = match change.optional_child("RecoveryCompleteACBCredentials")? {
                Some(recovery) => {
                    let cells = |name| {
                        let types = recovery
                            .children(name)
                            .map(|cell| Ok::<_, Unreadable>(usage(&cell.text()?).to_owned()));
                        types.collect::<Result<Vec<_>, _>>()
                    };
                    let of_operator = cells("NetworkOperatorCertificateType")?;
                    AlertKind::Recovered {
                        cells: recovered(&of_operator, &cells("SupplierCertificateType")?)?,
                    }
                }
                None => AlertKind::Other(element.name().to_owned()),
            };
            (vec![device_in(element, "DeviceID")?], kind)
        }
        "DeviceLogRestored" => {
            let log = match element.optional_child("GPFDeviceLog")? {
                Some(log) => log,
                None => element.child("CHFDeviceLog")?,
            };
            let devices = ["OldGPFDeviceID", "NewGPFDeviceID"]
                .into_iter()
                .map(|name| device_in(log, name))
                .collect::<Result<_, _>>()?;
            (devices, AlertKind::LogRestored)
        }
        "QuarantinedRequest" => {
            let mut breaches = element.elements();
            let breach = breaches.next().ok_or_else(|| element.fault("is empty"))?;
            let request_id = breach.child("RequestID")?.text()?.into_owned();
            let target = request_id.split(':').nth(1).unwrap_or_default();
            (
                vec![device(target, "the target of RequestID")?],
                AlertKind::Quarantined { request_id },
            )
        }
        name => (vec![key], AlertKind::Other(name.to_owned())),
    };
    Ok(Alert {
        devices,
        at: document
            .response_date_time
            .as_deref()
            .and_then(unix_seconds),
        kind,
    })
}

fn credentials_updated(element: Element<'_, '_>) -> Result<AlertKind, Unreadable> {
    let certificates: Vec<_> = element
        .children("Certificates")
        .map(|certificate| {
            let kind = certificate.child("CertificateType")?.text()?;
            let hash = certificate.child("CertificateHash")?.octets()?;
            let sha1 = hash
                .try_into()
                .map_err(|_| Unreadable("CertificateHash is no SHA-1".to_owned()))?;
            Ok::<_, Unreadable>((cell(usage(&kind))?, sha1))
        })
        .collect::<Result<_, _>>()?;
    let change = element.optional_child("RemotePartySeqNumberChange")?;
    let text = match change {
        Some(change) => change.optional_text("RemotePartyFloorSeqNumber")?,
        None => None,
    };
    Ok(AlertKind::CredentialsUpdated {
        role: role_of_name(&element.child("RemotePartyRole")?.text()?),
        certificates: followed(certificates)?,
        floor: floor(text.as_deref())?,
    })
}

/// A DUIS `CertificateType` as registers call it.
fn usage(kind: &str) -> &str {
    match kind {
        "DigitalSigning" => "DS",
        "KeyAgreement" => "KA",
        "KeyAgreementTopUp" => TOP_UP,
        other => other,
    }
}

/// A cell that is not followed.
const TOP_UP: &str = "TOP_UP";

fn cell(usage: &str) -> Result<Option<CellUse>, Unreadable> {
    match cell_use_of(usage) {
        None if usage != TOP_UP => Err(Unreadable(
            "a usage of a certificate is DS, KA or TOP_UP".to_owned(),
        )),
        followed => Ok(followed),
    }
}

/// Certificates of an alert, each once. The DCC names up to three; a record has room for a thousand.
const MOST_CERTIFICATES: usize = 16;

fn followed(
    certificates: Vec<(Option<CellUse>, [u8; 20])>,
) -> Result<Vec<(CellUse, [u8; 20])>, Unreadable> {
    let mut cells = Vec::new();
    for (cell, told) in certificates {
        if let Some(named) = cell.map(|cell_use| (cell_use, told))
            && !cells.contains(&named)
        {
            cells.push(named);
            if cells.len() > MOST_CERTIFICATES {
                return Err(Unreadable(format!(
                    "more than {MOST_CERTIFICATES} certificates"
                )));
            }
        }
    }
    Ok(cells)
}

fn recovered(
    of_operator: &[String],
    of_supplier: &[String],
) -> Result<Vec<(Role, CellUse)>, Unreadable> {
    let mut cells = Vec::new();
    for (role, usages) in [
        (Role::NetworkOperator, of_operator),
        (Role::Supplier, of_supplier),
    ] {
        for usage in usages {
            let named = cell(usage)?.map(|cell_use| (role, cell_use));
            // A record has room for thousands of names, and there are four cells.
            cells.extend(named.filter(|named| !cells.contains(named)));
        }
    }
    Ok(cells)
}

fn floor(text: Option<&str>) -> Result<Option<u64>, Unreadable> {
    let Some(text) = text else { return Ok(None) };
    let floor = decimal(text).filter(|floor| *floor <= slotkeeper_counters::LAST_COUNTER);
    floor
        .map(Some)
        .ok_or_else(|| Unreadable("the floor is no number up to 2^63-1".to_owned()))
}

fn device(text: &str, name: &str) -> Result<Eui64, Unreadable> {
    Eui64::parse(text.as_bytes()).ok_or_else(|| Unreadable(format!("{name} is no EUI-64")))
}

fn device_in(element: Element<'_, '_>, name: &str) -> Result<Eui64, Unreadable> {
    device(&element.child(name)?.text()?, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record has room for thousands of names of four cells, and each cell costs a walk over what was told of it.
    #[test]
    fn p38_a_recovery_names_each_cell_once() {
        let often = |usages: [&str; 3]| {
            usages
                .repeat(1_000)
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let cells = recovered(&often(["DS", "KA", "TOP_UP"]), &often(["KA", "KA", "KA"]));
        assert_eq!(
            cells.unwrap(),
            [
                (Role::NetworkOperator, CellUse::DigitalSignature),
                (Role::NetworkOperator, CellUse::KeyAgreement),
                (Role::Supplier, CellUse::KeyAgreement),
            ]
        );
    }

    #[test]
    fn an_alert_names_each_certificate_once_and_few() {
        let named = |number: u8| (Some(CellUse::DigitalSignature), [number; 20]);
        let often: Vec<_> = (0..3_u8).map(named).collect::<Vec<_>>().repeat(300);
        assert_eq!(followed(often).map(|cells| cells.len()).ok(), Some(3));
        assert!(followed((0..17).map(named).collect()).is_err());
        let top_up = (None, [9; 20]);
        assert!(followed((0..16).map(named).chain([top_up; 90]).collect()).is_ok());
    }
}
