//! Happenings to devices, and the records that they are told by.

use std::collections::BTreeMap;

use slotkeeper_gbcs::{KeyUsage, RemotePartyRole, ReplacementMode};

use crate::support::*;

/// Something that happens to one device.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    Accepted,
    Adjusted {
        kind: usize,
        supplier: bool,
        persons: usize,
    },
    Asked {
        id: u64,
        supplier: bool,
        hint: bool,
    },
    Garbage {
        stream: usize,
    },
    HandedBack {
        to: usize,
        failed: bool,
        honest: bool,
        alert: bool,
    },
    HandedOver {
        supplier: bool,
        failed: bool,
    },
    Inventory {
        form: usize,
    },
    OnItsWay {
        to_acb: bool,
    },
    Read {
        holder: usize,
        timed: bool,
        honest: bool,
    },
    Recovered,
}

/// Writes happenings as records: once, since a signature is another one each time.
pub(crate) struct EventWriter {
    host: Host,
    devices: Vec<Device>,
    /// Numbers towards the role that the decision names, by offset: signed by the device itself, or named by a person.
    pub(crate) proven: BTreeMap<u64, u64>,
    time: u32,
}

impl EventWriter {
    pub(crate) fn new(devices: u64) -> Self {
        Self {
            host: Host::new(""),
            devices: (0..devices)
                .map(|number| Device::new(GPF + number))
                .collect(),
            proven: BTreeMap::new(),
            time: 1_700_000_000,
        }
    }

    /// The records since the last call.
    pub(crate) fn written(&mut self) -> Vec<Record> {
        self.host.drop_waiting()
    }

    pub(crate) fn write(&mut self, device: usize, number: u64, happening: &Happening) {
        let device = &self.devices[device];
        self.time += 1;
        let told = |party, cells| Told::new(device.eui, party, number, cells).at(self.time);
        let own = Some(&device.ds);
        let failed_if = |failed: bool, cells: Vec<Cell>| -> Vec<Cell> {
            let each = |cell: Cell| if failed { cell.failed() } else { cell };
            cells.into_iter().map(each).collect()
        };
        let (stream, octets, proven) = match *happening {
            Happening::Accepted => {
                let octets = told(gno(), Vec::new()).accepted().response(own);
                (Stream::UpdateOutcomes, octets, true)
            }
            Happening::HandedBack {
                to,
                failed,
                honest,
                alert,
            } => {
                let to = [&ACB[0], &ACB[1], next_gno()][to];
                let told = told(gno(), failed_if(failed, Cell::both(gno(), to)));
                let key = own.filter(|_| honest);
                let octets = if alert {
                    told.alert(key)
                } else {
                    told.response(key)
                };
                (Stream::UpdateOutcomes, octets, honest)
            }
            Happening::HandedOver {
                supplier: true,
                failed,
            } => {
                let cells = failed_if(failed, Cell::both(&ACB[0], supplier()));
                let cells = cells.into_iter().map(|c| c.of(RemotePartyRole::Supplier));
                let told = told(&ACB[0], cells.collect()).mode(ReplacementMode::SupplierBySupplier);
                (Stream::HandoverOutcomes, told.response(own), false)
            }
            Happening::HandedOver {
                supplier: false,
                failed,
            } => {
                let told = told(&ACB[0], failed_if(failed, Cell::both(&ACB[0], next_gno())));
                (Stream::HandoverOutcomes, told.response(own), true)
            }
            Happening::OnItsWay { to_acb } => {
                let to = if to_acb { &ACB[0] } else { next_gno() };
                let certificates = [(&to.ds, KeyUsage::DigitalSignature)];
                let octets = told(gno(), Vec::new()).pre_command(&certificates);
                (Stream::UpdateRequests, octets, false)
            }
            Happening::Read {
                holder,
                timed,
                honest,
            } => {
                let holder = [gno(), next_gno(), &ACB[0]][holder];
                let time = if timed { self.time } else { 0 };
                let reading = Reading::new(device.eui, supplier(), self.time.into());
                let reading = reading.holds(holder, holder, number).at(time);
                (
                    Stream::ReadBacks,
                    reading.signed(own.filter(|_| honest)),
                    honest,
                )
            }
            Happening::Recovered => {
                let told = told(&ACB[2], Cell::both(gno(), &ACB[0]))
                    .mode(ReplacementMode::AnyExceptAbnormalRootByRecovery)
                    .floor(RemotePartyRole::NetworkOperator, number);
                (Stream::UpdateOutcomes, told.response(own), true)
            }
            _ => {
                let (stream, value) = record(device.eui, number, happening);
                if matches!(happening, Happening::Adjusted { .. }) {
                    self.proven.insert(self.host.next_offset, number);
                }
                self.host.publish(stream, device.eui, value);
                return;
            }
        };
        let (eui, offset) = (device.eui, self.host.next_offset);
        self.host.message(stream, eui, octets);
        if proven {
            self.proven.insert(offset, number);
        }
    }
}

/// What is told without a message.
fn record(eui: u64, number: u64, happening: &Happening) -> (Stream, Option<Vec<u8>>) {
    let text = |json: &serde_json::Value| Some(json.to_string().into_bytes());
    match *happening {
        Happening::Adjusted {
            kind,
            supplier,
            persons,
        } => {
            let kind = ["recorded", "seen", "issued"][kind];
            let role = if supplier {
                "Supplier"
            } else {
                "NetworkOperator"
            };
            let adjustment = Adjustment::new(eui, kind, number)
                .with("remote_party_role", role)
                .with("by", ["Ann", "Bob"][..persons].to_vec());
            (Stream::Adjustments, text(&adjustment.json))
        }
        Happening::Asked {
            id,
            supplier: for_supplier,
            hint,
        } => {
            let request = if for_supplier {
                Request::of(eui, id, "Supplier", supplier())
            } else {
                Request::new(eui, id)
            };
            let request = if hint { request.hint(number) } else { request };
            (Stream::HandoverRequests, text(&request.json))
        }
        Happening::Inventory { form } => {
            let mut record = Device::new(eui);
            match form {
                0 => record.with_ds = false,
                1 => record.status = "Decommissioned",
                2 => record.kind = "ESME",
                3 => return (Stream::Inventory, None),
                _ => {}
            }
            (Stream::Inventory, Some(record.record()))
        }
        Happening::Garbage { stream } => (Stream::INPUTS[stream], Some(b"{\"x\": 1}".to_vec())),
        _ => (Stream::UpdateOutcomes, None),
    }
}
