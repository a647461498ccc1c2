//! The record image: exact bytes, damage, newer formats.

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use slotkeeper_counters::{
    CellImage, CellSource, CounterTable, Cover, DEFAULT_CEILING, DeviceImage, Due, ImageError,
    LAST_COUNTER, Link, MESSAGES_KEPT, Marks, MessageNote, Occupant, Pending, RequestNote, Role,
    RoleImage, Step, Trail,
};

/// A GPF whose slot an SRV 6.15.1 gave to the ACB, with all that is usually known.
fn recorded() -> DeviceImage {
    let acb = Occupant {
        eui: 0x0a0b_0c0d_0e0f_1011,
        key_identifier: Some([0xee; 8]),
    };
    let gno = Occupant {
        eui: 0x2a2b_2c2d_2e2f_3031,
        key_identifier: Some([0xaa; 8]),
    };
    let link = Link {
        message: MessageNote {
            identity: 3,
            digest: [0xdd; 15],
            verified: true,
        },
        number: 1200,
        device_time: 0x6543_2100,
        source: CellSource::Outcome,
        steps: [
            Some(Step {
                existing: gno,
                replacing: acb,
            }),
            None,
        ],
    };
    let cell = CellImage {
        occupant: Some(acb),
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
        trails: [
            Trail {
                links: vec![link],
                ..Trail::default()
            },
            Trail::default(),
        ],
        ..DeviceImage::default()
    }
}

const NO: Role = Role::NetworkOperator;

/// What an earlier release knew of a cell.
fn cell_of(occupant: Occupant) -> CellImage {
    CellImage {
        occupant: Some(occupant),
        device_time: 0x6500_0000,
        verified: true,
        source: CellSource::Earlier,
    }
}

fn request(role: Role, imported: bool, issued: u64) -> RequestNote {
    RequestNote {
        role,
        imported,
        issued,
        originator: 4,
        request_counter: 5,
    }
}

