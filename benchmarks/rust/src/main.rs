//! Ratios of Slotkeeper to what the same machine can do at best, measured in one run.
//!
//! `slotkeeper-benchmarks [--only SECTION]... [--python PYTEST_BENCHMARK.json] [--results FOLDER]` prints its figures
//! and writes them to the folder. `make bench` calls it.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails has no figure")]
#![expect(clippy::indexing_slicing, reason = "as above")]
#![expect(clippy::print_stdout, reason = "the figures are the output")]
#![expect(
    clippy::print_stderr,
    reason = "progress, and what is wrong with the call"
)]

mod batch;
mod decisions;
mod figure;
mod machine;
mod measure;
mod memory;
mod picture;
mod programs;
mod results;
mod scale;
mod sealing;
mod synthetic;
mod verification;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::machine::Machine;
use crate::results::Results;
use crate::synthetic::Parties;

const SECTIONS: [&str; 7] = [
    "memory",
    "sealing",
    "openssl",
    "decisions",
    "verification",
    "scale",
    "table",
];

/// What is asked for on the command line.
#[derive(Default)]
struct Wanted {
    only: Vec<String>,
    python: Option<PathBuf>,
    results: Option<PathBuf>,
}

fn main() -> ExitCode {
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build, whose figures mean nothing: build with --release");
        return ExitCode::from(2);
    }
    let Some(wanted) = read_arguments() else {
        eprintln!(
            "usage: slotkeeper-benchmarks [--only {}]... [--python FILE] [--results FOLDER]",
            SECTIONS.join("|")
        );
        return ExitCode::from(2);
    };
    let results = measure(&wanted);
    println!("{}", results.markdown());
    let missed = results
        .figures
        .iter()
        .filter(|figure| figure.missed())
        .count();
    println!("{missed} goals missed");
    if let Some(folder) = &wanted.results
        && let Err(error) = results.write(folder)
    {
        eprintln!("the results cannot be written: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn measure(wanted: &Wanted) -> Results {
    let machine = Machine::describe();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let parties = Parties::new();
    let mut curves = Vec::new();
    let mut figures = Vec::new();
    for section in SECTIONS {
        if !wanted.only.is_empty() && !wanted.only.iter().any(|only| only == section) {
            continue;
        }
        eprintln!("measuring {section}");
        figures.extend(match section {
            "memory" => memory::figures(&parties),
            "sealing" => sealing::figures(&parties, threads),
            "openssl" => programs::openssl(),
            "decisions" => decisions::figures(&parties),
            "verification" => verification::figures(&parties, threads),
            "scale" => {
                let (figures, found) = scale::figures(&parties);
                curves = found;
                figures
            }
            _ => programs::table(),
        });
    }
    if let Some(path) = &wanted.python {
        figures.extend(programs::python(path));
    }
    Results {
        machine,
        figures,
        curves,
    }
}

fn read_arguments() -> Option<Wanted> {
    let mut wanted = Wanted::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(option) = arguments.next() {
        let value = arguments.next()?;
        match option.as_str() {
            "--only" if SECTIONS.contains(&value.as_str()) => wanted.only.push(value),
            "--python" => wanted.python = Some(value.into()),
            "--results" => wanted.results = Some(value.into()),
            _ => return None,
        }
    }
    Some(wanted)
}
