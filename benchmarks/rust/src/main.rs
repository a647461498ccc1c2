//! Ratios of Slotkeeper to what the same machine can do at best, measured in one run.
//!
//! `slotkeeper-benchmarks SECTION` prints one JSON object: the figures of the section and, where it has any, curves.
//! `python -m benchmarks` calls it for each section and makes tables and pictures of what it prints.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails has no figure")]
#![expect(clippy::indexing_slicing, reason = "as above")]
#![expect(clippy::print_stdout, reason = "the figures are the output")]
#![expect(clippy::print_stderr, reason = "what is wrong with the call")]

mod batch;
mod chain;
mod decisions;
mod figure;
mod measure;
mod memory;
mod scale;
mod sealing;
mod synthetic;
mod verification;

use std::process::ExitCode;

use serde::Serialize;

use crate::figure::Figure;
use crate::scale::Curve;
use crate::synthetic::Parties;

/// What one section found.
#[derive(Serialize)]
struct Found {
    figures: Vec<Figure>,
    curves: Vec<Curve>,
}

fn main() -> ExitCode {
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build, whose figures mean nothing: build with --release");
        return ExitCode::from(2);
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let found = match arguments.as_slice() {
        [section] => measure(section),
        _ => None,
    };
    let Some(found) = found else {
        eprintln!("usage: slotkeeper-benchmarks memory|sealing|decisions|chain|verification|scale");
        return ExitCode::from(2);
    };
    println!("{}", serde_json::to_string_pretty(&found).unwrap());
    ExitCode::SUCCESS
}

fn measure(section: &str) -> Option<Found> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let parties = Parties::new();
    let (figures, curves) = match section {
        "memory" => (memory::figures(&parties), Vec::new()),
        "sealing" => (sealing::figures(&parties, threads), Vec::new()),
        "decisions" => (decisions::figures(&parties), Vec::new()),
        "chain" => (chain::figures(&parties), Vec::new()),
        "verification" => (verification::figures(&parties, threads), Vec::new()),
        "scale" => scale::figures(&parties),
        _ => return None,
    };
    Some(Found { figures, curves })
}
