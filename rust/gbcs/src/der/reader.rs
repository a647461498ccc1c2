//! A cursor over octets that never looks beyond the element it is in.

use std::ops::Range;

use super::LengthStyle;
use super::tag;
use crate::error::Fault;
use crate::error::Malformed;

/// Reads elements one after the other; `nested` goes into one.
///
/// It keeps the whole input, so that a fault is reported with its offset in the message.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    input: &'a [u8],
    position: usize,
    end: usize,
    style: LengthStyle,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self::within(input, 0..input.len())
    }

    /// Reads a part of the input, and counts offsets from the start of the whole.
    pub(crate) fn within(input: &'a [u8], part: Range<usize>) -> Self {
        Self {
            input,
            position: part.start,
            end: part.end,
            style: LengthStyle::Minimal,
        }
    }

    /// `Device` as soon as one length was in the devices' form.
    pub(crate) fn style(&self) -> LengthStyle {
        self.style
    }

    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// What is left of the current element.
    pub(crate) fn remaining(&self) -> usize {
        self.end - self.position
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.position == self.end
    }

    /// The fault `fault` at the cursor.
    pub(crate) fn fault(&self, fault: Fault) -> Malformed {
        Malformed {
            at: self.position,
            fault,
        }
    }

    pub(crate) fn finish(&self) -> Result<(), Malformed> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.fault(Fault::TrailingOctets))
        }
    }

    pub(crate) fn octet(&mut self) -> Result<u8, Malformed> {
        let octet = self.peek().ok_or(self.fault(Fault::Truncated))?;
        self.position += 1;
        Ok(octet)
    }

    pub(crate) fn expect_octet(&mut self, expected: u8) -> Result<(), Malformed> {
        match self.peek() {
            Some(found) if found == expected => {
                self.position += 1;
                Ok(())
            }
            Some(found) => Err(self.fault(Fault::UnexpectedOctet { expected, found })),
            None => Err(self.fault(Fault::Truncated)),
        }
    }

    pub(crate) fn octets(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        if count > self.remaining() {
            return Err(self.fault(Fault::Truncated));
        }
        let octets = &self.input[self.position..self.position + count];
        self.position += count;
        Ok(octets)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Malformed> {
        let octets = self.input[self.position..self.end]
            .first_chunk()
            .ok_or(self.fault(Fault::Truncated))?;
        self.position += N;
        Ok(octets)
    }

    /// A length in its shortest form, as headers have it; what it counts must be there.
    pub(crate) fn minimal_length(&mut self) -> Result<usize, Malformed> {
        let at = self.position;
        let length = match self.octet()? {
            short @ 0..=0x7F => usize::from(short),
            0x81 => match self.octet()? {
                long @ 0x80.. => usize::from(long),
                _ => {
                    return Err(Malformed {
                        at,
                        fault: Fault::LengthNotMinimal,
                    });
                }
            },
            0x82 => match u16::from_be_bytes(*self.array()?) {
                long @ 0x100.. => usize::from(long),
                _ => {
                    return Err(Malformed {
                        at,
                        fault: Fault::LengthNotMinimal,
                    });
                }
            },
            _ => {
                return Err(Malformed {
                    at,
                    fault: Fault::LengthUnsupported,
                });
            }
        };
        self.fits(at, length)
    }

    /// Whether the next element has this tag: for elements that may be absent.
    pub(crate) fn next_is(&self, tag: u8) -> bool {
        self.peek() == Some(tag)
    }

    /// The content of a primitive element.
    pub(crate) fn primitive(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        self.expect_tag(tag)?;
        let length = self.minimal_length()?;
        self.octets(length)
    }

    /// The content of a primitive element of fixed size.
    pub(crate) fn fixed<const N: usize>(&mut self, tag: u8) -> Result<&'a [u8; N], Malformed> {
        self.expect_tag(tag)?;
        let at = self.position;
        let length = self.minimal_length()?;
        match length.cmp(&N) {
            std::cmp::Ordering::Less => Err(Malformed {
                at,
                fault: Fault::Truncated,
            }),
            std::cmp::Ordering::Equal => self.array(),
            std::cmp::Ordering::Greater => Err(Malformed {
                at,
                fault: Fault::TrailingOctets,
            }),
        }
    }

    /// A constructed element, all of which `body` must consume.
    pub(crate) fn nested<T>(
        &mut self,
        tag: u8,
        body: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        self.expect_tag(tag)?;
        let length = self.constructed_length()?;
        let outer_end = self.end;
        self.end = self.position + length;
        let value = body(self)?;
        self.finish()?;
        self.end = outer_end;
        Ok(value)
    }

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
        let start = self.position;
        let style = self.style;
        self.expect_tag(tag)?;
        let length = self.constructed_length()?;
        // Octets that are copied as they are say nothing about the style of the rest.
        self.style = style;
        self.position += length;
        Ok(&self.input[start..self.position])
    }

    /// A whole element of any tag: the tag and the content.
    pub(crate) fn any(&mut self) -> Result<(u8, &'a [u8]), Malformed> {
        let tag = self.octet()?;
        let length = self.minimal_length()?;
        Ok((tag, self.octets(length)?))
    }

    /// All that is left of the current element.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        let rest = &self.input[self.position..self.end];
        self.position = self.end;
        rest
    }

    /// INTEGER, ENUMERATED or an IMPLICIT form of them: 0 to `greatest`.
    pub(crate) fn unsigned(&mut self, tag: u8, greatest: u64) -> Result<u64, Malformed> {
        let at = self.position;
        let malformed = |fault| Err(Malformed { at, fault });
        let content = self.primitive(tag)?;
        let digits = match content {
            [] | [0, 0..=0x7F, ..] => return malformed(Fault::IntegerNotMinimal),
            [0x80..=0xFF, ..] => return malformed(Fault::IntegerNegative),
            [0, digits @ ..] | digits => digits,
        };
        if digits.len() > size_of::<u64>() {
            return malformed(Fault::IntegerTooLarge);
        }
        let value = digits
            .iter()
            .fold(0, |value, digit| value << 8 | u64::from(*digit));
        if value > greatest {
            malformed(Fault::IntegerTooLarge)
        } else {
            Ok(value)
        }
    }

    /// An integer of one octet that `choose` turns into a value, or a fault that names it.
    pub(crate) fn choice<T>(
        &mut self,
        tag: u8,
        choose: impl FnOnce(u8) -> Option<T>,
        unknown: impl FnOnce(u8) -> Fault,
    ) -> Result<T, Malformed> {
        let at = self.position;
        // No enumeration of GBCS goes beyond 127; 255 is the greatest that fits the fault.
        let number = u8::try_from(self.unsigned(tag, u64::from(u8::MAX))?).unwrap_or(u8::MAX);
        choose(number).ok_or_else(|| Malformed {
            at,
            fault: unknown(number),
        })
    }

    fn peek(&self) -> Option<u8> {
        if self.is_empty() {
            None
        } else {
            self.input.get(self.position).copied()
        }
    }

    fn expect_tag(&mut self, expected: u8) -> Result<(), Malformed> {
        match self.peek() {
            Some(found) if found == expected => {
                self.position += 1;
                Ok(())
            }
            Some(found) => Err(self.fault(Fault::UnexpectedTag { expected, found })),
            None => Err(self.fault(Fault::Truncated)),
        }
    }

    /// Shortest form, or the devices' `82 00 xx` for 128 to 255.
    fn constructed_length(&mut self) -> Result<usize, Malformed> {
        if let [0x82, 0, length @ 0x80..=0xFF, ..] = self.input[self.position..self.end] {
            let at = self.position;
            self.style = LengthStyle::Device;
            self.position += 3;
            return self.fits(at, usize::from(length));
        }
        self.minimal_length()
    }

    fn fits(&self, at: usize, length: usize) -> Result<usize, Malformed> {
        if length > self.remaining() {
            return Err(Malformed {
                at,
                fault: Fault::LengthBeyondEnd,
            });
        }
        Ok(length)
    }
}
