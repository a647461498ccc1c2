//! DCC's test vectors and identities, read where they lie and cut at the offsets of the headers.

use std::path::PathBuf;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use slotkeeper_crypto::PublicKey;

/// A message of the vectors, whole.
pub(crate) struct Vector(Vec<u8>);

impl Vector {
    /// Reads `<name>_GBCS.HEX`; `None`, and a word on standard error, where the vectors are absent.
    pub(crate) fn read(name: &str) -> Option<Self> {
        let path = folder()?.join(format!("vectors/{name}_GBCS.HEX"));
        let text = std::fs::read_to_string(path).unwrap();
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        Some(Self(hex::decode(digits).unwrap()))
    }

    /// From the `DF` tag to the end of the signature part.
    pub(crate) fn maced_octets(&self) -> &[u8] {
        &self.0[self.grouping_header()..self.0.len() - self.mac_length()]
    }

    /// After the `DF` tag, to the end of the payload.
    pub(crate) fn signed_octets(&self) -> &[u8] {
        let end = self.0.len() - self.mac_length() - 64 - 1;
        assert_eq!(
            self.0[end], 64,
            "a signature of 64 octets follows the payload"
        );
        &self.0[self.grouping_header() + 1..end]
    }

    pub(crate) fn signature(&self) -> [u8; 64] {
        let end = self.0.len() - self.mac_length();
        self.0[end - 64..end].try_into().unwrap()
    }

    pub(crate) fn mac(&self) -> [u8; 12] {
        assert_eq!(self.mac_length(), 12);
        self.0[self.0.len() - 12..].try_into().unwrap()
    }

    /// The EUI-64 of the originator.
    pub(crate) fn originator(&self) -> [u8; 8] {
        self.0[self.grouping_header() + 12..][..8]
            .try_into()
            .unwrap()
    }

    fn mac_length(&self) -> usize {
        if self.grouping_header() == 0 { 0 } else { 12 }
    }

    /// Where the Grouping Header begins: after `DD`, six zeros, a length of 1 to 3 octets, and five
    /// octets of security control and invocation counter.
    fn grouping_header(&self) -> usize {
        match (self.0[0], self.0[7]) {
            (0xdf, _) => 0,
            (_, 0x82) => 15,
            (_, 0x81) => 14,
            _ => 13,
        }
    }
}

/// The public key of a certificate of the keystore, found by the BIT STRING around it.
pub(crate) fn certificate_key(name: &str) -> Option<PublicKey> {
    let path = folder()?.join(format!("keystore/{name}.pem"));
    let der = CertificateDer::from_pem_file(path).unwrap();
    let at = der
        .windows(4)
        .position(|window| window == [0x03, 0x42, 0x00, 0x04])
        .unwrap()
        + 3;
    Some(PublicKey::from_uncompressed(&der[at..][..65]).unwrap())
}

/// A published private scalar.
pub(crate) fn scalar(name: &str) -> Option<[u8; 32]> {
    let text = std::fs::read_to_string(folder()?.join("keystore/test-scalars.json")).unwrap();
    let digits = text.split(&format!("\"{name}\": \"")).nth(1).unwrap();
    Some(hex::decode(&digits[..64]).unwrap().try_into().unwrap())
}

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("SLOTKEEPER_RTDS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/rtds"),
        PathBuf::from,
    );
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no RTDS vectors (SLOTKEEPER_RTDS names their folder)");
    None
}
