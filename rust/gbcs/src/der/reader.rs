//! A cursor over octets that never looks beyond the element it is in.

use super::LengthStyle;
use super::tag;
use crate::error::Fault;
use crate::error::Malformed;

/// Reads elements one after the other; `nested` goes into one.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    /// What is left of the current element.
    rest: &'a [u8],
    /// Offset of the end of `rest` in the whole input: faults are reported with their place in the message.
    end: usize,
    style: LengthStyle,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self::within(input, input.len())
    }

    /// Reads a part of some input that ends at the offset `end`.
    pub(crate) fn within(part: &'a [u8], end: usize) -> Self {
        Self {
            rest: part,
            end,
            style: LengthStyle::Minimal,
        }
    }

    /// `Device` as soon as one length was in the devices' form.
    pub(crate) fn style(&self) -> LengthStyle {
        self.style
    }

    /// The offset of the next octet in the whole input.
    pub(crate) fn position(&self) -> usize {
        self.end - self.rest.len()
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// `fault` at the next octet.
    #[cold]
    pub(crate) fn fault(&self, fault: Fault) -> Malformed {
        Malformed::new(self.position(), fault)
    }

    pub(crate) fn finish(&self) -> Result<(), Malformed> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.fault(Fault::TrailingOctets))
        }
    }

    pub(crate) fn octet(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[octet]| *octet)
    }

    #[inline]
    pub(crate) fn octets(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let Some((octets, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.fault(Fault::Truncated));
        };
        self.rest = rest;
        Ok(octets)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Malformed> {
        let Some((octets, rest)) = self.rest.split_first_chunk() else {
            return Err(self.fault(Fault::Truncated));
        };
        self.rest = rest;
        Ok(octets)
    }

    /// Octets that are the same in every message.
    pub(crate) fn expect(&mut self, expected: &[u8]) -> Result<(), Malformed> {
        for expected in expected.iter().copied() {
            match self.rest.split_first() {
                Some((found, rest)) if *found == expected => self.rest = rest,
                Some((&found, _)) => {
                    return Err(self.fault(Fault::UnexpectedOctet { expected, found }));
                }
                None => return Err(self.fault(Fault::Truncated)),
            }
        }
        Ok(())
    }

    /// A length in its shortest form, as headers have it; what it counts must be there.
    #[inline]
    pub(crate) fn minimal_length(&mut self) -> Result<usize, Malformed> {
        let (length, rest) = match *self.rest {
            [short @ 0..=0x7F, ref rest @ ..] => (usize::from(short), rest),
            [0x81, long @ 0x80..=0xFF, ref rest @ ..] => (usize::from(long), rest),
            [0x82, high @ 1..=0xFF, low, ref rest @ ..] => {
                (usize::from(u16::from_be_bytes([high, low])), rest)
            }
            [] | [0x81 | 0x82] | [0x82, _] => return Err(self.fault(Fault::Truncated)),
            [0x81 | 0x82, ..] => return Err(self.fault(Fault::LengthNotMinimal)),
            _ => return Err(self.fault(Fault::LengthUnsupported)),
        };
        if length > rest.len() {
            return Err(self.fault(Fault::LengthBeyondEnd));
        }
        self.rest = rest;
        Ok(length)
    }

    /// Whether the next octet is this tag: for elements that may be absent.
    pub(crate) fn next_is(&self, tag: u8) -> bool {
        self.rest.first() == Some(&tag)
    }

    /// The content of a primitive element.
    #[inline]
    pub(crate) fn primitive(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        self.expect_tag(tag)?;
        let length = self.minimal_length()?;
        self.octets(length)
    }

    /// The content of a primitive element of a size that is fixed, and below 128.
    #[inline]
    pub(crate) fn fixed<const N: usize>(&mut self, tag: u8) -> Result<&'a [u8; N], Malformed> {
        self.expect_tag(tag)?;
        let at = self.position();
        match self.minimal_length()?.cmp(&N) {
            std::cmp::Ordering::Less => Err(Malformed::new(at, Fault::Truncated)),
            std::cmp::Ordering::Equal => self.array(),
            std::cmp::Ordering::Greater => Err(Malformed::new(at, Fault::TrailingOctets)),
        }
    }

    /// A constructed element, all of which `body` must consume.
    #[inline]
    pub(crate) fn nested<T>(
        &mut self,
        tag: u8,
        body: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        self.expect_tag(tag)?;
        let length = self.constructed_length()?;
        let content = self.octets(length)?;
        let mut inner = Self {
            rest: content,
            end: self.position(),
            style: self.style,
        };
        let value = body(&mut inner)?;
        inner.finish()?;
        self.style = inner.style;
        Ok(value)
    }

    #[inline]
    pub(crate) fn sequence<T>(
        &mut self,
        body: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        self.nested(tag::SEQUENCE, body)
    }

    /// The elements of a SEQUENCE OF or SET OF.
    ///
    /// `least` is the size of the smallest element: room is made for what the octets at hand can hold, not for what a
    /// length claims.
    #[inline]
    pub(crate) fn list<T>(
        &mut self,
        tag: u8,
        least: usize,
        element: impl Fn(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        self.nested(tag, |reader| {
            let mut elements = Vec::with_capacity(reader.remaining() / least);
            while !reader.is_empty() {
                elements.push(element(reader)?);
            }
            Ok(elements)
        })
    }

    /// A whole element, tag and length included, copied and not looked into.
    pub(crate) fn raw(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        let whole = self.rest;
        let style = self.style;
        self.expect_tag(tag)?;
        let length = self.constructed_length()?;
        self.octets(length)?;
        // Octets that are copied as they are say nothing about the style of the rest.
        self.style = style;
        Ok(&whole[..whole.len() - self.rest.len()])
    }

    /// A whole element of any tag: the tag and the content.
    pub(crate) fn any(&mut self) -> Result<(u8, &'a [u8]), Malformed> {
        let tag = self.octet()?;
        let length = self.minimal_length()?;
        Ok((tag, self.octets(length)?))
    }

    /// All that is left of the current element.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// INTEGER, ENUMERATED or an IMPLICIT form of them: 0 to `greatest`.
    #[inline]
    pub(crate) fn unsigned(&mut self, tag: u8, greatest: u64) -> Result<u64, Malformed> {
        // Most numbers of a message have one octet.
        if let [found, 1, value @ 0..=0x7F, ref rest @ ..] = *self.rest
            && found == tag
            && u64::from(value) <= greatest
        {
            self.rest = rest;
            return Ok(value.into());
        }
        self.long_unsigned(tag, greatest)
    }

    fn long_unsigned(&mut self, tag: u8, greatest: u64) -> Result<u64, Malformed> {
        let at = self.position();
        let fault = match *self.primitive(tag)? {
            [] | [0, 0..=0x7F, ..] => Fault::IntegerNotMinimal,
            [0x80..=0xFF, ..] => Fault::IntegerNegative,
            // A leading zero keeps eight octets from being negative.
            [0, ref digits @ ..] | ref digits if digits.len() <= size_of::<u64>() => {
                let value = digits
                    .iter()
                    .fold(0, |value, digit| value << 8 | u64::from(*digit));
                if value <= greatest {
                    return Ok(value);
                }
                Fault::IntegerTooLarge
            }
            _ => Fault::IntegerTooLarge,
        };
        Err(Malformed::new(at, fault))
    }

    /// An integer of one octet that `choose` turns into a value, or a fault that names it.
    #[inline]
    pub(crate) fn choice<T>(
        &mut self,
        tag: u8,
        choose: impl FnOnce(u8) -> Option<T>,
        unknown: impl FnOnce(u8) -> Fault,
    ) -> Result<T, Malformed> {
        let at = self.position();
        // No enumeration of GBCS goes beyond 127; 255 is the greatest that fits the fault.
        let number = u8::try_from(self.unsigned(tag, u64::from(u8::MAX))?).unwrap_or(u8::MAX);
        choose(number).ok_or_else(|| Malformed::new(at, unknown(number)))
    }

    #[inline]
    fn expect_tag(&mut self, expected: u8) -> Result<(), Malformed> {
        match self.rest.split_first() {
            Some((found, rest)) if *found == expected => {
                self.rest = rest;
                Ok(())
            }
            Some((&found, _)) => Err(self.fault(Fault::UnexpectedTag { expected, found })),
            None => Err(self.fault(Fault::Truncated)),
        }
    }

    /// Shortest form, or the devices' `82 00 xx` for 128 to 255.
    #[inline]
    fn constructed_length(&mut self) -> Result<usize, Malformed> {
        if let [0x82, 0, length @ 0x80..=0xFF, ref rest @ ..] = *self.rest {
            let length = usize::from(length);
            if length > rest.len() {
                return Err(self.fault(Fault::LengthBeyondEnd));
            }
            self.style = LengthStyle::Device;
            self.rest = rest;
            return Ok(length);
        }
        self.minimal_length()
    }
}
