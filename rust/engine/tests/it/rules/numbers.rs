//! Numbers at the edges: before the inventory, beyond the range, from a hint.

use slotkeeper_gbcs::{RemotePartyRole, ReplacementMode};

use crate::support::*;

const CEILING: u64 = 1 << 62;

#[test]
fn a_suppliers_number_counts_before_the_inventory_has_the_device() {
    let device = Device::new(GPF);
    let cells: Vec<_> = Cell::both(supplier(), &ACB[0])
        .into_iter()
        .map(|cell| cell.of(RemotePartyRole::Supplier))
        .collect();
    let own = |number| {
        Told::new(GPF, supplier(), number, cells.clone()).mode(ReplacementMode::SupplierBySupplier)
    };
    let mut host = Host::new("");
    let decided = host.outcome(&device, &own(5_000)).decide_one();
    assert_eq!(decided.verdict(), "NOT_RECORDED NOT_NETWORK_OPERATOR_ROLE");
    assert!(decided.has_flag("UNVERIFIED"));
    // Nobody has proven it, so it ends at the ceiling.
    host.outcome(&device, &own(CEILING + 1)).decide();
    host.restart();
    host.knows(&device).decide();
    let request = Request::of(GPF, 1, "Supplier", supplier()).hint(7);
    let decided = host.request(&request).decide_one();
    assert_eq!(decided.verdict(), "ISSUED WATERMARK_EXCEEDED");
    assert_eq!(decided.number("originator_counter"), Some(5_001));
}

#[test]
fn test_n22_a_header_beyond_the_range_is_no_smaller_number_either() {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, "");
    let beyond = (1 << 63) + 5_000;
    let own = Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[0])).header(beyond);
    let decided = host.outcome(&device, &own).decide_one();
    assert!(decided.has_flag("COUNTER_OUT_OF_RANGE"));
    assert_eq!(decided.number("recorded_counter"), Some(1_200));
    assert_eq!(decided.number("seen_counter"), Some(1_200));
    let acb = Told::new(GPF, &ACB[0], 1_300, Cell::both(&ACB[0], gno())).header(beyond);
    let decided = host.outcome(&device, &acb.at(1_700_000_001)).decide_one();
    assert_eq!(decided.number("seen_counter"), Some(1_300));
    let back = Told::new(GPF, gno(), 1_250, Cell::both(gno(), &ACB[0])).at(1_700_000_002);
    host.outcome(&device, &back).decide();
    let decided = host.request(&Request::new(GPF, 1).hint(1)).decide_one();
    assert_eq!(decided.number("originator_counter"), Some(1_301));
}

/// Without a floor a device starts the next operator at the command's number.
#[test]
fn a_hint_does_not_lock_the_next_operator_out() {
    let device = Device::new(GPF);
    for (hint, floor) in [
        (None, None),
        (Some(CEILING), Some("0")),
        (Some(7), Some("0")),
    ] {
        let mut host = Host::knowing(&device, "");
        let mut request = Request::new(GPF, 1);
        let members = request.json.as_object_mut().unwrap();
        members.remove("remote_party_floor_seq_number");
        if let Some(hint) = hint {
            request = request.hint(hint);
        }
        let decided = host.request(&request).decide_one();
        assert_eq!(decided.verdict(), "ISSUED NATURAL");
        let expected = hint.unwrap_or(host.now_ms);
        assert_eq!(decided.number("originator_counter"), Some(expected));
        assert_eq!(decided.has_flag("ABSENT_FLOOR_ZEROED"), floor.is_some());
        assert_eq!(decided.has_flag("ABSENT_FLOOR_OMITTED"), floor.is_none());
    }
}

#[test]
fn of_further_strangers_nothing_is_kept_but_what_is_parked() {
    let mut host = Host::new(r#"{"limits": {"strangers": 3}}"#);
    let tell = |host: &mut Host, device: u64| {
        let told = Told::new(device, gno(), 1_200, Cell::both(gno(), &ACB[0]));
        host.outcome(&Device::new(device), &told).decide_one()
    };
    let kept = |host: &Host| host.engine.statistics().strangers;
    for number in 1..=5 {
        let decided = tell(&mut host, GPF + number);
        assert_eq!(decided.verdict(), "PARKED UNKNOWN_DEVICE");
        assert_eq!(decided.has_flag("STRANGERS_FULL"), number > 3);
    }
    assert_eq!(kept(&host), 3);
    host.restart();
    assert_eq!(kept(&host), 3);
    // One that becomes known makes room, and is judged by what was parked.
    host.knows(&Device::new(GPF + 5)).decide();
    let decided = host.request(&Request::new(GPF + 5, 1).hint(1)).decide_one();
    assert_eq!(decided.number("originator_counter"), Some(1_201));
    host.knows(&Device::new(GPF + 1)).decide();
    assert_eq!(kept(&host), 2);
    assert!(!tell(&mut host, GPF + 6).has_flag("STRANGERS_FULL"));
    host.reload();
    assert_eq!(kept(&host), 3);
}
