//! Hex, base64, binary.

use proptest::prelude::*;
use slotkeeper_engine::inspect::{message, read_form};

#[test]
fn each_form_is_told_apart() {
    let octets = [0xdf, 0x09, 0x02, 0x00];
    for form in [
        &b"df090200"[..],
        b"DF 09\t02\r\n00\n",
        b"\n d f0902 00",
        b"3wkCAA==",
        b"3wk\nCAA==\n",
        &octets,
    ] {
        assert_eq!(read_form(form), octets, "{}", form.escape_ascii());
    }
    // Eight hex digits are base64 as well: hex is tried first.
    assert_eq!(read_form(b"deadbeef"), [0xde, 0xad, 0xbe, 0xef]);
    // An odd number of digits is no hex, nor base64.
    assert_eq!(read_form(b"df090"), b"df090");
    assert_eq!(read_form(b""), b"");
    assert_eq!(read_form(b"no message!"), b"no message!");
}

proptest! {
    #[test]
    fn a_message_in_any_form_is_the_same(mut octets in proptest::collection::vec(any::<u8>(), 1..300), mac: bool) {
        octets[0] = if mac { 0xdd } else { 0xdf };
        prop_assert_eq!(&read_form(&octets), &octets);
        prop_assert_eq!(&read_form(hex::encode(&octets).as_bytes()), &octets);
        let text = base64_simd::STANDARD.encode_to_string(&octets);
        prop_assume!(!text.bytes().all(|digit| digit.is_ascii_hexdigit()));
        prop_assert_eq!(&read_form(text.as_bytes()), &octets);
    }

    #[test]
    fn arbitrary_octets_give_a_report(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(message(&octets, None).error.is_some());
    }
}
