//! `srv-6.21-requests`: Request Handover of DCC Controlled Device.

use std::borrow::Cow;

use serde::Deserialize;
use slotkeeper_gbcs::Eui64;

use super::field::{Field, only};
use super::{Unreadable, decimal, is_xml};
use crate::{base64, duis, time};

/// A request of SRV 6.21 with its certificates as DER.
#[derive(Clone, Debug)]
pub(crate) struct HandoverRequest {
    /// As it came.
    pub(crate) request_id: String,
    /// The RequestID's first part.
    pub(crate) originator: Eui64,
    /// The RequestID's second part.
    pub(crate) target: Eui64,
    /// The RequestID's third part: the service user's own counter, unrelated to the command's.
    pub(crate) request_counter: u64,
    /// The slot, by DUIS name.
    pub(crate) role: String,
    /// A number beyond 2^64-1 reads as 2^64-1, which is as implausible.
    pub(crate) floor: Option<u64>,
    pub(crate) top_up_floor: Option<u64>,
    pub(crate) digital_signing: Vec<u8>,
    pub(crate) key_agreement: Option<Vec<u8>>,
    pub(crate) key_agreement_top_up: Option<Vec<u8>>,
    /// 1 to 3, as DUIS has it.
    pub(crate) path: Vec<Vec<u8>>,
    pub(crate) time_based_checks: bool,
    /// Unix seconds.
    pub(crate) execution_date_time: Option<i64>,
    /// The caller's own generator; anything unusable is no hint.
    pub(crate) hint: Option<u64>,
}

/// A request as it stands in the record, with the hint among its members or without.
macro_rules! json {
    ($name:ident $(, $hint:ident)?) => {
        #[derive(Deserialize)]
        struct $name<'a> {
            #[serde(borrow)]
            request_id: Cow<'a, str>,
            #[serde(borrow)]
            remote_party_role: Cow<'a, str>,
            #[serde(borrow, default)]
            remote_party_floor_seq_number: Field<'a>,
            #[serde(borrow, default)]
            remote_party_prepayment_top_up_floor_seq_number: Field<'a>,
            #[serde(borrow)]
            replacement_certificates: Certificates<'a>,
            #[serde(borrow)]
            certification_path_certificates: Vec<Text<'a>>,
            #[serde(default)]
            apply_time_based_cpv_checks: Option<bool>,
            #[serde(borrow, default)]
            execution_date_time: Field<'a>,
            $(#[serde(borrow, default)]
            $hint: Field<'a>,)?
        }

        impl<'a> $name<'a> {
            fn draft(self, hint: Field<'a>) -> Result<Draft<'a>, Unreadable> {
                let certificates = self.replacement_certificates;
                Ok(Draft {
                    request_id: self.request_id.into_owned(),
                    role: self.remote_party_role.into_owned(),
                    floor: self.remote_party_floor_seq_number,
                    top_up_floor: self.remote_party_prepayment_top_up_floor_seq_number,
                    digital_signing: der(&certificates.digital_signing)?,
                    key_agreement: optional_der(certificates.key_agreement)?,
                    key_agreement_top_up: optional_der(certificates.key_agreement_top_up)?,
                    path: self
                        .certification_path_certificates
                        .iter()
                        .map(|Text(text)| der(text))
                        .collect::<Result<_, _>>()?,
                    time_based_checks: self.apply_time_based_cpv_checks.unwrap_or(true),
                    execution_date_time: self.execution_date_time,
                    hint,
                })
            }
        }
    };
}

json!(Json, originator_counter);
json!(WithoutHint);

#[derive(Deserialize)]
struct Certificates<'a> {
    #[serde(borrow)]
    digital_signing: Cow<'a, str>,
    #[serde(borrow, default)]
    key_agreement: Field<'a>,
    #[serde(borrow, default)]
    key_agreement_top_up: Field<'a>,
}

/// `Cow<str>` inside a `Vec` is not borrowed by serde's derive without a newtype.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// What the request says, before it is checked.
struct Draft<'a> {
    request_id: String,
    role: String,
    floor: Field<'a>,
    top_up_floor: Field<'a>,
    digital_signing: Vec<u8>,
    key_agreement: Option<Vec<u8>>,
    key_agreement_top_up: Option<Vec<u8>>,
    path: Vec<Vec<u8>>,
    time_based_checks: bool,
    execution_date_time: Field<'a>,
    hint: Field<'a>,
}

