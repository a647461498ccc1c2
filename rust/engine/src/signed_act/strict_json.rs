//! JSON of which every reader has the same understanding.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Refuses JSON in which an object, however deep, names a member twice: one reader would take the first and another the
/// last, and a person would sign one of the two.
pub(crate) fn refuse_repeated_members(json: &[u8]) -> Result<(), serde_json::Error> {
    serde_json::from_slice(json).map(|_: Strict| ())
}

/// Any value; nothing of it is kept. The depth is bounded by the parser.
struct Strict;

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Strict;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Strict, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if names.contains(&name) {
                return Err(A::Error::custom(format_args!(
                    "`{name}` stands there twice"
                )));
            }
            names.insert(name);
            members.next_value::<Strict>()?;
        }
        Ok(Strict)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Strict, A::Error> {
        while items.next_element::<Strict>()?.is_some() {}
        Ok(Strict)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_str<E>(self, _: &str) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_unit<E>(self) -> Result<Strict, E> {
        Ok(Strict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_stands_there_once() {
        let refused = |json: &str| refuse_repeated_members(json.as_bytes()).is_err();
        assert!(!refused(
            r#"{"a": [{"b": 1}, {"b": null}], "b": {"a": -1.5, "c": true}}"#
        ));
        assert!(refused(r#"{"a": 1, "a": 1}"#));
        assert!(refused(r#"{"a": [{"b": {"c": 1, "\u0063": 2}}]}"#));
        assert!(refused(r#"{"a": 1} {"#) && refused("") && refused("{\"a\": 1e999}"));
        assert!(refused(&"[".repeat(60_000)));
    }
}
