//! The record image: exact bytes, damage, newer formats.

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use slotkeeper_counters::{
    CellImage, CellSource, CounterTable, DeviceImage, ImageError, LAST_COUNTER, MESSAGES_KEPT,
    Marks, MessageNote, Occupant, REQUESTS_KEPT, RequestNote, Role, RoleImage,
};

/// A GPF whose slot an SRV 6.15.1 gave to the ACB, with all that is usually known.
fn recorded() -> DeviceImage {
    let cell = CellImage {
        occupant: Some(Occupant {
            eui: 0x0a0b_0c0d_0e0f_1011,
            key_identifier: Some([0xee; 8]),
        }),
        device_time: 0x6543_2100,
        verified: true,
        source: CellSource::Outcome,
    };
    let marks = Marks {
        recorded: Some(1200),
        seen: Some(1201),
        issued: None,
    };
    DeviceImage {
        device: 0x0011_2233_4455_6677,
        version: 2,
        flags: 0x8001,
        network_operator: RoleImage {
            marks,
            cells: [cell, CellImage::default()],
        },
        ..DeviceImage::default()
    }
}

#[test]
fn layout_is_as_documented() {
    let mut image = recorded();
    image.supplier = Some(RoleImage::default());
    image.messages = vec![MessageNote {
        identity: 3,
        digest: [0xdd; 15],
        verified: true,
    }];
    image.requests = vec![RequestNote {
        originator: 4,
        request_counter: 5,
        issued: 6,
    }];
    image.older_issued = vec![(Role::NetworkOperator, 6), (Role::Supplier, 1)];
    let expected = [
        "01 0011223344556677 00000002 8001 0f",
        "03 00000000000004b0 00000000000004b1",
        "79 0a0b0c0d0e0f1011 eeeeeeeeeeeeeeee 65432100",
        "00",
        "00 00 00",
        "01 0000000000000003 dddddddddddddddddddddddddddddd 01",
        "01 0000000000000004 0000000000000005 0000000000000006",
        "00000002 0000000000000006 8000000000000001",
    ];
    let mut bytes = hex::decode(expected.concat().replace(' ', "")).unwrap();
    bytes.extend(bitwise_crc32c(&bytes).to_be_bytes());
    assert_eq!(image.encode(), bytes);
    assert_eq!(DeviceImage::decode(&bytes), Ok(image));
}

#[test]
fn the_example_of_the_documentation_is_one() {
    let document = include_str!("../../../docs/changelog-format.md");
    let example = document
        .split("### An example")
        .nth(1)
        .and_then(|rest| rest.split("```").nth(1));
    let lines = example.expect("an example in a code block").lines();
    let octets: String = lines
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(hex::decode(octets), Ok(recorded().encode()));
}

#[test]
fn a_recorded_device_takes_at_most_100_bytes() {
    let mut image = recorded();
    image.network_operator.marks.issued = Some(1202);
    image.network_operator.cells[1] = image.network_operator.cells[0];
    let bytes = image.encode().len();
    assert!((60..=100).contains(&bytes), "{bytes}");
}

#[test]
fn test_d12_every_damaged_byte_is_found() {
    let image = recorded().encode();
    for place in 0..image.len() {
        for damage in 1..=u8::MAX {
            let mut bytes = image.clone();
            bytes[place] ^= damage;
            assert_eq!(
                DeviceImage::decode(&bytes),
                Err(ImageError::Damaged),
                "byte {place}"
            );
        }
    }
}

#[test]
fn test_d04_every_torn_record_is_found() {
    let image = recorded().encode();
    for len in 0..image.len() {
        assert_eq!(DeviceImage::decode(&image[..len]), Err(ImageError::Damaged));
    }
}

#[test]
fn test_d09_a_newer_format_is_refused() {
    let mut bytes = recorded().encode();
    bytes[0] = 2;
    assert_eq!(
        DeviceImage::decode(&sealed(&bytes)),
        Err(ImageError::UnknownFormat(2))
    );
}

#[test]
fn a_hand_made_image_is_put_in_order() {
    let mut image = recorded();
    let (later, earlier) = ((Role::Supplier, 1), (Role::NetworkOperator, 6));
    image.older_issued = vec![later, earlier, later, (Role::Supplier, LAST_COUNTER + 1)];
    let note = |issued| RequestNote {
        originator: 4,
        request_counter: 5,
        issued,
    };
    image.requests = (0..=64).map(note).collect();
    let ordered = DeviceImage {
        older_issued: vec![earlier, later],
        requests: (1..=64).map(note).collect(),
        ..recorded()
    };
    assert_eq!(DeviceImage::decode(&image.encode()), Ok(ordered));
}

