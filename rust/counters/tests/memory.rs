//! What a device costs, counted by the table and seen by the operating system.

use slotkeeper_counters::{
    CellImage, CellSource, CounterTable, DEFAULT_CEILING, DeviceImage, Lane, Marks, Occupant,
    RoleImage,
};

const DEVICES: u64 = 1_000_000;

/// The only test of this process, so that the memory of others does not count.
#[test]
fn a_device_takes_at_most_64_bytes_and_the_table_does_not_understate_it() {
    let before = resident_bytes();
    let mut table = CounterTable::new(1, DEFAULT_CEILING);
    let mut worst = 0;
    for number in 1..=DEVICES {
        table.restore(&recorded(number));
        // Below that, whole chunks and blocks show, and the total is small.
        if number > DEVICES / 2 && number % 1000 == 0 {
            worst = worst.max(table.memory_bytes() as u64 * 1000 / number);
        }
    }
    assert!(
        worst <= 64 * 1000,
        "{worst} thousandths of a byte a device while loading"
    );

    let (Some(before), Some(after)) = (before, resident_bytes()) else {
        println!("not compared with the resident memory, which /proc/self/status does not tell");
        return;
    };
    let resident = after - before;
    let counted = table.memory_bytes() as u64;
    assert!(
        resident <= counted + counted / 20,
        "resident {resident}, counted {counted}"
    );

    let keys = Lane::new([0_u8; 97]);
    assert_eq!(keys.memory_bytes(), 0, "a lane without values is free");
}

fn recorded(number: u64) -> DeviceImage {
    let cell = CellImage {
        occupant: Some(Occupant {
            eui: number % 8,
            key_identifier: Some([1; 8]),
        }),
        device_time: 1_700_000_000,
        verified: true,
        source: CellSource::Outcome,
    };
    DeviceImage {
        device: number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        version: 1,
        network_operator: RoleImage {
            marks: Marks {
                recorded: Some(number),
                seen: Some(number),
                issued: None,
            },
            cells: [cell; 2],
        },
        ..DeviceImage::default()
    }
}

fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}
