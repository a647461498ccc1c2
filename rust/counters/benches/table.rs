//! Lookup, allocation, record images and restoring, at sizes that a laptop holds.
//!
//! The size of the whole fleet is the example `thirty_million`.

mod fleet;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use fleet::{loaded, recorded, scattered};
use slotkeeper_counters::{
    AllocationRequest, CounterTable, DEFAULT_CEILING, DeviceImage, Ledger, Role,
};

const BATCH: u64 = 1024;

fn lookup(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lookup");
    group.throughput(Throughput::Elements(BATCH));
    for size in [10_000, 1_000_000] {
        let table = loaded(size);
        let mut batches = Batches { size, number: 0 };
        group.bench_function(format!("find/{size}"), |bencher| {
            bencher.iter_batched_ref(
                || batches.next(),
                |devices| {
                    devices
                        .iter()
                        .filter(|&&device| table.find(device).is_some())
                        .count()
                },
                BatchSize::SmallInput,
            );
        });
        let mut rows = Vec::new();
        group.bench_function(format!("find_many/{size}"), |bencher| {
            bencher.iter_batched_ref(
                || batches.next(),
                |devices| {
                    table.find_many(devices, &mut rows);
                    black_box(&rows);
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn allocation(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("allocation");
    group.throughput(Throughput::Elements(BATCH));
    let size = 1_000_000;
    let mut batches = Batches { size, number: 0 };
    for (name, images) in [
        ("stage and fold", false),
        ("stage, write images and fold", true),
    ] {
        let mut ledger = Ledger::new(loaded(size));
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(
                || batches.next(),
                |devices| {
                    stage(&mut ledger, devices);
                    if images {
                        for device in ledger.changed() {
                            black_box(ledger.image(device).encode());
                        }
                    }
                    ledger.fold();
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn images(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("image");
    group.throughput(Throughput::Elements(1));
    let image = recorded(1);
    let bytes = image.encode();
    group.bench_function("encode", |bencher| {
        bencher.iter(|| black_box(&image).encode());
    });
    group.bench_function("decode", |bencher| {
        bencher.iter(|| DeviceImage::decode(black_box(&bytes), DEFAULT_CEILING));
    });
    group.throughput(Throughput::Elements(BATCH));
    group.bench_function("decode and restore", |bencher| {
        let records: Vec<Vec<u8>> = (0..BATCH).map(|number| recorded(number).encode()).collect();
        bencher.iter_batched_ref(
            || CounterTable::new(1, DEFAULT_CEILING),
            |table| {
                for record in &records {
                    if let Ok(image) = DeviceImage::decode(record, DEFAULT_CEILING) {
                        black_box(table.restore(&image));
                    }
                }
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn stage(ledger: &mut Ledger, devices: &[u64]) {
    ledger.prefetch(devices);
    for (&device, request_counter) in devices.iter().zip(0..) {
        let request = AllocationRequest {
            hint: None,
            originator: 1,
            request_counter,
        };
        let allocation = ledger.allocate(device, Role::NetworkOperator, request);
        black_box(allocation).ok();
    }
}

/// Devices drawn at random, other ones in each batch.
struct Batches {
    size: u64,
    number: u64,
}

impl Batches {
    fn next(&mut self) -> Vec<u64> {
        self.number += 1;
        let first = self.number * BATCH;
        (first..first + BATCH)
            .map(|n| scattered(scattered(n) % self.size))
            .collect()
    }
}

criterion_group!(benches, lookup, allocation, images);
criterion_main!(benches);
