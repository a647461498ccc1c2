//! DCC's vectors and identities, read where they lie.

use std::fs;
use std::path::PathBuf;

use slotkeeper_engine::Keystore;
use slotkeeper_test_pki::Key;

/// The RTDS folder; `None`, and a word on standard error, where it is absent.
pub(crate) fn folder() -> Option<PathBuf> {
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

/// Every message, by the name of its file.
pub(crate) fn vectors() -> Option<Vec<(String, Vec<u8>)>> {
    let files = fs::read_dir(folder()?.join("vectors")).unwrap();
    let mut vectors: Vec<_> = files
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (
                name,
                slotkeeper_engine::inspect::read_form(&fs::read(path).unwrap()),
            )
        })
        .collect();
    vectors.sort();
    assert!(!vectors.is_empty());
    Some(vectors)
}

/// The published certificates, and PEM keys made from the published scalars that `keep` takes.
pub(crate) fn keystore(keep: impl Fn(&str) -> bool) -> Option<Keystore> {
    let source = folder()?.join("keystore");
    let target = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(&source).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, target.path().join(path.file_name().unwrap())).unwrap();
    }
    let text = fs::read(source.join("test-scalars.json")).unwrap();
    let scalars: serde_json::Value = serde_json::from_slice(&text).unwrap();
    for (name, scalar) in scalars["scalars"].as_object().unwrap() {
        if keep(name) {
            let scalar = hex::decode(scalar.as_str().unwrap()).unwrap();
            let key = Key::from_scalar(&scalar.try_into().unwrap());
            fs::write(target.path().join(format!("{name}.key")), key.pem()).unwrap();
        }
    }
    Some(Keystore::open(target.path()).unwrap())
}
