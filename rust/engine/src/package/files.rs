//! `files.sha256`: the digests of a package's files, as `sha256sum` writes and checks them.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use slotkeeper_crypto::{Sha256Begun, sha256};

use super::check::{Finding, Findings};
use super::row::digest_of;
use crate::workers::for_each;

/// Checks every file that is listed, and that there is no other; gives how many are listed, and the list's own SHA-256.
pub(super) fn check(package: &Path, threads: usize, findings: &mut Findings) -> (u64, [u8; 32]) {
    let mut octets = Vec::new();
    let opened = open(&package.join(NAME));
    if opened
        .and_then(|file| file.take(LARGEST).read_to_end(&mut octets))
        .is_err()
    {
        findings.add(Finding::of_file(NAME, "missing", "it cannot be read"));
    }
    let listed = read(&octets).unwrap_or_default();
    if listed.is_empty() && !octets.is_empty() {
        let detail = "it is no list as sha256sum writes it";
        findings.add(Finding::of_file(NAME, "altered", detail));
    }
    let faults = for_each(threads, &listed, |(digest, name)| {
        match digest_of_file(&package.join(name)) {
            Ok(found) if found == *digest => None,
            Ok(_) => Some(("altered", "its SHA-256 is another one")),
            Err(_) => Some(("missing", "it is listed, and cannot be read")),
        }
    });
    for ((_, name), fault) in listed.iter().zip(faults) {
        if let Some((what, detail)) = fault {
            findings.add(Finding::of_file(name, what, detail));
        }
    }
    let known: HashSet<&str> = listed.iter().map(|(_, name)| *name).collect();
    if find_others(package, "", &known, findings).is_err() {
        findings.add(Finding::of_file(".", "missing", "a folder cannot be read"));
    }
    (listed.len() as u64, sha256(&octets))
}

/// Lines of a digest, two spaces and a path below the package, sorted by path.
fn read(octets: &[u8]) -> Option<Vec<([u8; 32], &str)>> {
    let mut listed: Vec<([u8; 32], &str)> = Vec::new();
    for line in str::from_utf8(octets).ok()?.strip_suffix('\n')?.split('\n') {
        let (digest, name) = line.split_once("  ")?;
        let is_next = listed.last().is_none_or(|(_, last)| *last < name);
        if !is_next || !is_plain(name) {
            return None;
        }
        listed.push((digest_of(digest)?, name));
    }
    Some(listed)
}

/// Whether a path stays below the package, on every system, and can be shown as it is.
fn is_plain(name: &str) -> bool {
    name.split('/').all(|part| {
        let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"._-".contains(&octet);
        !part.is_empty() && !part.starts_with('.') && part.bytes().all(plain)
    })
}

fn find_others(
    folder: &Path,
    above: &str,
    known: &HashSet<&str>,
    findings: &mut Findings,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{above}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            // Deeper than any package has files: what is there is not looked at, but named.
            if above.matches('/').count() < DEEPEST {
                find_others(&entry.path(), &format!("{name}/"), known, findings)?;
                continue;
            }
        } else if known.contains(name.as_str()) || UNLISTED.contains(&name.as_str()) {
            continue;
        }
        let name = name.escape_debug().to_string();
        findings.add(Finding::of_file(&name, "put in", "no list names it"));
    }
    Ok(())
}

/// Opens what is a file and nothing else: a pipe would have no end, a link may lead anywhere.
pub(super) fn open(path: &Path) -> io::Result<File> {
    if !path.symlink_metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    File::open(path)
}

fn digest_of_file(path: &Path) -> io::Result<[u8; 32]> {
    let mut file = BufReader::with_capacity(CHUNK, open(path)?);
    let mut digest = Sha256Begun::with(b"");
    loop {
        let chunk = file.fill_buf()?;
        if chunk.is_empty() {
            return Ok(digest.finish(b""));
        }
        digest.update(chunk);
        let taken = chunk.len();
        file.consume(taken);
    }
}

pub(super) const NAME: &str = "files.sha256";
/// Under the manifest's signature themselves, or that signature.
const UNLISTED: [&str; 3] = [NAME, "manifest.json", "manifest.p7s"];
/// Folders within folders.
const DEEPEST: usize = 3;
/// Octets of the list: two million files.
const LARGEST: u64 = 2_000_000 * 150;
const CHUNK: usize = 256 * 1024;
