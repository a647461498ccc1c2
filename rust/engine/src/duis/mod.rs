//! DUIS documents (schema 5.4): requests of service users, responses and alerts of the DCC.
//!
//! Only what a document says is read. Its XML signature is not checked: the host does that at its edge, before it
//! passes a document on.

mod body;
mod element;

pub(crate) use body::GBCS_PAYLOAD;
pub use body::{Body, HandoverRequest, ResponseContent, UpdateCredentials};

use std::borrow::Cow;

pub(crate) use element::Element;

/// A DUIS request or response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Name of the element in the body, which tells what the document is.
    pub element: String,
    /// RequestID, `originator:target:counter`, as it stands there. Alerts have none.
    pub request_id: Option<String>,
    /// ResponseID, in responses.
    pub response_id: Option<String>,
    /// ServiceReference, such as `6.21`: of the request, or repeated in the response.
    pub service_reference: Option<String>,
    /// ServiceReferenceVariant, such as `6.15.1`.
    pub service_reference_variant: Option<String>,
    /// CommandVariant of a request.
    pub command_variant: Option<String>,
    /// ResponseCode of a response, such as `I0`.
    pub response_code: Option<String>,
    /// ResponseDateTime of a response, as it stands there.
    pub response_date_time: Option<String>,
    /// What the body holds.
    pub body: Body,
}

impl Document {
    /// The GBCS message in the document: of a signed pre-command, a response, or an alert. The message itself says
    /// what it is; an acknowledgement has none.
    pub fn gbcs_payload(&self) -> Option<&[u8]> {
        match &self.body {
            Body::SignedPreCommand { gbcs_payload } | Body::DeviceAlert { gbcs_payload } => {
                Some(gbcs_payload)
            }
            Body::ResponseMessage(content) => content.gbcs_payload(),
            Body::Handover(_) | Body::Other | Body::UpdateCredentials(_) => None,
        }
    }

    pub(crate) fn read(tree: &roxmltree::Document<'_>) -> Result<Self, DuisError> {
        let root = Element(tree.root_element());
        if !root.is_duis() || !matches!(root.name(), "Request" | "Response") {
            return Err(root.fault("is neither Request nor Response of the DUIS namespace"));
        }
        let header = root.child("Header")?;
        let element = Self::body_element(tree)?;
        // A request has its service reference in the header, a response in the body.
        let text = |name| match header.optional_text(name)? {
            None => element.optional_text(name),
            text => Ok(text),
        };
        Ok(Self {
            element: element.name().to_owned(),
            request_id: header.optional_text("RequestID")?,
            response_id: header.optional_text("ResponseID")?,
            service_reference: text("ServiceReference")?,
            service_reference_variant: text("ServiceReferenceVariant")?,
            command_variant: header.optional_text("CommandVariant")?,
            response_code: header.optional_text("ResponseCode")?,
            response_date_time: header.optional_text("ResponseDateTime")?,
            body: Body::read(element)?,
        })
    }

    /// The one element in the body.
    pub(crate) fn body_element<'t, 'x>(
        tree: &'t roxmltree::Document<'x>,
    ) -> Result<Element<'t, 'x>, DuisError> {
        let body = Element(tree.root_element()).child("Body")?;
        let mut elements = body.elements();
        match (elements.next(), elements.next()) {
            (Some(element), None) => Ok(element),
            (None, _) => Err(body.fault("is empty")),
            (_, Some(second)) => Err(second.fault("is one element too many in Body")),
        }
    }
}

/// Reads a DUIS document.
///
/// # Errors
///
/// [`DuisError`], which says what is wrong and where: no XML, a DTD, too large, another namespace, an element missing,
/// repeated, or with a value that it cannot have.
pub fn parse(octets: &[u8]) -> Result<Document, DuisError> {
    Document::read(&tree(text(octets)?)?)
}

/// Why octets are not a DUIS document that can be read. Trying again changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DuisError {
    /// XML, but not what the schema has.
    #[error("line {line}, column {column}: {element} {fault}")]
    Element {
        /// The element at fault.
        element: String,
        /// What is wrong with it.
        fault: Cow<'static, str>,
        /// Line of its start tag, from 1.
        line: u32,
        /// Column of its start tag, in characters, from 1.
        column: u32,
    },

    /// More octets than any such document has.
    #[error("{0} octets are more than the {LARGEST_DOCUMENT} of the largest document read")]
    TooLarge(usize),

    /// Not XML, or XML with a DTD.
    #[error("not XML that is read here: {0}")]
    Xml(String),
}

/// The text of a document, without the byte order mark and white space that may stand before it.
pub(crate) fn text(octets: &[u8]) -> Result<&str, DuisError> {
    if octets.len() > LARGEST_DOCUMENT {
        return Err(DuisError::TooLarge(octets.len()));
    }
    match std::str::from_utf8(octets) {
        Ok(text) => Ok(text.trim_start_matches('\u{feff}').trim_start()),
        Err(error) => Err(DuisError::Xml(format!(
            "octet {} is not UTF-8",
            error.valid_up_to()
        ))),
    }
}

pub(crate) fn tree(text: &str) -> Result<roxmltree::Document<'_>, DuisError> {
    // The parser compares each declaration with those of all elements around it.
    if text.matches("xmlns").nth(MOST_NAMESPACES).is_some() {
        return Err(DuisError::Xml(format!(
            "more than {MOST_NAMESPACES} namespace declarations"
        )));
    }
    // And each attribute with those of its element before it.
    if has_crowded_element(text, MOST_ATTRIBUTES) {
        return Err(DuisError::Xml(format!(
            "more than {MOST_ATTRIBUTES} attributes of one element"
        )));
    }
    let options = roxmltree::ParsingOptions {
        allow_dtd: false,
        nodes_limit: MOST_NODES,
        ..Default::default()
    };
    roxmltree::Document::parse_with_options(text, options)
        .map_err(|error| DuisError::Xml(shortened(&error.to_string())))
}

/// Whether an element may have more attributes than that, found without parsing: an attribute has an equals sign and a
/// quote, and all of an element stand between its `<` and the next, which XML allows in no value. Text that looks like
/// attributes counts for the tag before it.
fn has_crowded_element(text: &str, most: usize) -> bool {
    if text.bytes().filter(|octet| *octet == b'=').count() <= most {
        return false;
    }
    let mut here = 0;
    let mut after_equals = false;
    for octet in text.bytes() {
        match octet {
            b'<' => here = 0,
            b'"' | b'\'' if after_equals => {
                here += 1;
                if here > most {
                    return true;
                }
            }
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            _ => {}
        }
        after_equals = octet == b'=';
    }
    false
}

/// The beginning of a text that quotes the document, which could make it as long as it likes.
fn shortened(text: &str) -> String {
    text.chars().take(LONGEST_QUOTE).collect()
}

/// A request with three certificates and their path has 5 kB.
const LARGEST_DOCUMENT: usize = 64 * 1024;

/// The longest element name of the schema has 65 characters; a fault of XML names two and says what is wrong.
const LONGEST_QUOTE: usize = 160;

/// A request declares three namespaces, and one again in its XML signature. Without a limit, 1,900 declarations in 64 kB
/// took 2 s.
const MOST_NAMESPACES: usize = 64;

/// A request's root has five, its namespaces included. Without a limit, one element with the 9,458 that fit took 249 ms;
/// as many in elements of 64 take 3 ms.
const MOST_ATTRIBUTES: usize = 64;

/// A request has some 70 nodes, white space between elements and its XML signature included.
const MOST_NODES: u32 = 2_000;

#[cfg(test)]
mod tests;
