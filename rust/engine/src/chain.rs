//! The audit records of a partition as a chain: each names the SHA-256 of the value of the one before it.
//!
//! The two members of a link stand at a record's end. So all of a record but its last octets can be hashed before the
//! record ahead of it is known, on any thread; one after the other there is little left to do.

use slotkeeper_crypto::Sha256Begun;

use crate::json::hex_of;

/// The last record of a chain of audit records. `None` where one is wanted: the chain has no record yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AuditHead {
    /// Of the record in the chain, from 1.
    pub number: u64,
    /// SHA-256 of the record's value.
    pub digest: [u8; 32],
}

const PREVIOUS: &[u8] = br#","previous":"#;
const NUMBER: &[u8] = br#","number":"#;

/// Octets of a link, at most: both names, a digest in hexadecimal with its quotes, a number and the closing bracket.
pub(crate) const LONGEST_LINK: usize = PREVIOUS.len() + 66 + NUMBER.len() + 20 + 1;

/// Gives an audit record its place in the chain behind `head`, and the head after it.
///
/// The record is a JSON object with at least one member; `previous` and `number` are added as its last ones.
pub fn link_audit(record: &[u8], head: Option<AuditHead>) -> (Vec<u8>, AuditHead) {
    let body = unclosed(record);
    let mut linked = Vec::with_capacity(body.len() + LONGEST_LINK);
    linked.extend_from_slice(body);
    let (link, head) = follow(Sha256Begun::with(body), head);
    linked.extend_from_slice(link.octets());
    (linked, head)
}

/// The end of an audit record, from the comma behind its other members on.
pub(crate) struct Link {
    octets: [u8; LONGEST_LINK],
    length: usize,
}

impl Link {
    fn new() -> Self {
        Self {
            octets: [0; LONGEST_LINK],
            length: 0,
        }
    }

    fn push(&mut self, octets: &[u8]) {
        let end = self.length + octets.len();
        if let Some(room) = self.octets.get_mut(self.length..end) {
            room.copy_from_slice(octets);
            self.length = end;
        }
    }

    pub(crate) fn octets(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

/// The record without its closing bracket, whose place the link takes.
pub(crate) fn unclosed(record: &[u8]) -> &[u8] {
    record.strip_suffix(b"}").unwrap_or(record)
}

/// What is to stand behind a record's other members, whose digest is begun, and the head after it.
pub(crate) fn follow(body: Sha256Begun, head: Option<AuditHead>) -> (Link, AuditHead) {
    let number = head.map_or(1, |head| head.number.saturating_add(1));
    let mut link = Link::new();
    link.push(PREVIOUS);
    match head {
        Some(head) => {
            link.push(b"\"");
            link.push(hex_of(&head.digest).as_flattened());
            link.push(b"\"");
        }
        None => link.push(b"null"),
    }
    link.push(NUMBER);
    link.push(itoa::Buffer::new().format(number).as_bytes());
    link.push(b"}");
    let digest = body.finish(link.octets());
    (link, AuditHead { number, digest })
}

#[cfg(test)]
mod tests {
    use slotkeeper_crypto::sha256;

    use super::*;

    #[test]
    fn a_link_names_the_value_before_it() {
        let (first, head) = link_audit(br#"{"a":1}"#, None);
        assert_eq!(first, br#"{"a":1,"previous":null,"number":1}"#);
        assert_eq!((head.number, head.digest), (1, sha256(&first)));
        let (second, head) = link_audit(br#"{"b":{}}"#, Some(head));
        let expected = format!(
            r#"{{"b":{{}},"previous":"{}","number":2}}"#,
            hex::encode(sha256(&first))
        );
        assert_eq!(second, expected.as_bytes());
        assert_eq!((head.number, head.digest), (2, sha256(&second)));
    }

    #[test]
    fn no_link_is_longer_than_the_room_for_it() {
        let head = AuditHead {
            number: u64::MAX,
            digest: [0xff; 32],
        };
        let (link, _) = follow(Sha256Begun::with(b""), Some(head));
        assert!(link.octets().ends_with(b":18446744073709551615}"));
        assert_eq!(link.octets().len(), LONGEST_LINK);
    }
}
