//! A package, checked in one pass over its files and one over its rows; nothing but the folder is read.

use std::io::{self, BufRead as _, BufReader};
use std::mem::take;
use std::path::Path;

use serde::Serialize;
use slotkeeper_crypto::HashTree;
use slotkeeper_gbcs::Eui64;

use super::judge::{Judge, Judged, Proof};
use super::leaves::Leaf;
use super::{files, leaves};
use crate::workers::for_each;

/// What a package holds, and what is wrong with it.
///
/// Whether this is what the manifest says, and whether that was signed, is the caller's to compare.
#[derive(Debug, Default, Serialize)]
pub struct PackageReport {
    /// Files that `files.sha256` lists.
    pub files: u64,
    /// SHA-256 of `files.sha256`.
    pub files_sha256: String,
    /// Lines of `rows.jsonl`.
    pub rows: u64,
    /// Devices that have one.
    pub devices: u64,
    /// Root of the rows' Merkle tree.
    pub root: String,
    /// Rows that a device has signed, under a certificate that the package's issuing certificates vouch for.
    pub anchored: u64,
    /// Rows that a device has signed, under a certificate whose issuer is not there.
    pub certified: u64,
    /// Rows signed by a key of which no certificate is there.
    pub bare_keys: u64,
    /// Rows that no device's signature is known of.
    pub unverified: u64,
    /// Rows whose decision the audit trail no longer had.
    pub without_decision: u64,
    /// By partition, the highest number of a decision in its chain.
    pub highest: Vec<(u32, u64)>,
    /// The first of what is wrong.
    pub findings: Vec<Finding>,
    /// How much more.
    pub further_findings: u64,
}

/// Something in a package that is not as it was signed, or proves nothing.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// Its line, from 1.
    pub line: Option<u64>,
    /// The device of that line.
    pub device: Option<String>,
    /// `altered`, `removed`, `put in`, `cut`, `moved`, `missing` or `unproven`.
    pub what: &'static str,
    /// The same as a sentence.
    pub detail: String,
}

impl Finding {
    pub(super) fn of_file(name: &str, what: &'static str, detail: &str) -> Self {
        Self {
            file: name.to_owned(),
            line: None,
            device: None,
            what,
            detail: detail.to_owned(),
        }
    }

    pub(super) fn of_row(
        index: usize,
        device: Option<Eui64>,
        what: &'static str,
        detail: &str,
    ) -> Self {
        Self {
            file: ROWS.to_owned(),
            line: Some(index as u64 + 1),
            device: device.map(|device| device.to_string()),
            what,
            detail: detail.to_owned(),
        }
    }
}

/// The first findings, and a count of the others.
#[derive(Default)]
pub(super) struct Findings {
    kept: Vec<Finding>,
    more: u64,
}

impl Findings {
    pub(super) fn add(&mut self, finding: Finding) {
        if self.kept.len() < FINDINGS_KEPT {
            self.kept.push(finding);
        } else {
            self.more += 1;
        }
    }
}

/// Checks the files of a package and every row of it, on up to `threads` threads.
///
/// Memory grows by some 250 octets a row; lines and files are read a piece at a time. What cannot be read is a finding.
pub fn check(package: &Path, threads: usize) -> PackageReport {
    let mut findings = Findings::default();
    let (files, files_sha256) = files::check(package, threads, &mut findings);
    let mut reading = Reading {
        judge: Judge::open(package),
        threads,
        tree: HashTree::new(),
        leaves: Vec::new(),
        last: None,
        report: PackageReport::default(),
        findings,
    };
    match reading.read_rows(package) {
        Ok(()) => leaves::compare(package, &reading.leaves, &mut reading.findings),
        Err(_) => reading
            .findings
            .add(Finding::of_file(ROWS, "missing", "it cannot be read")),
    }
    PackageReport {
        files,
        files_sha256: hexadecimal(&files_sha256),
        root: hexadecimal(&reading.tree.root()),
        findings: reading.findings.kept,
        further_findings: reading.findings.more,
        ..reading.report
    }
}

struct Reading {
    judge: Judge,
    threads: usize,
    tree: HashTree,
    leaves: Vec<Leaf>,
    last: Option<(Eui64, u64)>,
    report: PackageReport,
    findings: Findings,
}

impl Reading {
    fn read_rows(&mut self, package: &Path) -> io::Result<()> {
        let mut rows = BufReader::with_capacity(1 << 20, files::open(&package.join(ROWS))?);
        let mut lines = Vec::with_capacity(AT_A_TIME);
        let mut held = 0;
        loop {
            let mut line = Vec::new();
            let read = io::Read::take(&mut rows, LONGEST_LINE).read_until(b'\n', &mut line)?;
            if read == 0 {
                break;
            }
            if line.pop_if(|octet| *octet == b'\n').is_none() {
                let index = self.leaves.len() + lines.len();
                self.findings.add(Finding::of_row(
                    index,
                    None,
                    "altered",
                    "the line has no end, or is longer than any row",
                ));
                if read as u64 == LONGEST_LINE {
                    break;
                }
            }
            lines.push(line);
            held += read;
            if lines.len() == AT_A_TIME || held >= HELD_AT_A_TIME {
                self.take(take(&mut lines));
                held = 0;
            }
        }
        self.take(lines);
        Ok(())
    }

    fn take(&mut self, lines: Vec<Vec<u8>>) {
        let judged = for_each(self.threads, &lines, |line| self.judge.judge(line));
        for (line, judged) in lines.into_iter().zip(judged) {
            let index = self.leaves.len();
            let device = judged.place.map(|place| place.0);
            self.leaves.push((self.tree.push(line), device));
            self.count(index, &judged);
        }
    }

    fn count(&mut self, index: usize, judged: &Judged) {
        let device = judged.place.map(|place| place.0);
        self.report.rows += 1;
        match judged.proof {
            Ok(Proof::Anchored) => self.report.anchored += 1,
            Ok(Proof::Certified) => self.report.certified += 1,
            Ok(Proof::BareKey) => self.report.bare_keys += 1,
            Ok(Proof::Unverified) => self.report.unverified += 1,
            Err(fault) => self
                .findings
                .add(Finding::of_row(index, device, "unproven", fault)),
        }
        match judged.decision {
            None => self.report.without_decision += 1,
            Some((partition, number)) => {
                let highest = &mut self.report.highest;
                match highest.iter_mut().find(|(known, _)| *known == partition) {
                    Some((_, known)) => *known = number.max(*known),
                    None => highest.push((partition, number)),
                }
            }
        }
        let Some(place) = judged.place else {
            return;
        };
        if self.last.is_some_and(|last| last >= place) {
            self.findings.add(Finding::of_row(
                index,
                device,
                "moved",
                "rows are sorted by device and offset",
            ));
        }
        if self.last.is_none_or(|last| last.0 != place.0) {
            self.report.devices += 1;
        }
        self.last = Some(place);
    }
}

fn hexadecimal(octets: &[u8]) -> String {
    let mut text = Vec::with_capacity(2 * octets.len());
    crate::json::append_hex(octets, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

const ROWS: &str = "rows.jsonl";
const FINDINGS_KEPT: usize = 20;
/// Rows that are judged at once: some milliseconds of signatures for each of two threads.
const AT_A_TIME: usize = 512;
/// Octets of such rows, at most one row more.
const HELD_AT_A_TIME: usize = 8 << 20;
/// Octets; no record of a stream is longer than 1 MiB, which takes 1.4 in base64.
const LONGEST_LINE: u64 = 2 << 20;
