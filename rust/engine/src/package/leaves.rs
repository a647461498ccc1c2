//! `leaves.txt`: the digest of each row and its device, by which a row that is not as it was has a name.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use slotkeeper_gbcs::Eui64;

use super::check::{Finding, Findings};
use super::files;
use super::row::digest_of;

/// Of a row: its digest, and its device where it has one.
pub(super) type Leaf = ([u8; 32], Option<Eui64>);

/// Compares the rows that are there with those that were, and names what became of them.
pub(super) fn compare(package: &Path, rows: &[Leaf], findings: &mut Findings) {
    let Some(leaves) = read(package) else {
        findings.add(Finding::of_file(
            NAME,
            "altered",
            "it is no list of digests",
        ));
        return;
    };
    if rows == leaves {
        return;
    }
    let (here, were) = (digests(rows), digests(&leaves));
    let mut gone: HashMap<Option<Eui64>, Vec<usize>> = HashMap::new();
    for (index, (digest, device)) in leaves.iter().enumerate().rev() {
        if !here.contains(digest) {
            gone.entry(*device).or_default().push(index);
        }
    }
    let mut named = 0_usize;
    for (index, (digest, device)) in rows.iter().enumerate() {
        if were.contains(digest) {
            continue;
        }
        let is_other = gone
            .get_mut(device)
            .is_some_and(|some| some.pop().is_some());
        let what = if is_other { "altered" } else { "put in" };
        findings.add(Finding::of_row(
            index,
            *device,
            what,
            "it is not as it was signed",
        ));
        named += 1;
    }
    let mut gone: Vec<_> = gone.into_values().flatten().collect();
    gone.sort_unstable();
    named += gone.len();
    let kept = leaves.len() - gone.len();
    // Of what was cut off nothing is left at the end; else rows stand behind the gap.
    if !gone.is_empty() && gone.iter().copied().eq(kept..leaves.len()) {
        let detail = format!("{} rows that were signed are not there", gone.len());
        let device = leaves.get(kept).and_then(|leaf| leaf.1);
        findings.add(Finding::of_row(kept, device, "cut", &detail));
    } else {
        for index in gone {
            let device = leaves.get(index).and_then(|leaf| leaf.1);
            findings.add(Finding::of_row(
                index,
                device,
                "removed",
                "it was signed and is not there",
            ));
        }
    }
    if named == 0 {
        let same = rows.iter().zip(&leaves).take_while(|(a, b)| a == b).count();
        let device = rows.get(same).and_then(|leaf| leaf.1);
        findings.add(Finding::of_row(
            same,
            device,
            "moved",
            "another row stood there",
        ));
    }
}

fn digests(leaves: &[Leaf]) -> HashSet<[u8; 32]> {
    leaves.iter().map(|leaf| leaf.0).collect()
}

fn read(package: &Path) -> Option<Vec<Leaf>> {
    let mut file = BufReader::new(files::open(&package.join(NAME)).ok()?);
    let mut leaves = Vec::new();
    let mut line = [0; LINE];
    while !file.fill_buf().ok()?.is_empty() {
        file.read_exact(&mut line).ok()?;
        let (digest, device) = str::from_utf8(&line)
            .ok()?
            .strip_suffix('\n')?
            .split_once("  ")?;
        leaves.push((digest_of(digest)?, Some(Eui64::parse(device.as_bytes())?)));
    }
    Some(leaves)
}

pub(super) const NAME: &str = "leaves.txt";
/// Octets of a line: a digest, two spaces, an EUI-64 and LF.
const LINE: usize = 64 + 2 + 23 + 1;
