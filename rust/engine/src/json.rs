//! Writing the records that leave the engine: one pass, members in a fixed order, no value built in between.

use std::io::Write as _;

/// A member's name as it is written, quotes and colon included; [`member!`] makes one.
#[derive(Clone, Copy)]
pub(crate) struct Member(pub(crate) &'static str);

/// The name of a member, which must need no escapes.
macro_rules! member {
    ($name:literal) => {
        $crate::json::Member(concat!("\"", $name, "\":"))
    };
}
pub(crate) use member;

/// Writes one JSON object onto the end of a buffer.
pub(crate) struct Object {
    buffer: Vec<u8>,
}

impl Object {
    pub(crate) fn with_capacity(octets: usize) -> Self {
        Self::onto(Vec::with_capacity(octets))
    }

    /// Behind what the buffer holds; [`Self::finish`] gives it back.
    pub(crate) fn onto(mut buffer: Vec<u8>) -> Self {
        buffer.push(b'{');
        Self { buffer }
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.close(b'}');
        self.buffer
    }

    /// Text that may need escapes.
    pub(crate) fn text(&mut self, name: Member, value: &str) {
        self.name(name);
        self.buffer.push(b'"');
        escape(value, &mut self.buffer);
        self.end_string();
    }

    /// Text or null.
    pub(crate) fn optional_text(&mut self, name: Member, value: Option<&str>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.null(name),
        }
    }

    /// Octets that are known to need no escapes: names, hex, base64, times.
    // Most values have a length that is known where they are written, which only copying in place makes use of: left to
    // the compiler this is a call with two calls of memcpy, and deciding an irrelevant outcome costs 2 % more instructions.
    #[expect(clippy::inline_always, reason = "measured, see above")]
    #[inline(always)]
    pub(crate) fn plain(&mut self, name: Member, value: &[u8]) {
        self.name(name);
        self.buffer.push(b'"');
        self.buffer.extend_from_slice(value);
        self.end_string();
    }

    /// A counter: a decimal string, since readers of other languages lose integers above 2^53.
    pub(crate) fn counter(&mut self, name: Member, value: Option<u64>) {
        match value {
            Some(value) => self.plain(name, itoa::Buffer::new().format(value).as_bytes()),
            None => self.null(name),
        }
    }

    pub(crate) fn integer(&mut self, name: Member, value: u64) {
        self.name(name);
        self.buffer
            .extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self.buffer.push(b',');
    }

    pub(crate) fn boolean(&mut self, name: Member, value: bool) {
        self.name(name);
        self.buffer
            .extend_from_slice(if value { b"true," } else { b"false," });
    }

    pub(crate) fn null(&mut self, name: Member) {
        self.name(name);
        self.buffer.extend_from_slice(b"null,");
    }

    /// Octets as lower-case hexadecimal.
    pub(crate) fn hex(&mut self, name: Member, octets: &[u8]) {
        self.name(name);
        self.buffer.push(b'"');
        append_hex(octets, &mut self.buffer);
        self.end_string();
    }

    /// Room for a SHA-256 in hexadecimal that is not known yet; gives its place in the buffer.
    pub(crate) fn room_for_digest(&mut self, name: Member) -> usize {
        self.name(name);
        self.buffer.push(b'"');
        let place = self.buffer.len();
        self.buffer.resize(place + 64, b'0');
        self.end_string();
        place
    }

    pub(crate) fn base64(&mut self, name: Member, octets: &[u8]) {
        self.name(name);
        self.buffer.push(b'"');
        crate::base64::encode_append(octets, &mut self.buffer);
        self.end_string();
    }

    pub(crate) fn object(&mut self, name: Member, fill: impl FnOnce(&mut Self)) {
        self.name(name);
        self.buffer.push(b'{');
        fill(self);
        self.close(b'}');
        self.buffer.push(b',');
    }

    pub(crate) fn list<T>(
        &mut self,
        name: Member,
        items: impl IntoIterator<Item = T>,
        mut each: impl FnMut(&mut Self, T),
    ) {
        self.name(name);
        self.buffer.push(b'[');
        for item in items {
            each(self, item);
        }
        self.close(b']');
        self.buffer.push(b',');
    }

    /// An object as an element of a list.
    pub(crate) fn element(&mut self, fill: impl FnOnce(&mut Self)) {
        self.buffer.push(b'{');
        fill(self);
        self.close(b'}');
        self.buffer.push(b',');
    }

    /// A name as an element of a list.
    pub(crate) fn name_element(&mut self, value: &str) {
        self.buffer.push(b'"');
        self.buffer.extend_from_slice(value.as_bytes());
        self.end_string();
    }

    /// An element of a list, whatever it holds.
    pub(crate) fn text_element(&mut self, value: &str) {
        self.buffer.push(b'"');
        escape(value, &mut self.buffer);
        self.end_string();
    }

    /// An integer under a name that is known at run time only.
    pub(crate) fn integer_of(&mut self, name: &str, value: u64) {
        self.buffer.push(b'"');
        escape(name, &mut self.buffer);
        self.buffer.extend_from_slice(b"\":");
        self.buffer
            .extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self.buffer.push(b',');
    }

    fn name(&mut self, Member(name): Member) {
        self.buffer.extend_from_slice(name.as_bytes());
    }

    fn end_string(&mut self) {
        self.buffer.extend_from_slice(b"\",");
    }

    /// Closes what is open, where the last member left its comma.
    fn close(&mut self, bracket: u8) {
        match self.buffer.last_mut() {
            Some(last) if *last == b',' => *last = bracket,
            _ => self.buffer.push(bracket),
        }
    }
}

