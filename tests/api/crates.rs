//! Each crate's public items as rustdoc sees them, against `<crate>.txt` in this folder.
//!
//! `make api` writes the files anew, so that a commit which changes what others build upon shows it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn the_crates_offer_what_is_written() {
    let documents = documents();
    for name in ["gbcs", "counters", "crypto", "engine", "kafka", "tables"] {
        let json = documents.join(format!("slotkeeper_{name}.json"));
        let offered = public_api::Builder::from_rustdoc_json(&json)
            .omit_blanket_impls(true)
            .omit_auto_trait_impls(true)
            .omit_auto_derived_impls(true)
            .build()
            .unwrap()
            .to_string();
        let file = Path::new(FOLDER).join(format!("slotkeeper-{name}.txt"));
        if env::var_os("UPDATE_SNAPSHOTS").is_some() {
            fs::write(&file, &offered).unwrap();
        }
        let written = fs::read_to_string(file).unwrap();
        similar_asserts::assert_eq!(
            written: written,
            offered: offered,
            "if that is meant, `make api` writes it down"
        );
    }
}

/// Lets rustdoc write the JSON of each crate, and gives the folder. All at once: each crate by itself would have
/// dependencies with other features built for it.
fn documents() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let done = Command::new(env!("CARGO"))
        .args(["doc", "--locked", "--workspace", "--no-deps"])
        .env("RUSTDOC", Path::new(FOLDER).join("rustdoc"))
        .env("RUSTDOCFLAGS", "-Zunstable-options --output-format=json")
        .env("CARGO_TARGET_DIR", target)
        .current_dir(FOLDER)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{told}");
    target.join("doc")
}
