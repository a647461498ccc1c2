//! What one outcome costs in partitions of ten thousand to ten million devices.

use serde::Serialize;
use slotkeeper_engine::{Disposition, Engine, Reason};
use slotkeeper_gbcs::{Eui64, KeyIdentifier};

use crate::batch::{BATCH, End, Record, end, expect_only, stage};
use crate::figure::{Figure, Goal};
use crate::measure::{Samples, float, timed};
use crate::synthetic::{Cells, Devices, Kind, Outcome, Parties};

const SIZES: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
/// Of three devices one is a GPF: a gas meter brings one, beside an ESME, and others.
const GPF_EVERY: u64 = 3;
const BATCHES: usize = 96;
/// Signed messages take long to make.
const SIGNED_BATCHES: usize = 24;
const BATCHES_A_TURN: usize = 8;

/// Nanoseconds an outcome at each size.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Curve {
    pub(crate) what: &'static str,
    pub(crate) points: Vec<(u64, f64)>,
}

/// What kind of outcome is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Load {
    /// Irrelevant by the message alone.
    ByMessage,
    /// The device has to be looked up to know that it is no GPF.
    NotGpf,
    /// The device's signature is checked, and its record written.
    Recorded,
    /// The same octets again.
    Duplicate,
}

const LOADS: [Load; 4] = [
    Load::ByMessage,
    Load::NotGpf,
    Load::Recorded,
    Load::Duplicate,
];

pub(crate) fn figures(parties: &Parties) -> (Vec<Figure>, Vec<Curve>) {
    let devices = Devices::new();
    let (load_seconds, mut engines) = timed(|| {
        SIZES
            .iter()
            .map(|size| loaded(parties, &devices, *size))
            .collect::<Vec<_>>()
    });
    let recorded: Vec<_> = SIZES
        .iter()
        .map(|size| Load::Recorded.records(parties, &devices, *size))
        .collect();
    let curves: Vec<Curve> = LOADS
        .iter()
        .map(|load| {
            let records: Vec<_> = match load {
                Load::ByMessage | Load::NotGpf => SIZES
                    .iter()
                    .map(|size| load.records(parties, &devices, *size))
                    .collect(),
                Load::Recorded | Load::Duplicate => Vec::new(),
            };
            let records = if records.is_empty() {
                &recorded
            } else {
                &records
            };
            let points = SIZES
                .into_iter()
                .zip(costs(&mut engines, records, *load))
                .collect();
            Curve {
                what: load.name(),
                points,
            }
        })
        .collect();
    let mut figures: Vec<Figure> = curves.iter().flat_map(Curve::figures).collect();
    let all: u64 = SIZES.iter().sum();
    figures.push(Figure::new(
        "inventory records loaded, certificates made and checked",
        float(usize::try_from(all).unwrap_or(0)) / load_seconds,
        "/s",
    ));
    (figures, curves)
}

fn loaded(parties: &Parties, devices: &Devices, size: u64) -> Engine {
    let mut engine = parties.engine(1);
    for number in 0..size {
        let (kind, device) = device(number);
        engine.load_inventory(&[(
            Some(device.canonical().to_vec()),
            Some(devices.record(kind, device)),
        )]);
    }
    engine.open().unwrap();
    engine
}

impl Curve {
    fn figures(&self) -> Vec<Figure> {
        let (Some((_, first)), Some((_, last))) = (self.points.first(), self.points.last()) else {
            return Vec::new();
        };
        vec![
            Figure::new(
                format!("{}, at 10 million devices to 10 thousand", self.what),
                last / first,
                "x",
            )
            .goal(Goal::AtMost(1.5)),
            Figure::new(format!("{}, at 10 million devices", self.what), *last, "ns"),
        ]
    }
}

impl Load {
    const fn name(self) -> &'static str {
        match self {
            Self::ByMessage => "irrelevant by the message",
            Self::NotGpf => "not a GPF",
            Self::Recorded => "verified and recorded",
            Self::Duplicate => "repeated",
        }
    }

    const fn decision(self) -> (Disposition, Reason) {
        match self {
            Self::ByMessage => (Disposition::NotRecorded, Reason::NotNetworkOperatorRole),
            Self::NotGpf => (Disposition::NotRecorded, Reason::NotGpf),
            Self::Recorded => (Disposition::Recorded, Reason::AcbInSlot),
            Self::Duplicate => (Disposition::Duplicate, Reason::SameMessage),
        }
    }

    const fn end(self) -> End {
        match self {
            Self::Recorded => End::Fold,
            Self::ByMessage | Self::NotGpf | Self::Duplicate => End::Discard,
        }
    }

    /// Messages of devices drawn from all. In a small partition some devices come again with another number; never so
    /// often that a message is forgotten before it is repeated.
    fn records(self, parties: &Parties, devices: &Devices, size: u64) -> Vec<Record> {
        let (cells, count) = match self {
            Self::ByMessage => (Cells::Root, BATCHES),
            Self::NotGpf => (Cells::HandedBack([KeyIdentifier([1; 8]); 2]), BATCHES),
            Self::Recorded | Self::Duplicate => {
                (Cells::HandedBack(parties.acb_identifiers), SIGNED_BATCHES)
            }
        };
        let wants_gpf = matches!(self, Self::Recorded | Self::Duplicate);
        let of_kind = if wants_gpf {
            size / GPF_EVERY
        } else {
            size / GPF_EVERY * (GPF_EVERY - 1)
        };
        (0..(count * BATCH) as u64)
            .map(|place| {
                // A stride that is prime and no divisor of any size visits each device once before any twice.
                let drawn = (place * 7_368_787 + size) % of_kind;
                let number = if wants_gpf {
                    drawn * GPF_EVERY
                } else {
                    drawn / 2 * GPF_EVERY + 1 + drawn % 2
                };
                let (_, device) = device(number);
                let outcome = Outcome {
                    device,
                    counter: 1_767_225_600_000 + place,
                    cells,
                };
                let key = wants_gpf.then_some(&devices.signing);
                Record::message(device, outcome.message(key))
            })
            .collect()
    }
}

fn device(number: u64) -> (Kind, Eui64) {
    let kind = if number.is_multiple_of(GPF_EVERY) {
        Kind::Gpf
    } else {
        Kind::Esme
    };
    (kind, Devices::eui(kind, number))
}

/// Nanoseconds a record in each engine, the median of batches. The engines take turns, so that whatever else the
/// machine does falls on all of them, for so many batches that each works in caches of its own.
fn costs(engines: &mut [Engine], records: &[Vec<Record>], load: Load) -> Vec<f64> {
    let mut samples = vec![Samples::default(); engines.len()];
    let batches = records.iter().map(|of_one| of_one.len() / BATCH).max();
    for first in (0..batches.unwrap_or(0)).step_by(BATCHES_A_TURN) {
        for ((engine, records), samples) in engines.iter_mut().zip(records).zip(&mut samples) {
            let batches = records.chunks_exact(BATCH);
            for records in batches.skip(first).take(BATCHES_A_TURN) {
                let (seconds, ()) = timed(|| {
                    let staged = stage(engine, records);
                    expect_only(&staged, &[load.decision()]);
                    end(engine, staged, load.end());
                });
                samples.push(seconds * 1e9 / float(BATCH));
            }
        }
    }
    samples.iter().map(Samples::median).collect()
}
