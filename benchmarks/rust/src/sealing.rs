//! Sealed handover commands, against the cryptography that they cannot do without.

use std::collections::BTreeSet;
use std::hint::black_box;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::digest::{SHA256, digest};
use slotkeeper_engine::{Disposition, Engine, Reason};

use crate::batch::{End, Record, end, expect_only, stage};
use crate::figure::{Figure, Goal};
use crate::measure::{Samples, float, on_threads, timed};
use crate::synthetic::{AgreementPair, Devices, Kind, Parties, SigningPair, request};

const ROUNDS: usize = 24;
const COMMANDS: usize = 512;
/// What the KRP signature of a handover command with certificates of three parties covers.
const SIGNED_OCTETS: usize = 1_330;
/// What the KDF hashes for a MAC key: counter, secret, algorithm, both parties' information.
const KDF_OCTETS: usize = 4 + 32 + 7 + 8 + 2 + 8 + 8;

pub(crate) fn figures(parties: &Parties, threads: usize) -> Vec<Figure> {
    let devices = Devices::new();
    let mut figures = Vec::new();
    let mut sizes = Samples::default();
    for threads in BTreeSet::from([1, threads]) {
        figures.extend(on(parties, &devices, threads, &mut sizes));
    }
    figures.push(Figure::new(
        "octets of a command in its record, base64 and JSON included",
        sizes.median(),
        "B",
    ));
    figures
}

fn on(parties: &Parties, devices: &Devices, threads: usize, sizes: &mut Samples) -> Vec<Figure> {
    let floor = Floor {
        signing: &parties.acb_signing,
        agreement: AgreementPair::generate().private,
    };
    let mut engine = parties.engine(threads);
    let peers: Vec<[u8; 65]> = (0..ROUNDS * COMMANDS)
        .map(|_| AgreementPair::generate().point)
        .collect();
    for (peer, number) in peers.iter().zip(0..) {
        let device = Devices::eui(Kind::Gpf, number);
        let record = devices.record_with_key(Kind::Gpf, device, peer);
        engine.load_inventory(&[(Some(device.canonical().to_vec()), Some(record))]);
    }
    engine.open().unwrap();

    let (mut alone, mut whole) = (Samples::default(), Samples::default());
    let (mut floor_rates, mut rates) = (Samples::default(), Samples::default());
    for (round, peers) in peers.chunks(COMMANDS).enumerate() {
        let records: Vec<Record> = (round * COMMANDS..)
            .take(COMMANDS)
            .map(|number| {
                let device = Devices::eui(Kind::Gpf, number as u64);
                Record::request(device, request(parties, device, 1_000))
            })
            .collect();
        let before = floor.seconds(threads, peers);
        let (stage_seconds, seal_seconds) = sealed(&mut engine, &records, sizes);
        let after = floor.seconds(threads, peers);
        let least = f64::midpoint(before, after);
        alone.push(least / seal_seconds);
        whole.push(least / (stage_seconds + seal_seconds));
        floor_rates.push(float(COMMANDS) / least);
        rates.push(float(COMMANDS) / (stage_seconds + seal_seconds));
    }
    let on = |what: &str| {
        format!(
            "{what}, {threads} thread{}",
            if threads == 1 { "" } else { "s" }
        )
    };
    vec![
        Figure::median(on("floor: sign, agree, one hash"), &floor_rates, "/s"),
        Figure::median(
            on("request to sealed command, staged, sealed, folded"),
            &rates,
            "/s",
        ),
        Figure::median(on("seal, to the floor"), &alone, "x").goal(Goal::AtLeast(0.85)),
        Figure::median(on("stage, seal and fold, to the floor"), &whole, "x"),
    ]
}

/// Seconds of staging and folding, and of sealing.
fn sealed(engine: &mut Engine, records: &[Record], sizes: &mut Samples) -> (f64, f64) {
    let (staging, mut staged) = timed(|| stage(engine, records));
    expect_only(&staged, &[(Disposition::Issued, Reason::Natural)]);
    let (sealing, result) = timed(|| staged.seal());
    result.unwrap();
    let octets = staged
        .commands()
        .unwrap()
        .iter()
        .map(|command| float(command.value.as_deref().map_or(0, <[u8]>::len)));
    octets.for_each(|octets| sizes.push(octets));
    let (folding, ()) = timed(|| end(engine, staged, End::Fold));
    (staging + folding, sealing)
}

/// One signature, one agreement with a key not met before, and the hash of the KDF.
struct Floor<'a> {
    signing: &'a SigningPair,
    agreement: PrivateKey,
}

impl Floor<'_> {
    fn seconds(&self, threads: usize, peers: &[[u8; 65]]) -> f64 {
        let octets = vec![0xA5; SIGNED_OCTETS];
        timed(|| {
            on_threads(threads, peers, |peer| {
                black_box(self.signing.sign(&octets));
                let peer = UnparsedPublicKey::new(&ECDH_P256, peer.as_slice());
                agree(&self.agreement, peer, (), |secret| {
                    let mut input = [0; KDF_OCTETS];
                    input[4..36].copy_from_slice(secret);
                    black_box(digest(&SHA256, &input));
                    Ok(())
                })
                .unwrap();
            });
        })
        .0
    }
}
