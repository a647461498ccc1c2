//! What a device costs in memory: counted by the engine, and as the operating system sees it.

use std::fs;

use slotkeeper_engine::Engine;

use crate::figure::{Figure, Goal};
use crate::measure::float;
use crate::synthetic::{Devices, Kind, Parties};

const DEVICES: usize = 2_000_000;

pub(crate) fn figures(parties: &Parties) -> Vec<Figure> {
    let devices = Devices::new();
    let mut engine = parties.engine(1);
    let mut figures = Vec::new();
    for (kind, what, most) in [
        (Kind::Gpf, "a GPF with both public keys", 176.0),
        (Kind::Esme, "another device", 24.0),
    ] {
        let before = (counted(&engine), resident("VmRSS:"));
        for number in 0..DEVICES as u64 {
            let device = Devices::eui(kind, number);
            engine.load_inventory(&[(
                Some(device.canonical().to_vec()),
                Some(devices.record(kind, device)),
            )]);
        }
        let after = (counted(&engine), resident("VmRSS:"));
        figures.push(
            Figure::new(
                format!("{what}, counted"),
                (after.0 - before.0) / float(DEVICES),
                "B",
            )
            .goal(Goal::AtMost(most)),
        );
        if let (Some(before), Some(after)) = (before.1, after.1) {
            figures.push(Figure::new(
                format!("{what}, resident"),
                (after - before) / float(DEVICES),
                "B",
            ));
        }
    }
    figures
}

fn counted(engine: &Engine) -> f64 {
    let statistics = engine.statistics();
    float(statistics.table_bytes + statistics.directory_bytes)
}

/// A size of this process in octets, where the system is Linux.
fn resident(name: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1_024.0)
}