fn covered(number: u64) -> Cover {
    Cover::of(number, number, DEFAULT_CEILING)
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
    image.network_operator.marks.issued = Some(0x2000_0000);
    image.requests = vec![
        request(NO, false, 6),
        request(NO, true, 7),
        request(NO, true, 8),
    ];
    let used = [0x1000_0004, 0x1000_0001, 0x2000_0000, 0x1500_0000];
    let used = used.into_iter().chain((0..7).map(|n| 0x1200_0000 + n));
    image.covers = vec![(
        NO,
        used.fold(Cover::EMPTY, |cover, n| cover.union(&covered(n))),
    )];
    let gno = Occupant {
        eui: 0xa1,
        key_identifier: None,
    };
    let acb = Occupant {
        eui: 0xacb,
        key_identifier: Some([0xee; 8]),
    };
    let handed_back = Step {
        existing: gno,
        replacing: acb,
    };
    image.trails[0] = Trail {
        base: [cell_of(gno), CellImage::default()],
        settled: [None; 2],
        disputed: [false, true],
        links: vec![Link {
            message: MessageNote {
                identity: 9,
                digest: [0xdd; 15],
                verified: true,
            },
            number: 1200,
            device_time: 0x6543_2100,
            source: CellSource::Outcome,
            steps: [Some(handed_back), None],
        }],
        pending: vec![Pending {
            due: Due::AtOnce,
            number: 1300,
            steps: [None, Some(handed_back)],
        }],
    };
    let expected = [
        "03 0011223344556677 00000002 8001 1f",
        "07 00000000000004b0 00000000000004b1 0000000020000000",
        "79 0a0b0c0d0e0f1011 eeeeeeeeeeeeeeee 65432100",
        "00",
        "00 00 00",
        "01 0000000000000003 dddddddddddddddddddddddddddddd 01",
        "03 01 02",
        "0000000000000006 0000000000000004 0000000000000005",
        "0000000000000007 0000000000000004 0000000000000005",
        "0000000000000008 0000000000000004 0000000000000005",
        "01 01 06 0000000010000001 0000000020000000",
        "0000000008000002 0000000009000000 0000000009000001 0000000009000002 0000000009000003",
        "000000000a800000",
        "02 02 01 01 01 00 0f 00  65000000 00000000",
        "00000000000000a1 0000000000000000  0000000000000acb eeeeeeeeeeeeeeee",
        "0000000000000009 dddddddddddddddddddddddddddddd 09 00000000000004b0 01 02 00 00 65432100",
        "0000000000000514 00 00 01 02 00000000",
    ];
    let mut bytes = hex::decode(expected.concat().replace(' ', "")).unwrap();
    bytes.extend(bitwise_crc32c(&bytes).to_be_bytes());
    assert_eq!(image.encode(), bytes);
    assert_eq!(DeviceImage::decode(&bytes, DEFAULT_CEILING), Ok(image));
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
fn a_record_of_format_2_is_read_and_its_occupants_are_where_the_walk_begins() {
    let bytes = hex::decode(include_str!("data/device-format-2.hex").trim_end()).unwrap();
    let mut expected = recorded();
    expected.network_operator.cells[0].source = CellSource::Earlier;
    expected.trails = Default::default();
    assert_eq!(DeviceImage::decode(&bytes, DEFAULT_CEILING), Ok(expected));
}

#[test]
fn a_recorded_device_takes_at_most_250_bytes() {
    let mut image = recorded();
    image.network_operator.marks.issued = Some(1202);
    image.network_operator.cells[1] = image.network_operator.cells[0];
    for link in &mut image.trails[0].links {
        let next = |occupant: Occupant| Occupant {
            key_identifier: Some([1; 8]),
            ..occupant
        };
        link.steps[1] = link.steps[0].map(|step| Step {
            existing: next(step.existing),
            replacing: next(step.replacing),
        });
    }
    let bytes = image.encode().len();
    assert!((200..=250).contains(&bytes), "{bytes}");
}

#[test]
fn test_d12_every_damaged_byte_is_found() {
    let image = recorded().encode();
    for place in 0..image.len() {
        for damage in 1..=u8::MAX {
            let mut bytes = image.clone();
            bytes[place] ^= damage;
            assert_eq!(
                DeviceImage::decode(&bytes, DEFAULT_CEILING),
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
        assert_eq!(
            DeviceImage::decode(&image[..len], DEFAULT_CEILING),
            Err(ImageError::Damaged)
        );
    }
}

#[test]
fn test_d09_a_newer_format_is_refused() {
    let mut bytes = recorded().encode();
    bytes[0] = 6;
    assert_eq!(
        DeviceImage::decode(&sealed(&bytes), DEFAULT_CEILING),
        Err(ImageError::UnknownFormat(6))
    );
}

#[test]
fn test_d09_what_a_read_back_settled_is_not_for_programs_that_do_not_heed_it() {
    let mut image = recorded();
    image.trails[0].settled = [Some(1_200), None];
    let bytes = image.encode();
    assert_eq!(bytes[0], 4);
    assert_eq!(DeviceImage::decode(&bytes, DEFAULT_CEILING), Ok(image));
    // A state has one encoding.
    for (format, encoded) in [(3, bytes), (4, recorded().encode())] {
        let mut other = encoded;
        other[0] = format;
        assert_eq!(
            DeviceImage::decode(&sealed(&other), DEFAULT_CEILING),
            Err(ImageError::Malformed)
        );
    }
}

#[test]
fn a_hand_made_image_is_put_in_order() {
    let mut image = recorded();
    image.network_operator.marks.issued = Some(64);
    let (low, high) = (covered(1), covered(6));
    image.covers = vec![
        (NO, high),
        (NO, low),
        (NO, high),
        (Role::Supplier, Cover::EMPTY),
    ];
    image.requests = (0..=64).rev().map(|n| request(NO, false, n)).collect();
    let ordered = DeviceImage {
        covers: vec![(NO, low.union(&high))],
        requests: (41..=64).map(|n| request(NO, false, n)).collect(),
        ..image.clone()
    };
    assert_eq!(
        DeviceImage::decode(&image.encode(), DEFAULT_CEILING),
        Ok(ordered)
    );
}

#[test]
fn what_no_encoder_writes_is_malformed() {
    let plain = recorded().encode();
    // After head, role and cells: requests of one kind, and a group of one number.
    let mut noted = recorded();
    noted.network_operator.marks.issued = Some(9);
    noted.requests = vec![request(NO, false, 7), request(NO, false, 8)];
    noted.covers = vec![(NO, covered(9))];
    let noted = noted.encode();
    let (requests, covers) = (63, 113);
    let noted = |place: usize, value: u8| {
        let mut bytes = noted.clone();
        bytes[place] = value;
        bytes
    };
    let changed = |place: usize, value: u8| {
        let mut bytes = plain.clone();
        bytes[place] = value;
        bytes
    };
    let cases = [
        ("section beyond the known", changed(15, 1 << 6)),
        ("section announced and absent", changed(15, 1 << 1)),
        ("mark beyond the known", changed(16, 0x0b)),
        ("a cell in dispute beyond the two", changed(55, 4)),
        ("an occupant without a place", changed(59, 3)),
        ("fewer occupants than are named", changed(56, 1)),
        ("a link from nobody", changed(135, 0)),
        ("key identifier of nobody", changed(33, 0x69)),
        ("cell bit beyond the known", changed(33, 0xf9)),
        ("trailing byte", [plain.as_slice(), &[0]].concat()),
        ("requests of no kind", noted(requests, 0)),
        ("requests of a fifth kind", noted(requests, 1 << 4)),
        ("more requests than are kept", noted(requests + 1, 25)),
        ("the same request twice", noted(requests + 9, 8)),
        (
            "a request above the highest number",
            noted(requests + 2 + 24 + 7, 10),
        ),
        ("covers of no group", noted(covers, 0)),
        ("a coarser shift than is needed", noted(covers + 1, 1)),
        ("a block that is not there", noted(covers + 2, 1)),
        ("a group that ends before it begins", noted(covers + 10, 10)),
        ("a group above the highest number", noted(covers + 18, 10)),
    ];
    for (case, bytes) in cases {
        assert_eq!(
            DeviceImage::decode(&sealed(&bytes), DEFAULT_CEILING),
            Err(ImageError::Malformed),
            "{case}"
        );
    }
    assert_eq!(
        DeviceImage::decode(&[0; 4], DEFAULT_CEILING),
        Err(ImageError::Malformed)
    );
}

proptest! {
    #[test]
    fn any_image_survives_bytes_and_table(image in image()) {
        let decoded = DeviceImage::decode(&image.encode(), DEFAULT_CEILING);
        prop_assert_eq!(decoded.as_ref(), Ok(&image));
        let mut table = CounterTable::new(1, DEFAULT_CEILING);
        table.restore(&image);
        prop_assert_eq!(&table.image(image.device), &image);
    }

    #[test]
    fn any_bytes_are_judged_without_a_panic(bytes in vec(any::<u8>(), 0..200)) {
        prop_assert!(DeviceImage::decode(&bytes, DEFAULT_CEILING).is_err());
        // And behind a checksum that fits; of earlier formats too, which are written as format 3 again.
        for format in [1, 2, 3, 4] {
            let mut bytes = bytes.clone();
            bytes.insert(0, format);
            bytes.extend([0; 4]);
            if let Ok(image) = DeviceImage::decode(&sealed(&bytes), DEFAULT_CEILING)
                && format >= 3
            {
                prop_assert_eq!(image.encode(), sealed(&bytes));
            }
        }
    }
}

fn image() -> impl Strategy<Value = DeviceImage> {
    let message = (any::<u64>(), any::<[u8; 15]>(), any::<bool>());
    let request = (any::<[bool; 2]>(), 0..=LAST_COUNTER / 2, any::<[u64; 2]>());
    let used = btree_set((any::<bool>(), 0..=LAST_COUNTER / 2), 0..20);
    let head = (any::<u64>(), any::<u32>(), any::<u16>());
    let notes = (vec(message, 0..=MESSAGES_KEPT), vec(request, 0..=8), used);
    (head, role(), option::of(role()), notes)
        .prop_map(|(head, network_operator, supplier, notes)| {
            let (mut messages, requests, used) = notes;
            messages.dedup();
            let role = |is_supplier| if is_supplier { Role::Supplier } else { NO };
            let mut requests: Vec<_> = requests
                .into_iter()
                .map(
                    |([is_supplier, imported], issued, [originator, request_counter])| {
                        RequestNote {
                            role: role(is_supplier),
                            imported,
                            issued,
                            originator,
                            request_counter,
                        }
                    },
                )
                .collect();
            requests.sort_unstable();
            requests.dedup();
            let cover_of = |of: Role| {
                let numbers = used
                    .iter()
                    .filter(|(is_supplier, _)| role(*is_supplier) == of);
                numbers.fold(Cover::EMPTY, |cover, (_, n)| cover.union(&covered(*n)))
            };
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
                requests,
                covers: Role::ALL.map(|role| (role, cover_of(role))).into(),
                ..DeviceImage::default()
            }
        })
        // A used number needs a highest one of its role.
        .prop_map(|mut image| {
            let known = |role| match role {
                Role::NetworkOperator => image.network_operator.marks.issued.is_some(),
                Role::Supplier => image
                    .supplier
                    .is_some_and(|role| role.marks.issued.is_some()),
            };
            image.requests.retain(|note| known(note.role));
            image
                .covers
                .retain(|(role, cover)| known(*role) && !cover.is_empty());
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