impl HandoverRequest {
    /// All certificates that the command would carry.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        let optional = [&self.key_agreement, &self.key_agreement_top_up];
        [&self.digital_signing]
            .into_iter()
            .chain(optional.into_iter().flatten())
            .chain(&self.path)
            .map(Vec::as_slice)
    }

    pub(crate) fn read(value: &[u8]) -> Result<Self, Unreadable> {
        if is_xml(value) {
            Self::from_duis(duis::parse(value)?)
        } else {
            Self::from_json(value)
        }
    }

    fn from_json(value: &[u8]) -> Result<Self, Unreadable> {
        // serde takes arrays for structures as well, by the order of their members.
        if !value.trim_ascii_start().starts_with(b"{") {
            return Err(Unreadable("no JSON object".to_owned()));
        }
        if let Ok(mut json) = serde_json::from_slice::<Json<'_>>(value) {
            let hint = core::mem::take(&mut json.originator_counter);
            return json.draft(hint)?.check();
        }
        // A hint is worth nothing that the command depends on, so whatever stands there costs itself alone.
        let json: WithoutHint<'_> = serde_json::from_slice(value)?;
        let hint = only!(value, originator_counter).unwrap_or(Field::IllTyped);
        json.draft(hint)?.check()
    }

    fn from_duis(document: duis::Document) -> Result<Self, Unreadable> {
        let duis::Body::Handover(body) = document.body else {
            return Err(Unreadable(
                "no RequestHandoverOfDCCControlledDevice".to_owned(),
            ));
        };
        let field =
            |text: Option<String>| text.map_or(Field::Absent, |text| Field::Text(Cow::Owned(text)));
        Draft {
            request_id: document
                .request_id
                .ok_or_else(|| Unreadable("no RequestID".to_owned()))?,
            role: body.remote_party_role,
            floor: field(body.floor),
            top_up_floor: field(body.top_up_floor),
            digital_signing: body.digital_signing,
            key_agreement: body.key_agreement,
            key_agreement_top_up: body.key_agreement_top_up,
            path: body.path,
            time_based_checks: body.apply_time_based_cpv_checks,
            execution_date_time: field(body.execution_date_time),
            hint: Field::Absent,
        }
        .check()
    }
}

impl Draft<'_> {
    fn check(self) -> Result<HandoverRequest, Unreadable> {
        let unreadable = |what: &str| Err(Unreadable(what.to_owned()));
        let mut parts = self.request_id.split(':');
        let (originator, target, counter, end) =
            (parts.next(), parts.next(), parts.next(), parts.next());
        let eui = |text: Option<&str>| text.and_then(|text| Eui64::parse(text.as_bytes()));
        let (Some(originator), Some(target), Some(request_counter), None) =
            (eui(originator), eui(target), counter.and_then(decimal), end)
        else {
            return unreadable("request_id is not originator:target:counter");
        };
        if !(1..=3).contains(&self.path.len()) {
            return unreadable("certification_path_certificates holds 1 to 3 certificates");
        }
        let execution_date_time = match self.execution_date_time {
            Field::Absent => None,
            Field::Text(text) => match time::parse_rfc3339(&text) {
                Some(seconds) => Some(seconds),
                None => return unreadable("execution_date_time is no RFC 3339 time"),
            },
            Field::IllTyped => return unreadable("execution_date_time is not text"),
        };
        Ok(HandoverRequest {
            originator,
            target,
            request_counter,
            role: self.role,
            floor: floor(self.floor)?,
            top_up_floor: floor(self.top_up_floor)?,
            digital_signing: self.digital_signing,
            key_agreement: self.key_agreement,
            key_agreement_top_up: self.key_agreement_top_up,
            path: self.path,
            time_based_checks: self.time_based_checks,
            execution_date_time,
            hint: self.hint.text().and_then(|text| decimal(&text)),
            request_id: self.request_id,
        })
    }
}

