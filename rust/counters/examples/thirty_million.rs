//! Memory and speed of the table at the size of the whole gas fleet, as one JSON object.
//!
//! `cargo run --release -p slotkeeper-counters --example thirty_million [devices]`

#![expect(clippy::print_stdout, reason = "the result is the output")]
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures how long things take"
)]
#![expect(
    clippy::cast_precision_loss,
    reason = "rates and ratios need no 64 bits"
)]

#[path = "../benches/fleet/mod.rs"]
mod fleet;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use fleet::{loaded, scattered};
use slotkeeper_counters::{AllocationRequest, CounterTable, Ledger, Role};

const BATCH: usize = 1024;
const ALLOCATIONS: usize = 10_000 * BATCH;
const FINDS: usize = 10_000 * BATCH;

fn main() {
    let argument = std::env::args()
        .nth(1)
        .and_then(|devices| devices.parse().ok());
    let devices: u64 = argument.unwrap_or(30_000_000);
    let mut report = BTreeMap::new();
    report.insert("devices", devices as f64);

    let before = process_bytes("VmRSS:");
    let start = Instant::now();
    let table = loaded(devices);
    report.insert("load_seconds", start.elapsed().as_secs_f64());
    let resident = process_bytes("VmRSS:") - before;
    report.insert(
        "bytes_per_device_counted",
        table.memory_bytes() as f64 / devices as f64,
    );
    report.insert("bytes_per_device_resident", resident / devices as f64);
    report.insert(
        "peak_over_final",
        process_bytes("VmHWM:") / process_bytes("VmRSS:"),
    );
    let mut ledger = Ledger::new(table);
    report.insert(
        "allocations_per_second",
        allocation_rate(&mut ledger, devices),
    );

    drop(ledger);

    for (name, many_name, size) in [
        ("find_ns_at_10k", "find_many_ns_at_10k", 10_000.min(devices)),
        (
            "find_ns_at_10m",
            "find_many_ns_at_10m",
            10_000_000.min(devices),
        ),
    ] {
        let table = loaded(size);
        let (one, many) = find_cost(&table, size);
        report.insert(name, one);
        report.insert(many_name, many);
    }

    let lines: Vec<String> = report
        .iter()
        .map(|(name, value)| format!("  \"{name}\": {value:.3}"))
        .collect();
    println!("{{\n{}\n}}", lines.join(",\n"));
}

/// Nanoseconds a device that is looked up alone, and in batches.
fn find_cost(table: &CounterTable, devices: u64) -> (f64, f64) {
    let mut draw = Draw(5);
    let wanted: Vec<u64> = (0..FINDS).map(|_| scattered(draw.below(devices))).collect();
    let start = Instant::now();
    for &device in &wanted {
        black_box(table.find(device));
    }
    let one = start.elapsed().as_secs_f64();
    let mut rows = Vec::new();
    let start = Instant::now();
    for batch in wanted.chunks(BATCH) {
        table.find_many(batch, &mut rows);
        black_box(&rows);
    }
    let many = start.elapsed().as_secs_f64();
    (one * 1e9 / FINDS as f64, many * 1e9 / FINDS as f64)
}

/// Commands numbered a second: staged and folded in batches, for devices drawn at random.
fn allocation_rate(ledger: &mut Ledger, devices: u64) -> f64 {
    let mut draw = Draw(9);
    let wanted: Vec<u64> = (0..ALLOCATIONS)
        .map(|_| scattered(draw.below(devices)))
        .collect();
    let request = AllocationRequest {
        hint: Some(1),
        originator: 1,
        request_counter: 2,
    };
    let mut allocated = 0_u64;
    let start = Instant::now();
    for batch in wanted.chunks(BATCH) {
        ledger.prefetch(batch);
        for &device in batch {
            let allocation = ledger.allocate(device, Role::NetworkOperator, request);
            allocated += u64::from(allocation.is_ok());
        }
        ledger.fold();
    }
    allocated as f64 / start.elapsed().as_secs_f64()
}

/// SplitMix64.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scattered(self.0) % end
    }
}

/// A size of this process as Linux tells it, in bytes; 0 elsewhere.
fn process_bytes(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap_or_default();
    let kilobytes: f64 = line
        .split_whitespace()
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0.0);
    kilobytes * 1024.0
}
