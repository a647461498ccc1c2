//! Elements of a document by their local name in the DUIS namespace, whatever its prefix.

use std::borrow::Cow;

use super::{DuisError, shortened};
use crate::base64;

/// An element of a document.
#[derive(Clone, Copy)]
pub(crate) struct Element<'t, 'x>(pub(crate) roxmltree::Node<'t, 'x>);

impl<'t> Element<'t, '_> {
    pub(crate) fn name(self) -> &'t str {
        self.0.tag_name().name()
    }

    pub(crate) fn is_duis(self) -> bool {
        self.0.tag_name().namespace() == Some(NAMESPACE)
    }

    /// The element itself and all below it, in document order.
    pub(crate) fn descendants(self) -> impl Iterator<Item = Self> {
        self.0
            .descendants()
            .filter(roxmltree::Node::is_element)
            .map(Self)
    }

    /// The elements in it.
    pub(crate) fn elements(self) -> impl Iterator<Item = Self> {
        self.0
            .children()
            .filter(roxmltree::Node::is_element)
            .map(Self)
    }

    /// Every element of that name in it.
    pub(crate) fn children(self, name: &str) -> impl Iterator<Item = Self> {
        self.elements()
            .filter(move |element| element.is_duis() && element.name() == name)
    }

    /// The element of that name in it, if there is one.
    pub(crate) fn optional_child(self, name: &str) -> Result<Option<Self>, DuisError> {
        let mut children = self.children(name);
        match (children.next(), children.next()) {
            (_, Some(second)) => Err(second.fault("is repeated")),
            (child, None) => Ok(child),
        }
    }

    /// The element of that name in it.
    pub(crate) fn child(self, name: &str) -> Result<Self, DuisError> {
        self.optional_child(name)?
            .ok_or_else(|| self.fault(format!("has no {name}")))
    }

    /// The text of the element of that name in it, if there is one.
    pub(crate) fn optional_text(self, name: &str) -> Result<Option<String>, DuisError> {
        self.optional_child(name)?
            .map(|child| child.text().map(Cow::into_owned))
            .transpose()
    }

    /// The octets of the element of that name in it, if there is one.
    pub(crate) fn optional_octets(self, name: &str) -> Result<Option<Vec<u8>>, DuisError> {
        self.optional_child(name)?.map(Self::octets).transpose()
    }

    /// Its text, white space around it removed, as for the `xs:token` that most simple types of DUIS are.
    pub(crate) fn text(self) -> Result<Cow<'t, str>, DuisError> {
        if let Some(element) = self.elements().next() {
            return Err(element.fault("stands where only text may be"));
        }
        // A comment divides text into several nodes: the first alone would be another value.
        let mut parts = self
            .0
            .children()
            .filter(roxmltree::Node::is_text)
            .filter_map(|node| node.text());
        let first = parts.next().unwrap_or_default();
        Ok(match parts.next() {
            None => Cow::Borrowed(first.trim()),
            Some(second) => Cow::Owned(
                [first, second]
                    .into_iter()
                    .chain(parts)
                    .collect::<String>()
                    .trim()
                    .to_owned(),
            ),
        })
    }

    /// Its text as `xs:base64Binary`, which may have white space anywhere.
    pub(crate) fn octets(self) -> Result<Vec<u8>, DuisError> {
        let text = self.text()?;
        let digits: Vec<u8> = text
            .bytes()
            .filter(|octet| !octet.is_ascii_whitespace())
            .collect();
        base64::decode(&digits).ok_or_else(|| self.fault("is not base64"))
    }

    /// Its text as `xs:boolean`.
    pub(crate) fn boolean(self) -> Result<bool, DuisError> {
        match &*self.text()? {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(self.fault("is neither true nor false")),
        }
    }

    /// An error that names the element and its place.
    pub(crate) fn fault(self, fault: impl Into<Cow<'static, str>>) -> DuisError {
        let position = self.0.document().text_pos_at(self.0.range().start);
        DuisError::Element {
            element: shortened(self.name()),
            fault: fault.into(),
            line: position.row,
            column: position.col,
        }
    }
}

/// Target namespace of the DUIS schema, the same in every version.
const NAMESPACE: &str = "http://www.dccinterface.co.uk/ServiceUserGateway";