/// Octets as lower-case hexadecimal.
pub(crate) fn append_hex(octets: &[u8], buffer: &mut Vec<u8>) {
    // Digests and key identifiers are multiples of eight octets, whose digits go into the buffer at once: octet by octet
    // most of the time is spent on asking whether there is room.
    let (words, rest) = octets.as_chunks::<8>();
    for word in words {
        buffer.extend_from_slice(hex_of(word).as_flattened());
    }
    for octet in rest {
        buffer.extend_from_slice(hex_of(&[*octet]).as_flattened());
    }
}

/// Octets as lower-case hexadecimal, in pairs.
pub(crate) fn hex_of<const OCTETS: usize>(octets: &[u8; OCTETS]) -> [[u8; 2]; OCTETS] {
    let mut pairs = [[0; 2]; OCTETS];
    // A loop that computes is done for many octets at once; a table is asked octet by octet.
    for (pair, octet) in pairs.iter_mut().zip(octets) {
        *pair = [hex_digit(octet >> 4), hex_digit(octet & 15)];
    }
    pairs
}

/// The digit of a number below 16.
const fn hex_digit(number: u8) -> u8 {
    if number < 10 {
        number | b'0'
    } else {
        number.wrapping_add(b'a' - 10)
    }
}

fn needs_escape(octet: u8) -> bool {
    octet < 0x20 || matches!(octet, b'"' | b'\\')
}

fn escape(value: &str, buffer: &mut Vec<u8>) {
    // Nearly all text is clean, and looking at every octet without a branch is several times as fast as searching.
    let clean = value
        .bytes()
        .fold(true, |clean, octet| clean & !needs_escape(octet));
    if clean {
        return buffer.extend_from_slice(value.as_bytes());
    }
    let mut rest = value.as_bytes();
    while let Some(at) = rest.iter().position(|octet| needs_escape(*octet)) {
        let (clean, tail) = rest.split_at(at);
        buffer.extend_from_slice(clean);
        let Some((octet, tail)) = tail.split_first() else {
            return;
        };
        match octet {
            b'"' => buffer.extend_from_slice(b"\\\""),
            b'\\' => buffer.extend_from_slice(b"\\\\"),
            _ => {
                let _ = write!(buffer, "\\u{octet:04x}");
            }
        }
        rest = tail;
    }
    buffer.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn members_lists_and_nesting() {
        let mut object = Object::with_capacity(64);
        object.text(member!("a"), "x\"\\\n");
        object.counter(member!("b"), Some(u64::MAX));
        object.null(member!("c"));
        object.object(member!("d"), |_| {});
        object.list(member!("e"), [1, 2], |o, n| {
            o.element(|o| o.integer(member!("n"), n));
        });
        object.list::<u8>(member!("f"), [], |_, _| {});
        object.hex(member!("g"), &[0, 0xab]);
        object.base64(member!("h"), b"abcd");
        assert_eq!(
            String::from_utf8(object.finish()).unwrap(),
            r#"{"a":"x\"\\\u000a","b":"18446744073709551615","c":null,"d":{},"e":[{"n":1},{"n":2}],"f":[],"g":"00ab","h":"YWJjZA=="}"#
        );
    }

    proptest! {
        #[test]
        fn any_text_survives(text in ".*") {
            let mut object = Object::with_capacity(0);
            object.text(member!("t"), &text);
            let read: serde_json::Value = serde_json::from_slice(&object.finish()).unwrap();
            prop_assert_eq!(read["t"].as_str().unwrap(), text);
        }
    }
}
