//! Outcomes that change nothing, decided on one thread, audit record included. What it takes to link these, `chain.rs`
//! tells.

use slotkeeper_engine::{Disposition, Engine, Reason};
use slotkeeper_gbcs::Eui64;

use crate::batch::{BATCH, End, Record, end, expect_only, stage};
use crate::figure::{Figure, Goal};
use crate::measure::{Samples, float, timed};
use crate::synthetic::{Cells, Devices, Kind, Outcome, Parties, json_outcome};

/// As many messages as do not fit the caches of a core: 32 batches, 8 MB of messages.
const BATCHES: usize = 32;
pub(crate) const ROUNDS: usize = 12;
/// Known devices; most of a fleet are no GPFs.
const DEVICES: u64 = 100_000;

pub(crate) fn figures(parties: &Parties) -> Vec<Figure> {
    let mut engine = engine(parties);
    let bare = messages();
    let json = batches(|device, message, place| {
        if place % 5 == 4 {
            Record::json(device, br#"{"request_id":"02-1A-B0-00-00-03-00-01:02-1A-B0-01-00-00-00-00:1200","response_code":"E64","received_at":"2026-11-22T08:00:00Z"}"#.to_vec())
        } else {
            Record::json(device, json_outcome(device, &message))
        }
    });
    // Interleaved, so that whatever else the machine does falls on both; a sample is one batch.
    let (mut bare_rates, mut json_rates) = (Samples::default(), Samples::default());
    for _ in 0..ROUNDS {
        for (bare, json) in bare.iter().zip(&json) {
            bare_rates.push(rate(&mut engine, bare));
            json_rates.push(rate(&mut engine, json));
        }
    }
    vec![
        Figure::median("from GBCS bytes, one thread", &bare_rates, "/s")
            .goal(Goal::AtLeast(1_000_000.0)),
        Figure::median("from JSON bytes, one thread", &json_rates, "/s")
            .goal(Goal::AtLeast(300_000.0)),
    ]
}

/// One that knows the devices whose outcomes are decided.
pub(crate) fn engine(parties: &Parties) -> Engine {
    let devices = Devices::new();
    let mut engine = parties.engine(1);
    for number in 0..DEVICES {
        let kind = if number % 3 == 0 {
            Kind::Gpf
        } else {
            Kind::Esme
        };
        let device = Devices::eui(kind, number);
        engine.load_inventory(&[(
            Some(device.canonical().to_vec()),
            Some(devices.record(kind, device)),
        )]);
    }
    engine.open().unwrap();
    engine
}

/// The outcomes, as messages by themselves.
pub(crate) fn messages() -> Vec<Vec<Record>> {
    batches(|device, message, _| Record::message(device, message))
}

/// Of five, three are a supplier's, one a network operator's, one accepts a future-dated command; all of ESMEs.
fn batches(record: impl Fn(Eui64, Vec<u8>, usize) -> Record) -> Vec<Vec<Record>> {
    (0..BATCHES)
        .map(|batch| {
            (0..BATCH)
                .map(|place| {
                    let number = (batch * BATCH + place) as u64 * 3 + 1;
                    let device = Devices::eui(Kind::Esme, number % (DEVICES - 1));
                    let cells = match place % 5 {
                        0..3 => Cells::SupplierRenewed,
                        3 => Cells::HandedBack([slotkeeper_gbcs::KeyIdentifier([1; 8]); 2]),
                        _ => Cells::None,
                    };
                    let outcome = Outcome {
                        device,
                        counter: 1_767_225_600_000 + number,
                        cells,
                    };
                    record(device, outcome.message(None), place)
                })
                .collect()
        })
        .collect()
}

fn rate(engine: &mut Engine, records: &[Record]) -> f64 {
    let (seconds, ()) = timed(|| {
        let staged = stage(engine, records);
        expect_only(&staged, &IRRELEVANT);
        end(engine, staged, End::Discard);
    });
    float(records.len()) / seconds
}

pub(crate) const IRRELEVANT: [(Disposition, Reason); 4] = [
    (Disposition::NotRecorded, Reason::NotNetworkOperatorRole),
    (Disposition::NotRecorded, Reason::NotGpf),
    (Disposition::NotRecorded, Reason::NoOutcome),
    (Disposition::NotRecorded, Reason::ErrorResponse),
];
