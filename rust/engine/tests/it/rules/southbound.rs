//! What goes down and comes back: signed pre-commands, and the outcomes of handovers.

use slotkeeper_counters::Role;
use slotkeeper_gbcs::{KeyUsage, ReplacementMode};

use crate::support::*;

fn known() -> (Device, Host) {
    let device = Device::new(GPF);
    let host = Host::knowing(&device, "");
    (device, host)
}

/// A pre-command of the operator that puts the ACB's certificates there.
fn hand_back(number: u64) -> Vec<u8> {
    let told = Told::new(GPF, gno(), number, Vec::new());
    told.pre_command(&[
        (&ACB[0].ds, KeyUsage::DigitalSignature),
        (&ACB[0].ka, KeyUsage::KeyAgreement),
    ])
}

fn going_down(host: &mut Host, octets: Vec<u8>) -> Decided {
    host.message(Stream::UpdateRequests, GPF, octets)
        .decide_one()
}

#[test]
fn test_n16_a_lost_response_costs_nothing() {
    let (device, mut host) = known();
    let bought = Told::new(GPF, next_gno(), 7, Cell::both(next_gno(), gno()));
    host.outcome(&device, &bought).decide();
    let request = Request::new(GPF, 1).hint(1);
    assert_eq!(
        host.request(&request).decide_one().verdict(),
        "REFUSED NOT_DCC_CONTROLLED"
    );
    let decided = going_down(&mut host, hand_back(1_200));
    assert_eq!(decided.verdict(), "SEEN PRE_COMMAND");
    assert_eq!(decided.number("seen_counter"), Some(1_200));
    assert_eq!(decided.number("recorded_counter"), None);
    // It may have left by now.
    assert_eq!(decided.0["slot"]["state"], "NETWORK_OPERATOR");
    let decided = host.request(&request).decide_one();
    assert_eq!(decided.number("originator_counter"), Some(1_201));
}

#[test]
fn a_pre_command_seen_before_or_too_late_changes_nothing() {
    let (device, mut host) = known();
    let octets = hand_back(1_200);
    going_down(&mut host, octets.clone());
    assert_eq!(
        going_down(&mut host, octets.clone()).verdict(),
        "DUPLICATE SAME_MESSAGE"
    );
    let failed = Cell::both(gno(), &ACB[0])
        .into_iter()
        .map(Cell::failed)
        .collect();
    for (cells, state) in [
        (Cell::both(gno(), &ACB[0]), "ACB"),
        (failed, "NETWORK_OPERATOR"),
    ] {
        let (_, mut late) = known();
        let outcome = Told::new(GPF, gno(), 1_200, cells);
        late.outcome(&device, &outcome).decide();
        let decided = going_down(&mut late, octets.clone());
        assert_eq!(decided.verdict(), "SEEN PRE_COMMAND");
        assert_eq!(decided.0["slot"]["state"], state);
    }
}

/// The operator tries once more before it hears that the ACB stands in its slot: the device will refuse that, and the
/// key for the slot stays known.
#[test]
fn an_unanswered_pre_command_leaves_the_acbs_cells_as_they_are() {
    let (device, mut host) = known();
    let outcome = Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[0]));
    host.outcome(&device, &outcome).decide();
    let decided = going_down(&mut host, hand_back(1_300));
    assert_eq!(decided.verdict(), "SEEN PRE_COMMAND");
    assert_eq!(decided.number("seen_counter"), Some(1_300));
    assert_eq!(decided.0["slot"]["state"], "ACB");
}

#[test]
fn a_pre_command_is_believed_up_to_the_ceiling() {
    let (_, mut host) = known();
    let decided = going_down(&mut host, hand_back(1 << 62));
    assert_eq!(decided.number("seen_counter"), Some(1 << 62));
    let decided = going_down(&mut host, hand_back((1 << 62) + 1));
    assert_eq!(decided.verdict(), "SEEN PRE_COMMAND");
    assert!(decided.has_flag("ABOVE_CEILING"));
    assert_eq!(decided.number("seen_counter"), Some(1 << 62));
}

