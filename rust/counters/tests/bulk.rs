//! Rows saved and loaded by the thousand: nothing is lost, and every device is found.

use proptest::prelude::*;
use slotkeeper_counters::{
    CellImage, CellSource, CounterTable, Cover, DEFAULT_CEILING, DeviceImage, LAST_COUNTER, Marks,
    MessageNote, Occupant, RequestNote, Role, RoleImage,
};

fn role() -> impl Strategy<Value = RoleImage> {
    let mark = || proptest::option::of(0..1_u64 << 62);
    let cell = (
        proptest::option::of((0..9_u64, proptest::option::of(any::<[u8; 8]>()))),
        any::<u32>(),
        any::<bool>(),
    )
        .prop_map(|(occupant, device_time, verified)| CellImage {
            occupant: occupant.map(|(eui, key_identifier)| Occupant {
                eui,
                key_identifier,
            }),
            device_time,
            verified,
            source: CellSource::Handover,
        });
    (mark(), mark(), mark(), [cell.clone(), cell]).prop_map(|(recorded, seen, issued, cells)| {
        RoleImage {
            marks: Marks {
                recorded,
                seen,
                issued,
            },
            cells,
        }
    })
}

prop_compose! {
    fn image()(
        device in 0..3_000_u64,
        version in 1..9_u32,
        flags in any::<u16>(),
        network_operator in role(),
        supplier in proptest::option::of(role()),
        messages in proptest::collection::vec((any::<u64>(), any::<[u8; 15]>(), any::<bool>()), 0..4),
        requests in proptest::collection::vec((any::<[bool; 2]>(), any::<[u64; 3]>()), 0..4),
        used in proptest::collection::vec((any::<bool>(), 0..=LAST_COUNTER), 0..20),
    ) -> DeviceImage {
        let role = |is_supplier| if is_supplier { Role::Supplier } else { Role::NetworkOperator };
        DeviceImage {
            device,
            version,
            flags,
            network_operator,
            supplier,
            messages: messages
                .into_iter()
                .map(|(identity, digest, verified)| MessageNote { identity, digest, verified })
                .collect(),
            requests: requests
                .into_iter()
                .map(|([is, imported], [originator, request_counter, issued])| RequestNote {
                    role: role(is),
                    imported,
                    issued: issued >> 1,
                    originator,
                    request_counter,
                })
                .collect(),
            covers: used
                .into_iter()
                .map(|(is, number)| (role(is), Cover::of(number, number, DEFAULT_CEILING)))
                .collect(),
            ..DeviceImage::default()
        }
    }
}

fn spelt_out(table: &CounterTable) -> Vec<String> {
    let occupant = |id| table.occupants().get(id);
    let role = |view: &slotkeeper_counters::DeviceView<'_>, role| {
        let state = view.role(role);
        let cells = state
            .cells
            .map(|cell| (occupant(cell.occupant), cell.device_time));
        let told = state.cells.map(|cell| (cell.source, cell.verified));
        format!("{:?} {cells:?} {told:?}", state.marks)
    };
    table
        .iter()
        .map(|view| {
            let found = table.find(view.device()).is_some();
            let roles = Role::ALL.map(|which| role(&view, which));
            let notes: (Vec<_>, Vec<_>, Vec<_>) = (
                view.messages().collect(),
                view.requests().collect(),
                Role::ALL.map(|role| view.cover(role)).into(),
            );
            let (version, flags) = (view.version(), view.flags());
            format!(
                "{} {found} {version} {flags} {roles:?} {notes:?}",
                view.device()
            )
        })
        .collect()
}

proptest! {
    #[test]
    fn what_was_saved_comes_back(
        images in proptest::collection::vec(image(), 0..300),
        slice in 1..200_usize,
        seeds in any::<[u64; 2]>(),
        is_reserved in any::<bool>(),
    ) {
        let mut table = CounterTable::new(seeds[0], DEFAULT_CEILING);
        table.ensure(5_000);
        for image in &images {
            table.restore(image);
        }
        let mut loaded = CounterTable::new(seeds[1], DEFAULT_CEILING);
        if is_reserved {
            loaded.reserve(table.len());
        }
        let mut numbers = Vec::new();
        for first in (0..table.len()).step_by(slice) {
            let mut octets = Vec::new();
            let saved: Vec<_> = table.save_rows(first..first + slice, &mut octets).collect();
            let mut rest = &octets[..];
            let rows: Vec<_> = loaded.load_rows(&mut rest).unwrap().collect();
            prop_assert!(rest.is_empty());
            prop_assert_eq!(&rows, &saved);
            numbers.extend(rows.into_iter().map(slotkeeper_counters::RowId::index));
            for cut in [0, octets.len() / 2, octets.len() - 1] {
                let mut other = CounterTable::new(1, DEFAULT_CEILING);
                prop_assert!(other.load_rows(&mut &octets[..cut]).is_err());
            }
        }
        prop_assert!(numbers.into_iter().eq(0..table.len()));
        prop_assert_eq!(spelt_out(&loaded), spelt_out(&table));
    }
}

#[test]
fn thousands_of_devices_are_found_again_and_no_others() {
    let scattered = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut table = CounterTable::new(3, DEFAULT_CEILING);
    for n in 0..100_000 {
        table.ensure(scattered(n));
    }
    let mut octets = Vec::new();
    drop(table.save_rows(0..table.len(), &mut octets));
    for reserved in [0, 100_000, 1_000_000] {
        let mut loaded = CounterTable::new(4, DEFAULT_CEILING);
        loaded.reserve(reserved);
        drop(loaded.load_rows(&mut &octets[..]).unwrap());
        assert_eq!(loaded.len(), table.len());
        for n in 0..100_000 {
            assert_eq!(loaded.find(scattered(n)), table.find(scattered(n)));
            assert_eq!(loaded.find(scattered(n + 100_000)), None);
        }
    }
}
