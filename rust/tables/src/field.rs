//! Members of JSON objects that may be anything.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use chrono::{DateTime, NaiveDate};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use slotkeeper_gbcs::{Eui64, KeyIdentifier};

/// The text; absent where the member is, or where it is something else than a text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Field<'a>(Option<Cow<'a, str>>);

impl Field<'_> {
    pub(crate) fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }

    pub(crate) fn eui(&self) -> Option<u64> {
        Eui64::parse(self.get()?.as_bytes()).map(Eui64::to_u64)
    }

    pub(crate) fn key_identifier(&self) -> Option<[u8; 8]> {
        self.get()?.parse::<KeyIdentifier>().ok().map(|key| key.0)
    }

    /// RFC 3339, as microseconds since 1970.
    pub(crate) fn time(&self) -> Option<i64> {
        let time = DateTime::parse_from_rfc3339(self.get()?).ok()?;
        Some(time.timestamp_micros())
    }

    /// `YYYY-MM-DD`, and what may follow: a time says on which day it is.
    pub(crate) fn day(&self) -> Option<NaiveDate> {
        day(self.get()?.get(..DAY)?)
    }
}

/// What must be written as an object: a derived type alone would take a list of its members as well.
pub(crate) struct Object<T>(pub(crate) T);

impl<T> Deref for Object<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData))
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

const DAY: usize = "2026-01-01".len();

/// Reads `YYYY-MM-DD` and nothing else.
pub(crate) fn day(text: &str) -> Option<NaiveDate> {
    let octets: &[u8; DAY] = text.as_bytes().try_into().ok()?;
    let is_digit = |place: usize| octets[place].is_ascii_digit();
    let shaped = (0..DAY).all(|place| match place {
        4 | 7 => octets[place] == b'-',
        _ => is_digit(place),
    });
    if !shaped {
        return None;
    }
    let part = |from, to| text.get(from..to)?.parse::<u32>().ok();
    let year = i32::try_from(part(0, 4)?).ok().filter(|year| *year > 0)?;
    NaiveDate::from_ymd_opt(year, part(5, 7)?, part(8, DAY)?)
}

/// Days since 1970.
pub(crate) fn days(day: NaiveDate) -> i32 {
    // A day of four-digit years is some millions at most.
    i32::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).unwrap_or_default()
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Self::Value, A::Error> {
        while values.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_no_text_is_absent() {
        for json in [
            "null",
            "true",
            "7",
            "-7",
            "1.5",
            "[\"a\"]",
            r#"{"a": {"b": [1]}}"#,
        ] {
            let field: Field<'_> = serde_json::from_str(json).unwrap();
            assert_eq!(field.get(), None, "{json}");
        }
        let field: Field<'_> = serde_json::from_str(r#""a\u00e9""#).unwrap();
        assert_eq!(field.get(), Some("aé"));
    }

    #[test]
    fn a_list_is_no_object() {
        #[derive(serde::Deserialize)]
        struct Pair {
            #[serde(default)]
            one: u8,
        }
        assert!(serde_json::from_str::<Object<Pair>>("[7]").is_err());
        let pair: Object<Pair> = serde_json::from_str(r#"{"one": 7}"#).unwrap();
        assert_eq!(pair.one, 7);
    }

    #[test]
    fn days_of_the_calendar_alone_are_read() {
        let of = |text: &str| day(text).map(days);
        assert_eq!(of("1970-01-02"), Some(1));
        assert_eq!(of("2024-02-29"), Some(19_782));
        for text in [
            "2023-02-29",
            "2023-2-29",
            "+023-02-28",
            "2023-02-28T",
            "0000-01-01",
            "202é-01-1",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
