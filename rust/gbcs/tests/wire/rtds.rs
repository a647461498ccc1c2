//! DCC's public vectors, where they are at hand.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use slotkeeper_gbcs::Eui64;

/// The folder of vectors and test certificates; or `None`, after saying that the test is skipped.
fn rtds() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/rtds");
    let folder = std::env::var_os("SLOTKEEPER_RTDS").map_or(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no RTDS vectors at hand; SLOTKEEPER_RTDS can name their folder");
    None
}

/// Every vector by name, sorted; empty where there are none at hand.
pub(crate) fn vectors() -> Vec<(String, Vec<u8>)> {
    files("vectors", "_GBCS.HEX")
        .into_iter()
        .map(|(name, text)| (name, hex::decode(text.trim()).unwrap()))
        .collect()
}

/// The vector of this name, without `_GBCS.HEX`; `None` where there are none at hand.
pub(crate) fn vector(name: &str) -> Option<Vec<u8>> {
    let vectors = vectors();
    if vectors.is_empty() {
        return None;
    }
    let found = vectors.into_iter().find(|(vector, _)| vector == name);
    Some(found.unwrap_or_else(|| panic!("no vector {name}")).1)
}

/// Every certificate of the key store: the EUI-64 in its file's name, and its DER.
pub(crate) fn certificates() -> Vec<(Eui64, Vec<u8>)> {
    files("keystore", ".pem")
        .into_iter()
        .map(|(name, pem)| (Eui64::parse(&name.as_bytes()[..16]).unwrap(), base64(&pem)))
        .collect()
}

fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let Some(rtds) = rtds() else {
        return Vec::new();
    };
    let mut files: Vec<_> = fs::read_dir(rtds.join(folder))
        .unwrap()
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name()?.to_str()?.strip_suffix(ending)?.to_owned();
            Some((name, fs::read_to_string(&path).unwrap()))
        })
        .collect();
    files.sort();
    files
}

/// The octets between the lines of a PEM file.
fn base64(pem: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits: Vec<u32> = pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .flat_map(str::bytes)
        .filter_map(|digit| ALPHABET.iter().position(|known| *known == digit))
        .map(|value| u32::try_from(value).unwrap())
        .collect();
    digits
        .chunks(4)
        .flat_map(|chunk| {
            let word = chunk.iter().fold(0, |word, digit| word << 6 | digit);
            let octets = (word << (6 * (4 - chunk.len()))).to_be_bytes();
            octets[1..chunk.len()].to_vec()
        })
        .collect()
}