#[test]
fn what_no_encoder_writes_is_malformed() {
    let plain = recorded().encode();
    let mut out_of_order = recorded();
    out_of_order.older_issued = vec![(Role::NetworkOperator, 1), (Role::NetworkOperator, 2)];
    let mut out_of_order = out_of_order.encode();
    let len = out_of_order.len();
    out_of_order[len - 5] = 0;
    let changed = |place: usize, value: u8| {
        let mut bytes = plain.clone();
        bytes[place] = value;
        bytes
    };
    let cases = [
        ("section beyond the known", changed(15, 1 << 4)),
        ("section announced and absent", changed(15, 1 << 1)),
        ("mark beyond the known", changed(16, 0x0b)),
        ("source beyond the known", changed(33, 0x7d)),
        ("key identifier of nobody", changed(33, 0x69)),
        ("cell bit beyond the known", changed(33, 0xf9)),
        ("trailing byte", [plain.as_slice(), &[0]].concat()),
        ("issued numbers out of order", out_of_order),
    ];
    for (case, bytes) in cases {
        assert_eq!(
            DeviceImage::decode(&sealed(&bytes)),
            Err(ImageError::Malformed),
            "{case}"
        );
    }
    assert_eq!(DeviceImage::decode(&[0; 4]), Err(ImageError::Malformed));
}

proptest! {
    #[test]
    fn any_image_survives_bytes_and_table(image in image()) {
        let decoded = DeviceImage::decode(&image.encode());
        prop_assert_eq!(decoded.as_ref(), Ok(&image));
        let mut table = CounterTable::new(1);
        table.restore(&image);
        prop_assert_eq!(&table.image(image.device), &image);
    }

    #[test]
    fn any_bytes_are_judged_without_a_panic(bytes in vec(any::<u8>(), 0..200)) {
        prop_assert!(DeviceImage::decode(&bytes).is_err());
        // And behind a checksum that fits.
        let mut bytes = bytes;
        bytes.insert(0, 1);
        bytes.extend([0; 4]);
        if let Ok(image) = DeviceImage::decode(&sealed(&bytes)) {
            prop_assert_eq!(image.encode(), sealed(&bytes));
        }
    }
}

fn image() -> impl Strategy<Value = DeviceImage> {
    let message = (any::<u64>(), any::<[u8; 15]>(), any::<bool>());
    let request = (any::<u64>(), any::<u64>(), any::<u64>());
    let older = btree_set((any::<bool>(), 0..=LAST_COUNTER / 2), 0..20);
    let head = (any::<u64>(), any::<u32>(), any::<u16>());
    let notes = (
        vec(message, 0..=MESSAGES_KEPT),
        vec(request, 0..=REQUESTS_KEPT),
        older,
    );
    (head, role(), option::of(role()), notes)
        .prop_map(|(head, network_operator, supplier, notes)| {
            let (mut messages, requests, older) = notes;
            messages.dedup();
            DeviceImage {
                device: head.0,
                version: head.1,
                flags: head.2,
                network_operator,
                supplier,
                messages: messages
                    .into_iter()
                    .map(|(identity, digest, verified)| MessageNote {
                        identity,
                        digest,
                        verified,
                    })
                    .collect(),
                requests: requests
                    .into_iter()
                    .map(|(originator, request_counter, issued)| RequestNote {
                        originator,
                        request_counter,
                        issued,
                    })
                    .collect(),
                older_issued: older
                    .into_iter()
                    .map(|(supplier, number)| {
                        (
                            if supplier {
                                Role::Supplier
                            } else {
                                Role::NetworkOperator
                            },
                            number,
                        )
                    })
                    .collect(),
            }
        })
        // An older number needs a later one of its role.
        .prop_map(|mut image| {
            let known = |role| match role {
                Role::NetworkOperator => image.network_operator.marks.issued.is_some(),
                Role::Supplier => image
                    .supplier
                    .is_some_and(|role| role.marks.issued.is_some()),
            };
            image.older_issued.retain(|&(role, _)| known(role));
            image
        })
}

fn role() -> impl Strategy<Value = RoleImage> {
    let mark = || option::of(any::<u64>());
    let issued = option::of(LAST_COUNTER / 2 + 1..=LAST_COUNTER);
    (mark(), mark(), issued, [cell(), cell()]).prop_map(|(recorded, seen, issued, cells)| {
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

fn cell() -> impl Strategy<Value = CellImage> {
    let occupant =
        (any::<u64>(), option::of(any::<[u8; 8]>())).prop_map(|(eui, key_identifier)| Occupant {
            eui,
            key_identifier,
        });
    let source = prop_oneof![
        Just(CellSource::Unknown),
        Just(CellSource::Outcome),
        Just(CellSource::Handover),
        Just(CellSource::ReadBack),
        Just(CellSource::Report),
    ];
    (option::of(occupant), any::<u32>(), any::<bool>(), source).prop_map(
        |(occupant, device_time, verified, source)| CellImage {
            occupant,
            device_time,
            verified,
            source,
        },
    )
}

/// The bytes with their last four replaced by the CRC-32C of the others.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    let content = &bytes[..bytes.len() - 4];
    [content, &bitwise_crc32c(content).to_be_bytes()].concat()
}

/// CRC-32C by its definition, bit by bit.
fn bitwise_crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0x82f6_3b78
            } else {
                crc >> 1
            };
        }
    }
    !crc
}