fn floor(field: Field<'_>) -> Result<Option<u64>, Unreadable> {
    match field {
        Field::Absent => Ok(None),
        Field::Text(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
            Ok(Some(text.parse().unwrap_or(u64::MAX)))
        }
        Field::Text(_) | Field::IllTyped => {
            Err(Unreadable("a floor is no decimal string".to_owned()))
        }
    }
}

fn der(text: &str) -> Result<Vec<u8>, Unreadable> {
    base64::decode(text.as_bytes())
        .ok_or_else(|| Unreadable("a certificate is no base64".to_owned()))
}

fn optional_der(field: Field<'_>) -> Result<Option<Vec<u8>>, Unreadable> {
    match field {
        Field::Absent => Ok(None),
        Field::Text(text) => der(&text).map(Some),
        Field::IllTyped => Err(Unreadable("a certificate is not text".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(change: &str, to: &str) -> Result<HandoverRequest, Unreadable> {
        let text = r#"{"request_id": "90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001", "remote_party_role": "NetworkOperator",
            "remote_party_floor_seq_number": "0", "replacement_certificates": {"digital_signing": "MA==", "key_agreement": null},
            "certification_path_certificates": ["MQ=="], "apply_time_based_cpv_checks": false, "execution_date_time": null,
            "originator_counter": "1301"}"#;
        assert!(change.is_empty() || text.contains(change), "{change}");
        HandoverRequest::read(text.replace(change, to).as_bytes())
    }

    #[test]
    fn a_request_in_full() {
        let read = request("", "").unwrap();
        assert_eq!(
            (read.originator.to_u64(), read.request_counter),
            (0x90b3_d51f_3001_0000, 1_001)
        );
        assert_eq!(
            (read.hint, read.floor, read.top_up_floor),
            (Some(1_301), Some(0), None)
        );
        assert!(!read.time_based_checks && read.key_agreement.is_none());
    }

    #[test]
    fn a_useless_hint_is_no_hint() {
        for hint in [
            r#""18446744073709551616""#,
            "1301",
            r#""-1""#,
            "null",
            r#""01""#,
            "1e999",
            r#""\ud800""#,
            r#"["1301", {"a": -1e999}]"#,
            r#""1301", "originator_counter": "1302""#,
        ] {
            assert_eq!(request(r#""1301""#, hint).unwrap().hint, None, "{hint}");
        }
        assert_eq!(
            request(r#""1301""#, r#""18446744073709551615""#)
                .unwrap()
                .hint,
            Some(u64::MAX)
        );
    }

    #[test]
    fn an_array_is_no_request() {
        let members = r#"["90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001", "NetworkOperator", "0", null, ["MA=="], ["MQ=="], false, null, "1301"]"#;
        assert!(HandoverRequest::read(members.as_bytes()).is_err());
    }

    #[test]
    fn what_is_asked_nowhere_costs_nothing() {
        for more in ["1e999", r#""\ud800""#, "null", r#"1, "more": 2"#] {
            assert!(
                request("{", &format!(r#"{{"more": {more}, "#)).is_ok(),
                "{more}"
            );
        }
        for (change, to) in [
            ("\"MA==\",", "\"MA==\", \"more\": 1e999,"),
            ("false", "null"),
        ] {
            assert!(request(change, to).is_ok(), "{change} -> {to}");
        }
    }

    #[test]
    fn what_the_command_depends_on_must_be_right() {
        for (change, to) in [
            (":1001", ":01001"),
            (":1001", ""),
            (":1001", ":1001:1"),
            ("\"MA==\"", "\"MA=\""),
            ("[\"MQ==\"]", "[]"),
            ("[\"MQ==\"]", "[\"MQ==\",\"MQ==\",\"MQ==\",\"MQ==\"]"),
            (
                "\"execution_date_time\": null",
                "\"execution_date_time\": \"tomorrow\"",
            ),
            ("false", "\"false\""),
            ("\"0\"", "0"),
            ("\"0\"", "1e999"),
            ("\"0\"", "\"0\", \"remote_party_floor_seq_number\": \"0\""),
        ] {
            assert!(request(change, to).is_err(), "{change} -> {to}");
        }
        assert_eq!(
            request("\"0\"", "\"99999999999999999999\"").unwrap().floor,
            Some(u64::MAX)
        );
    }
}
