//! A DUIS document and the messages inside it.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::message::message;
use super::report::MessageReport;
use crate::duis::{self, Document, DuisError, Element, GBCS_PAYLOAD};
use crate::keystore::Keystore;

/// Decodes a DUIS document, and checks every message in it with the keys at hand.
///
/// Never fails: what is no DUIS document gives a report with an error.
pub fn duis(octets: &[u8], keystore: Option<&Keystore>) -> DocumentReport {
    read(octets, keystore).unwrap_or_else(|error| DocumentReport {
        message: MessageReport::undecodable(&error),
        duis: None,
        messages: Vec::new(),
    })
}

/// The messages in a DUIS document, in its order, as octets: the very ones that [`duis()`] decodes. Those that are no base64
/// are left out, and nothing is given of what is no document.
pub fn payloads(octets: &[u8]) -> Vec<Vec<u8>> {
    let read = || -> Result<Vec<Vec<u8>>, DuisError> {
        let tree = duis::tree(duis::text(octets)?)?;
        let element = Document::body_element(&tree)?;
        Ok(payloads_in(element)
            .filter_map(|payload| payload.octets().ok())
            .collect())
    };
    read().unwrap_or_default()
}

/// Everything that is said of a DUIS document.
#[derive(Clone, Debug, Serialize)]
pub struct DocumentReport {
    /// The members that a message has: all null or empty but for an error.
    #[serde(flatten)]
    pub message: MessageReport,
    /// The document; null if it cannot be read.
    pub duis: Option<DuisReport>,
    /// The GBCS messages in it, in its order.
    pub messages: Vec<MessageReport>,
}

/// What a DUIS document says around its messages.
#[derive(Clone, Debug, Serialize)]
pub struct DuisReport {
    /// Name of the element in the body.
    pub element: String,
    /// RequestID.
    pub request_id: Option<String>,
    /// ResponseID.
    pub response_id: Option<String>,
    /// ServiceReference.
    pub service_reference: Option<String>,
    /// ServiceReferenceVariant.
    pub service_reference_variant: Option<String>,
    /// CommandVariant.
    pub command_variant: Option<String>,
    /// ResponseCode.
    pub response_code: Option<String>,
    /// What is in that element.
    pub body: XmlValue,
}

/// The content of an XML element: its text, or the elements in it by name, those of the same name in a list.
///
/// Attributes are left out; DUIS has next to none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum XmlValue {
    /// Elements, in the order in which their names first come.
    Elements(Vec<(String, Vec<Self>)>),
    /// Text without the white space around it.
    Text(String),
}

impl XmlValue {
    fn read(element: Element<'_, '_>, depth: usize) -> Result<Self, DuisError> {
        if depth > DEEPEST {
            return Err(element.fault("is nested too deep"));
        }
        let mut members: Vec<(String, Vec<Self>)> = Vec::new();
        for child in element.elements() {
            let value = Self::read(child, depth + 1)?;
            match members.iter_mut().find(|(name, _)| name == child.name()) {
                Some((_, values)) => values.push(value),
                None => members.push((child.name().to_owned(), vec![value])),
            }
        }
        if members.is_empty() {
            Ok(Self::Text(element.text()?.into_owned()))
        } else {
            Ok(Self::Elements(members))
        }
    }
}

impl Serialize for XmlValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Elements(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, values) in members {
                    match values.as_slice() {
                        [value] => map.serialize_entry(name, value)?,
                        values => map.serialize_entry(name, values)?,
                    }
                }
                map.end()
            }
        }
    }
}

fn read(octets: &[u8], keystore: Option<&Keystore>) -> Result<DocumentReport, DuisError> {
    let tree = duis::tree(duis::text(octets)?)?;
    let document = Document::read(&tree)?;
    let element = Document::body_element(&tree)?;
    let messages = payloads_in(element)
        .map(|payload| match payload.octets() {
            Ok(octets) => message(&octets, keystore),
            Err(error) => MessageReport::undecodable(&error),
        })
        .collect();
    Ok(DocumentReport {
        message: MessageReport::default(),
        duis: Some(DuisReport {
            element: document.element,
            request_id: document.request_id,
            response_id: document.response_id,
            service_reference: document.service_reference,
            service_reference_variant: document.service_reference_variant,
            command_variant: document.command_variant,
            response_code: document.response_code,
            body: XmlValue::read(element, 0)?,
        }),
        messages,
    })
}

fn payloads_in<'a, 'i>(
    element: Element<'a, 'i>,
) -> impl Iterator<Item = Element<'a, 'i>> + use<'a, 'i> {
    element
        .descendants()
        .filter(|inner| inner.name() == GBCS_PAYLOAD)
}

/// The deepest service of DUIS nests some ten elements; reading recurses this often at the most.
const DEEPEST: usize = 32;
