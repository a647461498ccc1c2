//! `srv-6.15.1-responses`, `srv-6.21-responses`, `srv-6.24.1-responses` and `srv-6.15.1-requests`: one shape.

use std::borrow::Cow;

use serde::Deserialize;

use super::field::{Field, only};
use super::{Unreadable, is_xml, unix_seconds};
use crate::duis;

/// A message and what its envelope says of it.
#[derive(Clone, Debug)]
pub(crate) struct OutcomeRecord<'a> {
    pub(crate) request_id: Option<Cow<'a, str>>,
    pub(crate) response_code: Option<Cow<'a, str>>,
    /// Unix seconds.
    pub(crate) received_at: Option<u64>,
    /// Base64, or already octets.
    pub(crate) payload: Option<Payload<'a>>,
}

/// The GBCS message, still as it came.
#[derive(Clone, Debug)]
pub(crate) enum Payload<'a> {
    Base64(Cow<'a, str>),
    Octets(Vec<u8>),
}

#[derive(Deserialize)]
struct Json<'a> {
    #[serde(borrow, default)]
    request_id: Field<'a>,
    #[serde(borrow, default)]
    response_code: Field<'a>,
    #[serde(borrow, default)]
    received_at: Field<'a>,
    #[serde(borrow, default)]
    gbcs_payload: Field<'a>,
}

impl<'a> Json<'a> {
    /// Members that no reader of JSON can represent (1e999, half a surrogate pair) or that stand there twice cost
    /// themselves alone, unless it is the payload.
    fn read(value: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(value).or_else(|_| {
            Ok(Self {
                gbcs_payload: only!(value, gbcs_payload)?,
                request_id: only!(value, request_id).unwrap_or(Field::IllTyped),
                response_code: only!(value, response_code).unwrap_or(Field::IllTyped),
                received_at: only!(value, received_at).unwrap_or(Field::IllTyped),
            })
        })
    }
}

impl<'a> OutcomeRecord<'a> {
    pub(crate) fn read(value: &'a [u8]) -> Result<Self, Unreadable> {
        if is_xml(value) {
            return Self::from_duis(duis::parse(value)?);
        }
        let json = Json::read(value)?;
        let payload = match json.gbcs_payload {
            Field::Text(text) => Some(Payload::Base64(text)),
            Field::Absent => None,
            Field::IllTyped => return Err(Unreadable("gbcs_payload is not text".to_owned())),
        };
        let record = Self {
            request_id: json.request_id.text(),
            response_code: json.response_code.text(),
            received_at: json.received_at.text().as_deref().and_then(unix_seconds),
            payload,
        };
        record.check()
    }

    fn from_duis(document: duis::Document) -> Result<Self, Unreadable> {
        let payload = document
            .gbcs_payload()
            .map(<[u8]>::to_vec)
            .map(Payload::Octets);
        Self {
            request_id: document.request_id.map(Cow::Owned),
            response_code: document.response_code.map(Cow::Owned),
            received_at: document
                .response_date_time
                .as_deref()
                .and_then(unix_seconds),
            payload,
        }
        .check()
    }

    fn check(self) -> Result<Self, Unreadable> {
        if self.payload.is_none() && self.response_code.is_none() {
            return Err(Unreadable(
                "neither gbcs_payload nor response_code".to_owned(),
            ));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ill_typed_optional_member_costs_nothing() {
        let value = br#"{"request_id": 7, "response_code": ["I0"], "gbcs_payload": "3w==", "other": {"a": [1, {}]}}"#;
        let record = OutcomeRecord::read(value).unwrap();
        assert!(record.request_id.is_none() && record.response_code.is_none());
        assert!(matches!(record.payload, Some(Payload::Base64(text)) if text == "3w=="));
    }

    /// Each optional member, with whatever cannot be read, and twice.
    #[test]
    fn what_no_reader_can_represent_costs_itself_alone() {
        for name in ["request_id", "response_code", "other"] {
            for bad in [
                r#""\ud800""#,
                "1e999",
                "-1e999",
                r#"{"a": "\udfff"}"#,
                "[1e999]",
            ] {
                let value = format!(r#"{{"{name}": {bad}, "gbcs_payload": "3w=="}}"#);
                let record = OutcomeRecord::read(value.as_bytes()).unwrap();
                assert!(record.payload.is_some() && record.request_id.is_none());
            }
            let twice = format!(r#"{{"{name}": "a", "gbcs_payload": "3w==", "{name}": "b"}}"#);
            let record = OutcomeRecord::read(twice.as_bytes()).unwrap();
            assert!(record.payload.is_some() && record.request_id.is_none());
        }
        let value = br#"{"request_id": "r", "response_code": 1e999, "gbcs_payload": "3w=="}"#;
        let record = OutcomeRecord::read(value).unwrap();
        assert_eq!(record.request_id.as_deref(), Some("r"));
        let twice = br#"{"gbcs_payload": "3w==", "gbcs_payload": "3w=="}"#;
        assert!(OutcomeRecord::read(twice).is_err());
    }

    #[test]
    fn escapes_are_undone() {
        let record = OutcomeRecord::read(br#"{"gbcs_payload": "3\/8="}"#).unwrap();
        assert!(matches!(record.payload, Some(Payload::Base64(text)) if text == "3/8="));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for value in [
            &b""[..],
            b"null",
            b"[]",
            b"{}",
            br#"{"gbcs_payload": 1}"#,
            br#"{"gbcs_payload": null}"#,
            b"{\"gbcs_payload\": \"\xff\"}",
            br#"{"gbcs_payload": "3w=="} x"#,
            b"<a/>",
        ] {
            assert!(
                OutcomeRecord::read(value).is_err(),
                "{}",
                String::from_utf8_lossy(value)
            );
        }
    }
}
