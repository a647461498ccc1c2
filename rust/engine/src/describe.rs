//! Changelog records as JSON, for people and for exports.

use slotkeeper_counters::{CellImage, DEFAULT_CEILING, DeviceImage, Role};
use slotkeeper_gbcs::Eui64;

use crate::audit::{write_occupant, write_time};
use crate::changelog::{self, ChangeKey};
use crate::directory::{DAMAGED, DROPPED, damaged};
use crate::json::{Member, Object, member};
use crate::message::role_name;

/// A changelog record; `{"kind": ...}` tells which. `value` of a tombstone is empty.
///
/// `device`: the record of a device. `parked`: octets that wait. `foreign`: not the engine's, such as the worker's positions.
/// `damaged`: the checksum does not fit. `unknown`: no key of a changelog.
pub fn change(key: &[u8], value: &[u8]) -> Vec<u8> {
    match ChangeKey::read(key) {
        None => kind("unknown"),
        Some(ChangeKey::Foreign) => kind("foreign"),
        Some(ChangeKey::Device(_)) => match DeviceImage::decode(value, DEFAULT_CEILING) {
            Ok(image) => device(&image),
            Err(_) => kind("damaged"),
        },
        Some(ChangeKey::Parked(device, _)) => match changelog::decode_parked(value) {
            Err(_) => kind("damaged"),
            Ok(parked) => {
                let mut object = Object::with_capacity(512 + value.len() * 2);
                object.plain(member!("kind"), b"parked");
                object.plain(member!("device_id"), &device.canonical());
                object.plain(member!("stream"), parked.stream.name().as_bytes());
                object.integer(member!("offset"), parked.offset);
                object.integer(member!("arrival"), parked.arrival);
                object.plain(member!("disposition"), parked.verdict.0.name().as_bytes());
                object.plain(member!("reason"), parked.verdict.1.name().as_bytes());
                object.object(member!("numbers"), |object| {
                    for (role, number) in Role::ALL.into_iter().zip(parked.numbers) {
                        object.counter(role_member(role), number);
                    }
                });
                object.hex(member!("digest"), &parked.digest);
                object.base64(member!("value"), &parked.value);
                object.finish()
            }
        },
    }
}

/// The record of a device.
pub fn device(image: &DeviceImage) -> Vec<u8> {
    let mut object = Object::with_capacity(1_024);
    object.plain(member!("kind"), b"device");
    object.plain(
        member!("device_id"),
        &Eui64::from_u64(image.device).canonical(),
    );
    object.integer(member!("version"), u64::from(image.version));
    object.boolean(
        member!("dropped_from_inventory"),
        image.flags & DROPPED != 0,
    );
    object.boolean(member!("damaged"), image.flags & DAMAGED != 0);
    let marked = Role::ALL
        .into_iter()
        .filter(|role| image.flags & damaged(*role) != 0);
    object.list(
        member!("damaged_roles"),
        marked.map(role_name),
        Object::name_element,
    );
    object.object(member!("roles"), |object| {
        write_role(object, image, Role::NetworkOperator);
        if image.supplier.is_some() {
            write_role(object, image, Role::Supplier);
        }
    });
    object.list(member!("requests"), &image.requests, |object, request| {
        object.element(|object| {
            object.plain(
                member!("remote_party_role"),
                role_name(request.role).as_bytes(),
            );
            object.boolean(member!("imported"), request.imported);
            object.plain(
                member!("originator_id"),
                &Eui64::from_u64(request.originator).canonical(),
            );
            object.counter(member!("request_counter"), Some(request.request_counter));
            object.counter(member!("originator_counter"), Some(request.issued));
        });
    });
    let blocks: Vec<_> = Role::ALL
        .into_iter()
        .flat_map(|role| {
            let blocks: Vec<_> = image.cover(role).blocks().collect();
            blocks.into_iter().map(move |block| (role, block))
        })
        .collect();
    object.list(
        member!("issued_blocks"),
        &blocks,
        |object, (role, (first, last))| {
            object.element(|object| {
                object.plain(member!("remote_party_role"), role_name(*role).as_bytes());
                object.counter(member!("first"), Some(*first));
                object.counter(member!("last"), Some(*last));
            });
        },
    );
    object.list(member!("messages"), &image.messages, |object, message| {
        object.element(|object| {
            object.hex(member!("digest_start"), &message.digest);
            object.boolean(member!("verified"), message.verified);
        });
    });
    object.finish()
}

fn write_role(object: &mut Object, image: &DeviceImage, of: Role) {
    let role = image.role(of);
    object.object(role_member(of), |object| {
        let marks = role.marks;
        object.counter(member!("recorded"), marks.recorded);
        object.counter(member!("seen"), marks.seen);
        object.counter(member!("issued"), marks.issued);
        // `issued` may be a floor, which no command had, or the number of another command of the ACB, such as a
        // read-back: nobody waits for these.
        let last_command = last_requested(image, of);
        object.counter(member!("last_command"), last_command);
        // An answered command raised `seen` to its number.
        object.boolean(member!("pending"), last_command > marks.watermark());
        object.boolean(member!("exhausted"), marks.exhausted());
        let cells = [member!("digital_signature"), member!("key_agreement")]
            .into_iter()
            .zip(&role.cells);
        object.object(member!("slot"), |object| {
            for (name, cell) in cells {
                if *cell == CellImage::default() {
                    object.null(name);
                    continue;
                }
                object.object(name, |object| {
                    write_occupant(object, member!("occupant"), cell.occupant);
                    object.boolean(member!("verified"), cell.verified);
                    write_time(object, member!("device_time"), cell.device_time);
                    object.plain(member!("source"), cell.source.name().as_bytes());
                });
            }
        });
    });
}

/// The highest number of a command that a remembered request was answered with.
fn last_requested(image: &DeviceImage, role: Role) -> Option<u64> {
    let of_role = image.requests.iter().filter(|note| note.role == role);
    of_role.map(|note| note.issued).max()
}

fn kind(kind: &str) -> Vec<u8> {
    let mut object = Object::with_capacity(32);
    object.plain(member!("kind"), kind.as_bytes());
    object.finish()
}

const fn role_member(role: Role) -> Member {
    match role {
        Role::NetworkOperator => member!("NetworkOperator"),
        Role::Supplier => member!("Supplier"),
    }
}
