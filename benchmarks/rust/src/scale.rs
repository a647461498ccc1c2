//! What one outcome costs in partitions of ten thousand to ten million devices.

use serde::Serialize;
use slotkeeper_engine::{Disposition, Engine, Reason};
use slotkeeper_gbcs::{Eui64, KeyIdentifier};

use crate::batch::{BATCH, End, Record, end, expect_only, stage};
use crate::figure::{Figure, Goal};
use crate::measure::{Samples, float, timed};
use crate::synthetic::{Cells, Devices, Kind, Outcome, Parties};

const SECTION: &str = "Size of the partition";
const SIZES: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
/// Of three devices one is a GPF: a gas meter brings one, beside an ESME, and others.
const GPF_EVERY: u64 = 3;
const BATCHES: usize = 64;
/// Signed messages take long to make.
const SIGNED_BATCHES: usize = 16;
/// Twice the last-level cache of a large server core complex; written through so that rows are cold.
const EVICTION_OCTETS: usize = 64 << 20;

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
    let mut engine = parties.engine(1);
    let mut curves: Vec<Curve> = LOADS
        .iter()
        .map(|load| Curve {
            what: load.name(),
            points: Vec::new(),
        })
        .collect();
    let mut loaded = 0;
    let mut load_seconds = 0.0;
    for size in SIZES {
        let (seconds, ()) = timed(|| {
            for number in loaded..size {
                let (kind, device) = device(number);
                engine.load_inventory(
                    Some(&device.canonical()),
                    Some(&devices.record(kind, device)),
                );
            }
        });
        load_seconds += seconds;
        loaded = size;
        engine.open().unwrap();
        let recorded = Load::Recorded.records(parties, &devices, size);
        for (load, curve) in LOADS.iter().zip(&mut curves) {
            let nanoseconds = match load {
                Load::ByMessage | Load::NotGpf => {
                    let records = load.records(parties, &devices, size);
                    cost(&mut engine, &records, *load, End::Discard)
                }
                Load::Recorded => cost(&mut engine, &recorded, *load, End::Fold),
                Load::Duplicate => cost(&mut engine, &recorded, *load, End::Discard),
            };
            curve.points.push((size, nanoseconds));
        }
    }
    let mut figures: Vec<Figure> = curves.iter().flat_map(Curve::figures).collect();
    figures.push(Figure::new(
        SECTION,
        "inventory records loaded, certificates made and checked",
        10_000_000.0 / load_seconds,
        "/s",
    ));
    (figures, curves)
}

impl Curve {
    fn figures(&self) -> Vec<Figure> {
        let (Some((_, first)), Some((_, last))) = (self.points.first(), self.points.last()) else {
            return Vec::new();
        };
        vec![
            Figure::new(
                SECTION,
                format!("{}, at 10 million devices to 10 thousand", self.what),
                last / first,
                "x",
            )
            .goal(Goal::AtMost(1.5)),
            Figure::new(
                SECTION,
                format!("{}, at 10 million devices", self.what),
                *last,
                "ns",
            ),
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

    /// Messages of devices drawn from all, no two of one device where they are recorded.
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
            size - size / GPF_EVERY
        };
        let count = ((count * BATCH) as u64).min(if wants_gpf { of_kind } else { u64::MAX });
        (0..count)
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
                    counter: 1_767_225_600_000 + size,
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

/// Nanoseconds a record, the median of batches; nothing of the devices is in the caches.
fn cost(engine: &mut Engine, records: &[Record], load: Load, how: End) -> f64 {
    std::hint::black_box(vec![1_u8; EVICTION_OCTETS]);
    let mut samples = Samples::default();
    for batch in records.chunks(BATCH) {
        let (seconds, ()) = timed(|| {
            let staged = stage(engine, batch);
            expect_only(&staged, &[load.decision()]);
            end(engine, staged, how);
        });
        samples.push(seconds * 1e9 / float(batch.len()));
    }
    samples.median()
}
