//! What the wire format costs: messages read and built, certificates read.

use std::hint::black_box;

use criterion::Criterion;
use criterion::criterion_group;
use criterion::criterion_main;
use slotkeeper_gbcs::Certificate;
use slotkeeper_gbcs::DeviceKind;
use slotkeeper_gbcs::Envelope;
use slotkeeper_gbcs::Message;
use slotkeeper_gbcs::UnsignedCommand;

#[path = "../tests/wire/samples.rs"]
#[expect(
    clippy::unwrap_used,
    reason = "shared with the tests, which may unwrap"
)]
mod samples;

fn codec(criterion: &mut Criterion) {
    let response = samples::handed_back_response();
    criterion.bench_function("decode response, 247 octets", |bencher| {
        bencher.iter(|| Message::decode(black_box(&response)).is_ok());
    });
    criterion.bench_function("decode envelope of that response", |bencher| {
        bencher.iter(|| Envelope::decode(black_box(&response)).is_ok());
    });

    let certificates = samples::operator_certificates();
    let payload = samples::handover(&certificates);
    let build = || UnsignedCommand::new(1, samples::ACB, samples::GPF, DeviceKind::Other, &payload);
    criterion.bench_function("build command", |bencher| {
        bencher.iter(|| black_box(build()).is_ok());
    });

    let command = build()
        .map(UnsignedCommand::into_octets)
        .unwrap_or_default();
    criterion.bench_function("decode command", |bencher| {
        bencher.iter(|| Message::decode(black_box(&command)).is_ok());
    });

    criterion.bench_function("parse certificate", |bencher| {
        bencher.iter(|| Certificate::parse(black_box(&certificates[0])).is_ok());
    });
}

criterion_group!(benches, codec);
criterion_main!(benches);
