//! Writes elements from the last to the first: a length is then known when it is due.

use super::LengthStyle;
use super::tag;

/// Fills a buffer from its end, or only counts.
///
/// Counting and filling run the same code, so that a message takes one allocation of exactly its size.
pub(crate) struct Writer<'b> {
    buffer: Option<&'b mut [u8]>,
    written: usize,
    style: LengthStyle,
}

impl<'b> Writer<'b> {
    pub(crate) fn counting(style: LengthStyle) -> Self {
        Self {
            buffer: None,
            written: 0,
            style,
        }
    }

    /// `buffer` must have the size that the same calls counted.
    pub(crate) fn filling(buffer: &'b mut [u8], style: LengthStyle) -> Self {
        Self {
            buffer: Some(buffer),
            written: 0,
            style,
        }
    }

    pub(crate) fn written(&self) -> usize {
        self.written
    }

    pub(crate) fn octets(&mut self, octets: &[u8]) {
        if let Some(buffer) = &mut self.buffer {
            let end = buffer.len() - self.written;
            buffer[end - octets.len()..end].copy_from_slice(octets);
        }
        self.written += octets.len();
    }

    pub(crate) fn octet(&mut self, octet: u8) {
        self.octets(&[octet]);
    }

    /// A length in its shortest form. Callers see to it that nothing is longer than 65535 octets.
    pub(crate) fn minimal_length(&mut self, length: usize) {
        let [.., high, low] = length.to_be_bytes();
        match length {
            0..0x80 => self.octet(low),
            0x80..0x100 => self.octets(&[0x81, low]),
            _ => self.octets(&[0x82, high, low]),
        }
    }

    pub(crate) fn primitive(&mut self, tag: u8, content: &[u8]) {
        self.octets(content);
        self.minimal_length(content.len());
        self.octet(tag);
    }

    pub(crate) fn nested(&mut self, tag: u8, body: impl FnOnce(&mut Self)) {
        let before = self.written;
        body(self);
        let length = self.written - before;
        match (self.style, length) {
            (LengthStyle::Device, 0x80..0x100) => {
                let [.., low] = length.to_be_bytes();
                self.octets(&[0x82, 0, low]);
            }
            _ => self.minimal_length(length),
        }
        self.octet(tag);
    }

    pub(crate) fn sequence(&mut self, body: impl FnOnce(&mut Self)) {
        self.nested(tag::SEQUENCE, body);
    }

    pub(crate) fn list<T>(&mut self, tag: u8, elements: &[T], element: impl Fn(&mut Self, &T)) {
        self.nested(tag, |writer| {
            for value in elements.iter().rev() {
                element(writer, value);
            }
        });
    }

    /// An integer in the shortest two's complement.
    pub(crate) fn unsigned(&mut self, tag: u8, value: u64) {
        let octets = u128::from(value).to_be_bytes();
        // One octet more where the top bit of the first would make the number negative.
        let significant = (u64::BITS - value.leading_zeros()) as usize / 8 + 1;
        self.primitive(tag, &octets[octets.len() - significant..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::der::Reader;

    #[test]
    fn lengths_at_the_edges_of_their_forms() {
        for (content, minimal, device) in [
            (0x7F, &[0x7F][..], &[0x7F][..]),
            (0x80, &[0x81, 0x80], &[0x82, 0x00, 0x80]),
            (0xFF, &[0x81, 0xFF], &[0x82, 0x00, 0xFF]),
            (0x100, &[0x82, 0x01, 0x00], &[0x82, 0x01, 0x00]),
        ] {
            for (style, length) in [
                (LengthStyle::Minimal, minimal),
                (LengthStyle::Device, device),
            ] {
                let write = |writer: &mut Writer<'_>| {
                    writer.sequence(|writer| writer.octets(&vec![0x5A; content]));
                };
                let mut counter = Writer::counting(style);
                write(&mut counter);
                let mut octets = vec![0; counter.written()];
                write(&mut Writer::filling(&mut octets, style));
                assert_eq!(octets[1..=length.len()], *length);
                assert_eq!(octets.len(), 1 + length.len() + content);
                let mut reader = Reader::new(&octets);
                let read = reader.sequence(|reader| Ok(reader.rest().len()));
                assert_eq!(read, Ok(content));
                let is_device = length.len() == 3 && content < 0x100;
                assert_eq!(reader.style() == LengthStyle::Device, is_device);
            }
        }
    }
}