#[test]
fn other_pre_commands_are_not_ours() {
    let (_, mut host) = known();
    let told = Told::new(GPF, supplier(), 9, Vec::new()).mode(ReplacementMode::SupplierBySupplier);
    let octets = told.pre_command(&[(&supplier().ds, KeyUsage::DigitalSignature)]);
    let decided = going_down(&mut host, octets);
    assert_eq!(decided.verdict(), "NOT_RECORDED NOT_NETWORK_OPERATOR_ROLE");
    // Renewal: the number counts, the cell stays.
    let octets = Told::new(GPF, gno(), 50, Vec::new())
        .pre_command(&[(&gno().ds, KeyUsage::DigitalSignature)]);
    assert_eq!(
        going_down(&mut host, octets).number("seen_counter"),
        Some(50)
    );
}

#[test]
fn test_s12_handovers_end_in_every_way() {
    let to_next = || Cell::both(&ACB[0], next_gno());
    let failed = |cells: Vec<Cell>| cells.into_iter().map(Cell::failed).collect::<Vec<_>>();
    for (cells, verdict, state) in [
        (
            to_next(),
            "HANDOVER_CONFIRMED SLOT_CHANGED",
            "NETWORK_OPERATOR",
        ),
        (
            vec![Cell::ds(&ACB[0], next_gno())],
            "HANDOVER_CONFIRMED PARTIAL_DS",
            "NETWORK_OPERATOR",
        ),
        (
            vec![
                Cell::ds(&ACB[0], next_gno()),
                Cell::ka(&ACB[0], next_gno()).failed(),
            ],
            "HANDOVER_CONFIRMED PARTIAL_DS",
            "PARTIAL",
        ),
        (
            vec![
                Cell::ds(&ACB[0], next_gno()).failed(),
                Cell::ka(&ACB[0], next_gno()),
            ],
            "HANDOVER_CONFIRMED PARTIAL_KA",
            "PARTIAL",
        ),
        (failed(to_next()), "HANDOVER_FAILED ALL_CELLS_FAILED", "ACB"),
    ] {
        let (device, mut host) = known();
        host.request(&Request::new(GPF, 1).hint(1_301)).decide();
        let outcome = Told::new(GPF, &ACB[0], 1_301, cells);
        let decided = host.outcome(&device, &outcome).decide_one();
        assert_eq!(decided.verdict(), verdict);
        assert_eq!(decided.0["slot"]["state"], state);
        assert_eq!(decided.number("seen_counter"), Some(1_301));
    }
}

#[test]
fn handovers_not_known_here_or_not_yet_done() {
    let (device, mut host) = known();
    let outcome = Told::new(GPF, &ACB[0], 77, Cell::both(&ACB[0], next_gno()));
    let decided = host.outcome(&device, &outcome).decide_one();
    assert_eq!(decided.verdict(), "HANDOVER_CONFIRMED UNSOLICITED");
    let (device, mut host) = known();
    host.request(&Request::new(GPF, 1).hint(1_301)).decide();
    let accepted = Told::new(GPF, &ACB[0], 1_301, Vec::new()).accepted();
    let decided = host.outcome(&device, &accepted).decide_one();
    assert_eq!(decided.verdict(), "HANDOVER_CONFIRMED ACCEPTED_FOR_LATER");
    let foreign = Told::new(GPF, &ACB[0], 1_302, Cell::both(gno(), next_gno()));
    let decided = host.outcome(&device, &foreign).decide_one();
    assert_eq!(decided.verdict(), "NOT_RECORDED UNEXPECTED_PARTY");
    let value = br#"{"response_code": "E20"}"#.to_vec();
    let decided = host
        .publish(Stream::HandoverOutcomes, GPF, Some(value))
        .decide_one();
    assert_eq!(decided.verdict(), "HANDOVER_FAILED ERROR_RESPONSE");
}

