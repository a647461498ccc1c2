//! DCC's public vectors, where they are at hand.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// The folder of vectors and test certificates; or `None` after saying that the test is skipped.
pub(crate) fn rtds() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/rtds");
    let folder = std::env::var_os("SLOTKEEPER_RTDS").map_or(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no RTDS vectors; SLOTKEEPER_RTDS can name their folder");
    None
}

/// Every vector by name, sorted; empty where there are none at hand.
pub(crate) fn vectors() -> Vec<(String, Vec<u8>)> {
    let Some(folder) = rtds() else {
        return Vec::new();
    };
    let mut vectors: Vec<_> = fs::read_dir(folder.join("vectors"))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, hex::decode(text.trim()).unwrap())
        })
        .collect();
    vectors.sort();
    vectors
}
