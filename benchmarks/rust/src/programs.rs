//! Figures that other programs measure: the table at the size of the whole fleet, and OpenSSL.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::figure::{Figure, Goal};

const TABLE: &str = "Originator Counter table, 30 million devices";
const OPENSSL: &str = "OpenSSL beside it, one thread";

/// Runs the example of the counters crate, built beside this program.
pub(crate) fn table() -> Vec<Figure> {
    let program = std::env::current_exe().unwrap();
    let example = program
        .parent()
        .unwrap_or(Path::new("."))
        .join("examples/thirty_million");
    let Some(report) = output(Command::new(example)).and_then(|text| {
        let report: Value = serde_json::from_str(&text).ok()?;
        Some(report)
    }) else {
        return vec![Figure::new(TABLE, "the example did not run", f64::NAN, "")];
    };
    let figure = |name: &str, what: &'static str, unit, goal: Option<Goal>| {
        let figure = Figure::new(TABLE, what, report[name].as_f64()?, unit);
        Some(match goal {
            Some(goal) => figure.goal(goal),
            None => figure,
        })
    };
    [
        figure(
            "bytes_per_device_counted",
            "a hot record with its index, counted",
            "B",
            Some(Goal::AtMost(64.0)),
        ),
        figure(
            "bytes_per_device_resident",
            "a hot record with its index, resident",
            "B",
            None,
        ),
        figure(
            "peak_over_final",
            "peak to final size",
            "x",
            Some(Goal::AtMost(1.1)),
        ),
        figure(
            "allocations_per_second",
            "allocations staged and folded",
            "/s",
            Some(Goal::AtLeast(2e6)),
        ),
        figure(
            "noted_allocations_per_second",
            "the same, RequestID remembered",
            "/s",
            None,
        ),
        figure(
            "find_many_ns_at_10k",
            "find, in batches, 10 thousand devices",
            "ns",
            None,
        ),
        figure(
            "find_many_ns_at_10m",
            "find, in batches, 10 million devices",
            "ns",
            None,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `openssl speed`; nothing where it is not installed.
pub(crate) fn openssl() -> Vec<Figure> {
    let mut command = Command::new("openssl");
    command.args(["speed", "-seconds", "1", "-mr", "ecdsap256", "ecdhp256"]);
    let Some(text) = output(command) else {
        return Vec::new();
    };
    // Machine-readable lines: "+F4:index:bits:sign:verify", "+F5:index:bits:agree", in seconds or rates by version.
    let rate = |prefix: &str, field: usize| {
        let line = text.lines().find(|line| line.starts_with(prefix))?;
        let value: f64 = line.split(':').nth(field)?.parse().ok()?;
        Some(if value < 1.0 { 1.0 / value } else { value })
    };
    [
        ("+F4:", 3, "ECDSA P-256 sign"),
        ("+F4:", 4, "ECDSA P-256 verify"),
        ("+F5:", 3, "ECDH P-256"),
    ]
    .into_iter()
    .filter_map(|(prefix, field, what)| {
        Some(Figure::new(OPENSSL, what, rate(prefix, field)?, "/s"))
    })
    .collect()
}

/// Figures of `pytest-benchmark`, from its JSON.
pub(crate) fn python(path: &Path) -> Vec<Figure> {
    const SECTION: &str = "From Python";
    let Some(report) = std::fs::read(path)
        .ok()
        .and_then(|text| serde_json::from_slice::<Value>(&text).ok())
    else {
        return Vec::new();
    };
    let benchmarks = report["benchmarks"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    benchmarks
        .iter()
        .filter_map(|benchmark| {
            let info = &benchmark["extra_info"];
            let records = info["records"].as_f64()?;
            let median = benchmark["stats"]["median"].as_f64()?;
            Some(Figure::new(
                SECTION,
                info["what"].as_str()?,
                records / median,
                "records/s",
            ))
        })
        .collect()
}

fn output(mut command: Command) -> Option<String> {
    let output = command.output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