/// Neither the number of threads nor the seed of the hash tables shows in anything but signatures.
#[test]
fn threads_and_seeds_decide_nothing() {
    let mut writer = Host::new("");
    for number in 0..12 {
        let device = Device::new(GPF + number);
        writer.knows(&device);
        let told = Told::new(device.eui, gno(), 900 + number, Cell::both(gno(), &ACB[0]));
        writer.outcome(&device, &told).outcome(&device, &told);
        writer.message(Stream::UpdateOutcomes, device.eui, told.response(None));
        for id in [1, 2, 1] {
            writer.request(&Request::new(device.eui, id).hint(1));
        }
    }
    let waiting = writer.drop_waiting();
    let came_out: Vec<_> = [(1, 1), (2, 4), (3, 64)]
        .into_iter()
        .map(|(seed, threads)| {
            let mut host = Host::new("");
            host.engine = engine("", &[AcbKey::Held(0)], seed, threads);
            host.engine.open().unwrap();
            host.take(&waiting);
            let decided = host.decide().into_iter().map(|decided| decided.0);
            let mut commands = host.read(Stream::Commands);
            for command in &mut commands {
                command["gbcs_payload"].take();
            }
            (decided.collect::<Vec<_>>(), commands, host.store)
        })
        .collect();
    assert_eq!(came_out[0].1.len(), 24);
    assert!(came_out.iter().all(|other| *other == came_out[0]));
}

/// Somebody else numbered it, and the device answered: the command is out, under these keys.
#[test]
fn a_verified_answer_to_a_command_not_known_here_counts_as_used() {
    let any_mode = |number, mode| Told::new(GPF, &ACB[0], number, Vec::new()).mode(mode);
    let operator = ReplacementMode::NetworkOperatorByNetworkOperator;
    let done = Told::new(GPF, &ACB[0], 77, Cell::both(&ACB[0], next_gno()));
    let elsewhere = Told::new(GPF, &ACB[0], 77, Cell::both(gno(), next_gno()));
    for told in [
        done,
        elsewhere,
        any_mode(77, operator).accepted(),
        any_mode(77, ReplacementMode::SupplierBySupplier),
        any_mode(77, ReplacementMode::AccessControlBrokerByAcb),
        any_mode(77, ReplacementMode::AnyByContingency),
        any_mode(76, operator).header(77),
    ] {
        for is_alert in [false, true] {
            if is_alert && (told.cells.is_none() || told.header.is_some()) {
                continue;
            }
            let (device, mut host) = known();
            let (octets, stream) = if is_alert {
                (told.alert(Some(&device.ds)), Stream::HandoverOutcomes)
            } else {
                (told.response(Some(&device.ds)), Stream::UpdateOutcomes)
            };
            host.message(stream, GPF, octets).decide_one();
            host.restart();
            let parties = [("NetworkOperator", next_gno()), ("Supplier", supplier())];
            for (number, (role, party)) in (1..).zip(parties) {
                let request = Request::of(GPF, number, role, party);
                let decided = host.request(&request.hint(77)).decide_one();
                let given = decided.number("originator_counter");
                assert_ne!(given, Some(77), "{role} after {told:?}");
            }
            let image = host.engine.device(Eui64::from_u64(GPF)).unwrap();
            assert!(
                Role::ALL
                    .iter()
                    .any(|role| image.highest_used(*role) >= Some(77))
            );
        }
    }
}

/// A floor is no number of a command: that a command carried it says nothing of who used it.
#[test]
fn an_answer_with_the_number_of_a_floor_is_news() {
    let (device, mut host) = known();
    let floor = "/remote_party_floor_seq_number";
    host.request(&Request::new(GPF, 1).hint(1).with(floor, "77"));
    host.decide();
    let mode = ReplacementMode::AccessControlBrokerByAcb;
    let told = Told::new(GPF, &ACB[0], 77, Vec::new()).mode(mode);
    host.outcome(&device, &told).decide();
    // The floor is the highest number no longer, so that only a cover tells of 77.
    host.request(&Request::new(GPF, 2).hint(100)).decide();
    let request = Request::of(GPF, 3, "Supplier", supplier()).hint(77);
    let decided = host.request(&request).decide_one();
    assert_eq!(decided.number("originator_counter"), Some(78));
}

#[test]
fn an_answer_that_is_not_proven_uses_no_number() {
    let told = Told::new(GPF, &ACB[0], 77, Vec::new()).mode(ReplacementMode::SupplierBySupplier);
    let (_, mut host) = known();
    let octets = told.response(None);
    host.message(Stream::HandoverOutcomes, GPF, octets)
        .decide_one();
    let image = host.engine.device(Eui64::from_u64(GPF)).unwrap_or_default();
    assert!(image.covers.is_empty());
}
