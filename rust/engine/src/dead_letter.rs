//! Dead letters: the octets of a record, where it stood and what is wrong with it.
//!
//! A dead letter fits its topic whatever its record is: what it keeps of a longer one is cut, and its headers then give
//! length and SHA-256 of the whole, by which the whole can be told where its producer still has it.

use crate::decision::Reason;
use crate::json::append_hex;
use crate::outbox::{Headers, Outbox, octets_of};
use crate::quoted::{LONGEST_DETAIL, beginning};
use crate::stream::{Input, LONGEST_KEY, Stream};

/// The names of the headers that tell of a whole.
struct Whole {
    octets: &'static str,
    sha256: &'static str,
}

const KEY: Whole = Whole {
    octets: "key-octets",
    sha256: "key-sha256",
};
const VALUE: Whole = Whole {
    octets: "octets",
    sha256: "sha256",
};

impl Outbox {
    /// Writes the dead letter of a record, at most `limit` octets with its key and its headers.
    pub(crate) fn dead_letter(
        &mut self,
        input: &Input<'_>,
        fault: Reason,
        detail: &str,
        limit: usize,
    ) {
        let partition = self.partition();
        let mut headers = vec![
            ("stream", input.stream.name().as_bytes().to_vec()),
            ("partition", partition.to_string().into_bytes()),
            ("offset", input.offset.to_string().into_bytes()),
            ("fault", fault.name().as_bytes().to_vec()),
            (
                "detail",
                beginning(detail, LONGEST_DETAIL).as_bytes().to_vec(),
            ),
        ];
        let key = input
            .key
            .map(|key| kept(key, LONGEST_KEY, &KEY, &mut headers));
        let value = input.value.bytes().map(|value| {
            let taken = octets_of(key, None, &headers);
            let room = limit.saturating_sub(taken);
            if value.len() <= room {
                return value;
            }
            let told = tell(value, &VALUE, &mut headers);
            value.get(..room.saturating_sub(told)).unwrap_or_default()
        });
        self.push(
            Stream::DeadLetters,
            partition,
            key.map(<[u8]>::to_vec),
            value.map(<[u8]>::to_vec),
            headers,
        );
    }
}

/// What is kept of octets of which there may be at most `most`.
fn kept<'a>(octets: &'a [u8], most: usize, whole: &Whole, headers: &mut Headers) -> &'a [u8] {
    match octets.get(..most) {
        Some(beginning) if octets.len() > most => {
            tell(octets, whole, headers);
            beginning
        }
        _ => octets,
    }
}

/// Adds the headers that tell of the whole, and gives their octets.
fn tell(octets: &[u8], whole: &Whole, headers: &mut Headers) -> usize {
    let before = octets_of(None, None, headers);
    let mut digest = Vec::new();
    append_hex(&slotkeeper_crypto::sha256(octets), &mut digest);
    headers.push((whole.octets, octets.len().to_string().into_bytes()));
    headers.push((whole.sha256, digest));
    octets_of(None, None, headers) - before
}
