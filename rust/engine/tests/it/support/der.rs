//! DER and PEM, written element by element.

pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let head: &[u8] = match content.len() {
        ..0x80 => &[tag, length[7]],
        0x80..0x100 => &[tag, 0x81, length[7]],
        _ => &[tag, 0x82, length[6], length[7]],
    };
    [head, content].concat()
}

/// A positive INTEGER.
pub(crate) fn integer(octets: &[u8]) -> Vec<u8> {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let octets = &octets[zeros.min(octets.len() - 1)..];
    let sign: &[u8] = if octets[0] > 0x7f { &[0] } else { &[] };
    element(0x02, &[sign, octets].concat())
}

/// `ECPrivateKey` on P-256 without the public half, which loading computes.
pub(crate) fn sec1(scalar: &[u8]) -> Vec<u8> {
    let curve = element(
        0xa0,
        &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
    );
    element(
        0x30,
        &[&[0x02, 1, 1], &element(0x04, scalar)[..], &curve].concat(),
    )
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = base64_simd::STANDARD.encode_to_string(der);
    let mut lines = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        lines += std::str::from_utf8(line).unwrap();
        lines += "\n";
    }
    lines + &format!("-----END {label}-----\n")
}
