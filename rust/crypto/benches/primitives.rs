//! What one sealed command costs at the least, piece by piece and as one unit.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails has no figure")]

use std::hint::black_box;

use aes_gcm::aead::consts::U12;
use aes_gcm::aes::Aes128;
use aes_gcm::{AeadInOut, AesGcm, KeyInit};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use p256::pkcs8::{EncodePrivateKey, LineEnding};
use slotkeeper_crypto::{
    AgreementKey, KeyAgreement, KrpSigner, MacContext, PublicKey, SharedSecret, SigningKey,
    acb_smd_mac, sha256, verify_krp,
};

/// Lengths of the 6.21 handover command in DCC's vectors, with certificates of three parties.
const SIGNED_OCTETS: usize = 1_328;
const MACED_OCTETS: usize = 1_394;
/// Length of a CS02b response, which is what repeats are recognised by.
const RESPONSE_OCTETS: usize = 250;

fn signatures(c: &mut Criterion) {
    let key = signing_key();
    let public = key.public_key();
    let compressed = public.compress();
    let octets = vec![0xa5; SIGNED_OCTETS];
    let signature = key.sign(&octets).unwrap();

    let mut group = c.benchmark_group("krp_signature");
    group.bench_function("sign", |b| b.iter(|| key.sign(black_box(&octets)).unwrap()));
    group.bench_function("verify, uncompressed key", |b| {
        b.iter(|| verify_krp(black_box(&public), &octets, &signature).unwrap());
    });
    group.bench_function("verify, compressed key", |b| {
        b.iter(|| verify_krp(black_box(&compressed), &octets, &signature).unwrap());
    });
    group.finish();
}

fn agreement(c: &mut Criterion) {
    let (acb, device) = agreement_keys();
    let mut group = c.benchmark_group("key_agreement");
    group.bench_function("agree", |b| {
        b.iter(|| acb.agree(black_box(&device)).unwrap());
    });
    group.bench_function("import a public key", |b| {
        b.iter(|| PublicKey::from_uncompressed(black_box(device.as_bytes())).unwrap());
    });
    group.finish();
}

/// The MAC, and what of it is the cipher: with the associated data in one piece as they are, and
/// copied behind their prefix.
fn macs(c: &mut Criterion) {
    let secret = SharedSecret::from_x_coordinate([7; 32]);
    let octets = vec![0xa5; MACED_OCTETS];
    let gmac = |associated_data: &[u8]| {
        AesGcm::<Aes128, U12, U12>::new(&[7; 16].into())
            .encrypt_inout_detached(&[1; 12].into(), associated_data, (&mut [][..]).into())
            .unwrap()
    };

    let mut group = c.benchmark_group("mac");
    group.bench_function("acb_smd_mac", |b| {
        b.iter(|| acb_smd_mac(&secret, &CONTEXT, black_box(&octets)));
    });
    group.bench_function("gmac alone, nothing copied", |b| {
        b.iter(|| gmac(black_box(&octets)));
    });
    group.bench_function("gmac alone, copied behind six octets", |b| {
        b.iter(|| {
            let mut copied = Vec::with_capacity(6 + octets.len());
            copied.extend_from_slice(&[0x11, 0, 0, 0, 0, 0]);
            copied.extend_from_slice(black_box(&octets));
            gmac(&copied)
        });
    });
    group.finish();
}

fn hashes(c: &mut Criterion) {
    for length in [RESPONSE_OCTETS, SIGNED_OCTETS] {
        let octets = vec![0xa5; length];
        let mut group = c.benchmark_group(format!("sha256 of {length}"));
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function("sha2, as chosen", |b| b.iter(|| sha256(black_box(&octets))));
        group.bench_function("aws-lc-rs", |b| {
            b.iter(|| {
                let digest =
                    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, black_box(&octets));
                <[u8; 32]>::try_from(digest.as_ref()).unwrap()
            });
        });
        group.finish();
    }
}

/// The floor of sealing: one signature, one agreement with a device not met before, one MAC, and the
/// hash by which the command is known. Whatever an engine adds comes on top.
fn floor(c: &mut Criterion) {
    let key = signing_key();
    let (acb, device) = agreement_keys();
    let signed = vec![0xa5; SIGNED_OCTETS];
    let maced = vec![0xa5; MACED_OCTETS];
    c.bench_function("floor of one sealed command", |b| {
        b.iter(|| {
            let signature = key.sign(black_box(&signed)).unwrap();
            let secret = acb.agree(black_box(&device)).unwrap();
            let mac = acb_smd_mac(&secret, &CONTEXT, &maced);
            (signature, mac, sha256(&maced))
        });
    });
}

fn signing_key() -> SigningKey {
    SigningKey::from_pem(pem([0x42; 32]).as_bytes()).unwrap()
}

fn agreement_keys() -> (AgreementKey, PublicKey) {
    let device = AgreementKey::from_pem(pem([0x17; 32]).as_bytes()).unwrap();
    (
        AgreementKey::from_pem(pem([0x42; 32]).as_bytes()).unwrap(),
        device.public_key(),
    )
}

fn pem(scalar: [u8; 32]) -> String {
    p256::SecretKey::from_slice(&scalar)
        .unwrap()
        .to_pkcs8_pem(LineEnding::LF)
        .unwrap()
        .to_string()
}

const CONTEXT: MacContext = MacContext {
    originator: [0x90; 8],
    cra: 1,
    originator_counter: 1_301,
    recipient: [0x00; 8],
};

criterion_group!(benches, signatures, agreement, macs, hashes, floor);
criterion_main!(benches);
