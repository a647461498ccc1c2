//! A fleet of recorded GPFs, for the bench and the example.

use slotkeeper_counters::{
    CellImage, CellSource, CounterTable, DEFAULT_CEILING, DeviceImage, Marks, Occupant, RoleImage,
};

/// A table of so many, each as a changelog would have it.
pub(crate) fn loaded(size: u64) -> CounterTable {
    let mut table = CounterTable::new(1, DEFAULT_CEILING);
    for number in 0..size {
        table.restore(&recorded(number));
    }
    table
}

pub(crate) fn recorded(number: u64) -> DeviceImage {
    let cell = CellImage {
        occupant: Some(Occupant {
            eui: number % 8,
            key_identifier: Some([1; 8]),
        }),
        device_time: 1_700_000_000,
        verified: true,
        source: CellSource::Outcome,
    };
    let counter = Some(1_700_000_000_000 + number);
    DeviceImage {
        device: scattered(number),
        version: 1,
        network_operator: RoleImage {
            marks: Marks {
                recorded: counter,
                seen: counter,
                issued: None,
            },
            cells: [cell; 2],
        },
        ..DeviceImage::default()
    }
}

/// A bijection of 64 bits (the finalizer of SplitMix64), so that EUIs differ and look random.
pub(crate) fn scattered(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}
