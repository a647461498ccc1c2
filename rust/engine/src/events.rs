//! From records to typed events. Nothing is decided here but what no device could change.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use slotkeeper_gbcs::{DecodeError, Eui64, Message};

use crate::base64;
use crate::decision::{Disposition, Reason};
use crate::directory::Class;
use crate::engine::Engine;
use crate::judge::Decision;
use crate::message::Facts;
use crate::paths::{PathCache, RequestPaths};
use crate::records::{
    Adjustment, Alert, Baseline, DeviceRecord, HandoverRequest, OutcomeRecord, Payload, Unreadable,
};
use crate::settings::Settings;
use crate::stream::{Input, LONGEST_KEY, Partition, Stream, Value, device_of_key, partition_of};
use crate::workers;

/// A record, read.
pub(crate) enum Event<'a> {
    Adjustment(Eui64, Adjustment),
    Alert(Eui64, Box<Alert>),
    Baseline(Eui64, Box<Baseline>),
    /// Decided by itself: unreadable, or an outcome without a message.
    Decided {
        device: Option<Eui64>,
        request_id: Option<Cow<'a, str>>,
        /// Unix seconds.
        received_at: Option<u64>,
        decision: Decision,
    },
    Inventory(Eui64, Option<DeviceRecord>),
    /// An inventory record that cannot be used; it gets no decision.
    InventoryFault {
        reason: Reason,
        detail: String,
    },
    /// A message.
    Outcome {
        device: Eui64,
        request_id: Option<Cow<'a, str>>,
        /// Unix seconds.
        received_at: Option<u64>,
        octets: Octets<'a>,
    },
    /// With the verdicts on its certificates.
    Request(Eui64, Box<HandoverRequest>, Arc<RequestPaths>),
    /// Another partition's.
    Reroute(Eui64, u32),
}

/// Where the octets of a message are.
pub(crate) enum Octets<'a> {
    /// In the input, which is the message.
    Input(&'a [u8]),
    /// In the buffer of those that were taken out of records.
    Buffer(Range<usize>),
}

impl<'a> Octets<'a> {
    pub(crate) fn of(&self, buffer: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Input(octets) => octets,
            Self::Buffer(place) => buffer.get(place.clone()).unwrap_or_default(),
        }
    }
}

impl Event<'_> {
    /// The device, where judging will look it up.
    pub(crate) fn device(&self) -> Option<Eui64> {
        match self {
            Self::Outcome { device, .. }
            | Self::Request(device, ..)
            | Self::Adjustment(device, _)
            | Self::Alert(device, _)
            | Self::Baseline(device, _) => Some(*device),
            Self::Decided { .. }
            | Self::Inventory(..)
            | Self::InventoryFault { .. }
            | Self::Reroute(..) => None,
        }
    }
}

/// What records are read by.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'e> {
    pub(crate) settings: &'e Settings,
    pub(crate) partition: Partition,
    pub(crate) paths: &'e PathCache,
    /// See [`Engine::set_incarnations`].
    pub(crate) incarnations: &'e [String],
}

impl Engine {
    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader {
            settings: &self.settings,
            partition: self.partition,
            paths: &self.paths,
            incarnations: &self.incarnations,
        }
    }
}

impl Reader<'_> {
    /// Reads the records of a batch; the octets of messages that stand in records go to the end of `octets`.
    ///
    /// Records of which certificates or signatures of persons are checked are read on worker threads: requests, where
    /// that is most of the work but for the seal, the inventory where certificates are configured to vouch for it, and
    /// adjustments where signers are.
    pub(crate) fn read_all<'a>(
        self,
        inputs: &[Input<'a>],
        threads: usize,
        octets: &mut Vec<u8>,
    ) -> Vec<Event<'a>> {
        let has_checks = |input: &&Input<'_>| match input.stream {
            Stream::HandoverRequests => true,
            Stream::Inventory => self.settings.is_anchored(),
            Stream::Adjustments => self.settings.signers.is_some(),
            _ => false,
        };
        let on_threads: Vec<&Input<'a>> = inputs.iter().filter(has_checks).collect();
        let mut on_threads = workers::for_each(threads, &on_threads, |input| {
            self.read(input, &mut Vec::new())
        })
        .into_iter();
        octets.reserve(inputs.iter().map(octets_within).sum());
        inputs
            .iter()
            .map(|input| {
                let event = if has_checks(&input) {
                    on_threads.next()
                } else {
                    None
                };
                event.unwrap_or_else(|| self.read(input, octets))
            })
            .collect()
    }

    /// Reads a record; the octets of a message that stands in it go to the end of `octets`.
    pub(crate) fn read<'a>(self, input: &Input<'a>, octets: &mut Vec<u8>) -> Event<'a> {
        let Self {
            settings, paths, ..
        } = self;
        let fault = |device: Option<Eui64>, reason: Reason, detail: String| {
            if input.stream == Stream::Inventory {
                return Event::InventoryFault { reason, detail };
            }
            let decision = Decision::new(Disposition::DeadLetter, reason).detail(detail);
            Event::Decided {
                device,
                request_id: None,
                received_at: None,
                decision,
            }
        };
        let device = input.key.and_then(device_of_key);
        if let Some(detail) = too_large(input, settings) {
            return fault(device, Reason::TooLarge, detail);
        }
        let Some(device) = device else {
            return fault(None, Reason::BadKey, "the key is no EUI-64".to_owned());
        };
        let place = partition_of(device, self.partition.count);
        if place != self.partition.index {
            if input.stream == Stream::Inventory {
                return fault(
                    Some(device),
                    Reason::WrongPartition,
                    format!("it belongs to partition {place}"),
                );
            }
            return Event::Reroute(device, place);
        }
        let value = match input.value {
            Value::Absent if input.stream == Stream::Inventory => {
                return Event::Inventory(device, None);
            }
            Value::Absent => {
                return fault(
                    Some(device),
                    Reason::Malformed,
                    "a tombstone is no event".to_owned(),
                );
            }
            value => value,
        };
        let event = match (input.stream, value) {
            (stream, Value::Gbcs(message)) if has_messages(stream) => Ok(Event::Outcome {
                device,
                request_id: None,
                received_at: None,
                octets: Octets::Input(message),
            }),
            (stream, Value::Record(value)) if has_messages(stream) => OutcomeRecord::read(value)
                .and_then(|record| outcome(stream, device, record, octets)),
            (Stream::HandoverRequests, Value::Record(value)) => {
                HandoverRequest::read(value).map(|request| {
                    let verdicts = paths.check(&request);
                    Event::Request(device, Box::new(request), verdicts)
                })
            }
            (Stream::Adjustments, Value::Record(value)) => {
                Adjustment::read(value, settings.signers.as_ref(), self.incarnations)
                    .map(|adjustment| Event::Adjustment(device, adjustment))
            }
            (Stream::DccAlerts, Value::Record(value)) => {
                Alert::read(device, value).map(|alert| Event::Alert(device, Box::new(alert)))
            }
            (Stream::Baselines, Value::Record(value)) => {
                Baseline::read(value).map(|baseline| Event::Baseline(device, Box::new(baseline)))
            }
            (Stream::Inventory, Value::Record(value)) => {
                DeviceRecord::read(device, value, &settings.issuing_certificates)
                    .map(|record| Event::Inventory(device, Some(record)))
            }
            _ => Err(Unreadable("not a record of this stream".to_owned())),
        };
        event.unwrap_or_else(|Unreadable(detail)| fault(Some(device), Reason::Malformed, detail))
    }
}

