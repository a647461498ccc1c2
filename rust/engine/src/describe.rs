//! Changelog records as JSON, for people and for exports.

use slotkeeper_counters::{DeviceImage, Role, RoleImage};
use slotkeeper_gbcs::Eui64;

use crate::audit::write_occupant;
use crate::changelog::{self, ChangeKey};
use crate::directory::{DAMAGED, DROPPED};
use crate::json::Object;
use crate::message::role_name;

/// A changelog record; `{"kind": ...}` tells which. `value` of a tombstone is empty.
///
/// `device`: the record of a device. `parked`: octets that wait. `foreign`: not the engine's, such as the worker's positions.
/// `damaged`: the checksum does not fit. `unknown`: no key of a changelog.
pub fn change(key: &[u8], value: &[u8]) -> Vec<u8> {
    match ChangeKey::read(key) {
        None => kind("unknown"),
        Some(ChangeKey::Foreign) => kind("foreign"),
        Some(ChangeKey::Device(_)) => match DeviceImage::decode(value) {
            Ok(image) => device(&image),
            Err(_) => kind("damaged"),
        },
        Some(ChangeKey::Parked(device, _)) => match changelog::decode_parked(value) {
            Err(_) => kind("damaged"),
            Ok(parked) => {
                let mut object = Object::with_capacity(512 + value.len() * 2);
                object.plain("kind", b"parked");
                object.plain("device_id", &device.canonical());
                object.plain("stream", parked.stream.name().as_bytes());
                object.integer("offset", parked.offset);
                object.plain("disposition", parked.verdict.0.name().as_bytes());
                object.plain("reason", parked.verdict.1.name().as_bytes());
                object.object("numbers", |object| {
                    for (role, number) in Role::ALL.into_iter().zip(parked.numbers) {
                        object.counter(role_name(role), number);
                    }
                });
                object.hex("digest", &parked.digest);
                object.base64("value", &parked.value);
                object.finish()
            }
        },
    }
}

/// The record of a device.
pub fn device(image: &DeviceImage) -> Vec<u8> {
    let mut object = Object::with_capacity(1_024);
    object.plain("kind", b"device");
    object.plain("device_id", &Eui64::from_u64(image.device).canonical());
    object.integer("version", u64::from(image.version));
    object.boolean("dropped_from_inventory", image.flags & DROPPED != 0);
    object.boolean("damaged", image.flags & DAMAGED != 0);
    object.object("roles", |object| {
        write_role(object, "NetworkOperator", &image.network_operator);
        if let Some(supplier) = &image.supplier {
            write_role(object, "Supplier", supplier);
        }
    });
    object.list("requests", &image.requests, |object, request| {
        object.element(|object| {
            object.plain(
                "originator_id",
                &Eui64::from_u64(request.originator).canonical(),
            );
            object.counter("request_counter", Some(request.request_counter));
            object.counter("originator_counter", Some(request.issued));
        });
    });
    object.list(
        "older_issued",
        &image.older_issued,
        |object, (role, number)| {
            object.element(|object| {
                object.plain("remote_party_role", role_name(*role).as_bytes());
                object.counter("originator_counter", Some(*number));
            });
        },
    );
    object.list("messages", &image.messages, |object, message| {
        object.element(|object| {
            object.hex("digest_start", &message.digest);
            object.boolean("verified", message.verified);
        });
    });
    object.finish()
}

fn write_role(object: &mut Object, name: &str, role: &RoleImage) {
    object.object(name, |object| {
        let marks = role.marks;
        object.counter("recorded", marks.recorded);
        object.counter("seen", marks.seen);
        object.counter("issued", marks.issued);
        // An answered command raised `seen` to its number.
        object.boolean("pending", marks.issued > marks.recorded.max(marks.seen));
        object.boolean("exhausted", marks.exhausted());
        let cells = ["digital_signature", "key_agreement"]
            .into_iter()
            .zip(&role.cells);
        object.object("slot", |object| {
            for (name, cell) in cells {
                if cell.occupant.is_none() && cell.device_time == 0 {
                    object.null(name);
                    continue;
                }
                object.object(name, |object| {
                    write_occupant(object, "occupant", cell.occupant);
                    object.boolean("verified", cell.verified);
                    match cell.device_time {
                        0 => object.null("device_time"),
                        seconds => {
                            object.plain(
                                "device_time",
                                &crate::time::rfc3339_millis(u64::from(seconds) * 1_000),
                            );
                        }
                    }
                });
            }
        });
    });
}

fn kind(kind: &str) -> Vec<u8> {
    let mut object = Object::with_capacity(32);
    object.plain("kind", kind.as_bytes());
    object.finish()
}
