//! Outcomes that are recorded, against bare verification of the same signatures.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use slotkeeper_crypto::PublicKey;
use slotkeeper_engine::{Disposition, Reason};
use slotkeeper_gbcs::Envelope;

use crate::batch::{BATCH, End, Record, end, expect_only, stage};
use crate::figure::{Figure, Goal};
use crate::measure::{Samples, float, on_threads, timed};
use crate::synthetic::{Cells, Devices, Kind, Outcome, Parties};

const ROUNDS: u64 = 16;

/// What is verified of a message.
struct Signed {
    octets: Vec<u8>,
    signature: [u8; 64],
}

pub(crate) fn figures(parties: &Parties, threads: usize) -> Vec<Figure> {
    let devices = Devices::new();
    let mut engine = parties.engine(threads);
    let eui = |number| Devices::eui(Kind::Gpf, number);
    for number in 0..ROUNDS * BATCH as u64 {
        let device = eui(number);
        engine.load_inventory(&[(
            Some(device.canonical().to_vec()),
            Some(devices.record(Kind::Gpf, device)),
        )]);
    }
    engine.open().unwrap();
    let uncompressed = PublicKey::from_uncompressed(&devices.signing.point).unwrap();
    let compressed = uncompressed.compress();
    let kept = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, compressed.0);
    let longer = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, *uncompressed.as_bytes());

    let mut rates = Samples::default();
    let (mut to_kept, mut to_longer) = (Samples::default(), Samples::default());
    for round in 0..ROUNDS {
        let (records, signed): (Vec<_>, Vec<_>) = (0..BATCH as u64)
            .map(|place| {
                let device = eui(round * BATCH as u64 + place);
                let outcome = Outcome {
                    device,
                    counter: 1_200,
                    cells: Cells::HandedBack(parties.acb_identifiers),
                };
                let message = outcome.message(Some(&devices.signing));
                let signed = Signed {
                    octets: Envelope::decode(&message).unwrap().signed_octets().to_vec(),
                    signature: *message.last_chunk().unwrap(),
                };
                (Record::message(device, message), signed)
            })
            .unzip();
        let bare = |key: &UnparsedPublicKey<_>| {
            timed(|| {
                on_threads(threads, &signed, |one| {
                    key.verify(&one.octets, &one.signature).unwrap();
                });
            })
            .0
        };
        let before = bare(&kept);
        let (judged, ()) = timed(|| {
            let staged = stage(&mut engine, &records);
            expect_only(&staged, &[(Disposition::Recorded, Reason::AcbInSlot)]);
            end(&mut engine, staged, End::Fold);
        });
        let with_longer = timed(|| {
            on_threads(threads, &signed, |one| {
                longer.verify(&one.octets, &one.signature).unwrap();
            });
        })
        .0;
        let after = bare(&kept);
        rates.push(float(BATCH) / judged);
        to_kept.push(f64::midpoint(before, after) / judged);
        to_longer.push(with_longer / judged);
    }
    let on = |what: &str| format!("{what}, {threads} threads");
    vec![
        Figure::median(on("recorded, staged and folded"), &rates, "/s"),
        Figure::median(
            on("to bare verification, key as it is kept (compressed)"),
            &to_kept,
            "x",
        )
        .goal(Goal::AtLeast(0.85)),
        Figure::median(
            on("to bare verification, uncompressed key"),
            &to_longer,
            "x",
        ),
    ]
}