/// Octets that a message in this record may have: it stands there in base64.
fn octets_within(input: &Input<'_>) -> usize {
    match input.value {
        Value::Record(value) if has_messages(input.stream) => value.len() / 4 * 3,
        _ => 0,
    }
}

/// Whether messages of or to devices stand there.
fn has_messages(stream: Stream) -> bool {
    matches!(
        stream,
        Stream::UpdateOutcomes
            | Stream::UpdateRequests
            | Stream::HandoverOutcomes
            | Stream::ReadBacks
    )
}

/// What is too large about a record. Nothing else is looked at before: not its key, and not where it belongs, since to
/// write it again there would be to write a larger one.
fn too_large(input: &Input<'_>, settings: &Settings) -> Option<String> {
    let value = input.value.octets_on_stream();
    let limit = settings.message_bytes;
    if value > limit {
        return Some(format!("{value} octets; the limit is {limit}"));
    }
    let key = input.key.map_or(0, <[u8]>::len);
    (key > LONGEST_KEY).then(|| format!("a key of {key} octets; the limit is {LONGEST_KEY}"))
}

/// The message of an outcome; without one, the response code decides.
fn outcome<'a>(
    stream: Stream,
    device: Eui64,
    record: OutcomeRecord<'a>,
    octets: &mut Vec<u8>,
) -> Result<Event<'a>, Unreadable> {
    let (request_id, received_at) = (record.request_id, record.received_at);
    let octets = match record.payload {
        Some(Payload::Base64(text)) => base64::decode_append(text.as_bytes(), octets)
            .ok_or_else(|| Unreadable("gbcs_payload is no base64".to_owned()))?,
        Some(Payload::Octets(message)) => {
            let start = octets.len();
            octets.extend_from_slice(&message);
            start..octets.len()
        }
        None => {
            let code = record.response_code.unwrap_or_default();
            // I0 and I99 tell of success and acknowledgement; every error code begins otherwise.
            let (disposition, reason) = if code.starts_with('I') {
                (Disposition::NotRecorded, Reason::NoOutcome)
            } else if stream == Stream::HandoverOutcomes {
                (Disposition::HandoverFailed, Reason::ErrorResponse)
            } else {
                (Disposition::NotRecorded, Reason::ErrorResponse)
            };
            let decision = Decision::new(disposition, reason)
                .detail(format!("response code {code}, no message"));
            return Ok(Event::Decided {
                device: Some(device),
                request_id,
                received_at,
                decision,
            });
        }
    };
    Ok(Event::Outcome {
        device,
        request_id,
        received_at,
        octets: Octets::Buffer(octets),
    })
}

/// What a message says, or the decision that it says nothing to this engine.
pub(crate) fn facts(octets: &[u8], class: Option<Class>) -> Result<Facts<'_>, Decision> {
    match Message::decode(octets) {
        Ok(message) => Ok(Facts::of(message, octets, class)),
        Err(error @ DecodeError::UnknownMessageCode(_)) => Err(Decision::new(
            Disposition::NotRecorded,
            Reason::NotAnOutcome,
        )
        .detail(error.to_string())),
        Err(error) => {
            Err(Decision::new(Disposition::DeadLetter, Reason::Malformed).detail(error.to_string()))
        }
    }
}
