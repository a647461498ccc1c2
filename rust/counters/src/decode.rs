//! Reads a record image back; [`DeviceImage`] tells the layout.

use crate::image::{
    CELL_KEY_IDENTIFIER, CELL_OCCUPANT, CELL_SOURCE, CELL_TIME, CELL_VERIFIED, CRC_BYTES,
    CellImage, DeviceImage, FORMAT, ImageError, RoleImage, SECTION_ISSUED, SECTION_MESSAGES,
    SECTION_REQUESTS, SECTION_SUPPLIER,
};
use crate::notes::{MESSAGES_KEPT, MessageNote, REQUESTS_KEPT, RequestNote, issued_from_word};
use crate::occupants::Occupant;
use crate::role::{CellSource, LAST_COUNTER, Marks, Role};
use crc32c::crc32c;

impl DeviceImage {
    /// Reads the bytes of a changelog record.
    ///
    /// The caller compares [`device`](Self::device) with the key under which the record stood.
    ///
    /// # Errors
    ///
    /// [`ImageError::Damaged`] where the checksum does not fit, [`ImageError::UnknownFormat`] for a
    /// newer release's format (D9), [`ImageError::Malformed`] for anything else that no `encode`
    /// wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, ImageError> {
        let (content, crc) = bytes
            .split_last_chunk::<CRC_BYTES>()
            .ok_or(ImageError::Damaged)?;
        if crc32c(content) != u32::from_be_bytes(*crc) {
            return Err(ImageError::Damaged);
        }
        match content.split_first() {
            Some((&FORMAT, content)) => {
                let mut reader = Reader(content);
                let image = reader.device().ok_or(ImageError::Malformed)?;
                if reader.0.is_empty() {
                    Ok(image)
                } else {
                    Err(ImageError::Malformed)
                }
            }
            Some((&format, _)) => Err(ImageError::UnknownFormat(format)),
            None => Err(ImageError::Malformed),
        }
    }
}

/// What is left to read; `None` from any method is a malformed image.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn device(&mut self) -> Option<DeviceImage> {
        let device = self.u64()?;
        let version = self.u32()?;
        let flags = u16::from_be_bytes(self.take()?);
        let sections = self.u8()?;
        let known = SECTION_SUPPLIER | SECTION_MESSAGES | SECTION_REQUESTS | SECTION_ISSUED;
        if sections & !known != 0 {
            return None;
        }
        let present = |section| sections & section != 0;
        let network_operator = self.role()?;
        let supplier = if present(SECTION_SUPPLIER) {
            Some(self.role()?)
        } else {
            None
        };
        let mut image = DeviceImage {
            device,
            version,
            flags,
            network_operator,
            supplier,
            ..Default::default()
        };
        if present(SECTION_MESSAGES) {
            image.messages = self.notes(MESSAGES_KEPT, Self::message)?;
        }
        if present(SECTION_REQUESTS) {
            image.requests = self.notes(REQUESTS_KEPT, Self::request)?;
        }
        if present(SECTION_ISSUED) {
            image.older_issued = self.older_issued()?;
        }
        Some(image)
    }

    fn role(&mut self) -> Option<RoleImage> {
        let present = self.u8()?;
        if present > 0b111 {
            return None;
        }
        let mut mark = |bit: u8| -> Option<Option<u64>> {
            if present >> bit & 1 == 1 {
                self.u64().map(Some)
            } else {
                Some(None)
            }
        };
        let marks = Marks {
            recorded: mark(0)?,
            seen: mark(1)?,
            issued: mark(2)?,
        };
        if marks.issued > Some(LAST_COUNTER) {
            return None;
        }
        Some(RoleImage {
            marks,
            cells: [self.cell()?, self.cell()?],
        })
    }

    fn cell(&mut self) -> Option<CellImage> {
        let bits = self.u8()?;
        let present = |bit| bits & bit != 0;
        let source = CellSource::from_number(bits & CELL_SOURCE)?;
        if bits > (CELL_TIME << 1) - 1 {
            return None;
        }
        let occupant = match (present(CELL_OCCUPANT), present(CELL_KEY_IDENTIFIER)) {
            (false, false) => None,
            (false, true) => return None,
            (true, false) => Some(Occupant {
                eui: self.u64()?,
                key_identifier: None,
            }),
            (true, true) => Some(Occupant {
                eui: self.u64()?,
                key_identifier: Some(self.take()?),
            }),
        };
        let device_time = if present(CELL_TIME) {
            self.u32().filter(|&time| time != 0)?
        } else {
            0
        };
        Some(CellImage {
            occupant,
            device_time,
            verified: present(CELL_VERIFIED),
            source,
        })
    }

    fn notes<T>(&mut self, most: usize, read: fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = usize::from(self.u8()?);
        if !(1..=most).contains(&count) {
            return None;
        }
        (0..count).map(|_| read(self)).collect()
    }

    fn message(&mut self) -> Option<MessageNote> {
        let identity = self.u64()?;
        let digest = self.take()?;
        let verified = match self.u8()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        Some(MessageNote {
            identity,
            digest,
            verified,
        })
    }

    fn request(&mut self) -> Option<RequestNote> {
        Some(RequestNote {
            originator: self.u64()?,
            request_counter: self.u64()?,
            issued: self.u64()?,
        })
    }

    fn older_issued(&mut self) -> Option<Vec<(Role, u64)>> {
        let count = usize::try_from(self.u32()?).ok()?;
        let (words, []) = self.0.as_chunks::<8>() else {
            return None;
        };
        if count == 0 || words.len() != count {
            return None;
        }
        self.0 = &[];
        let words: Vec<u64> = words
            .iter()
            .map(|&bytes| u64::from_be_bytes(bytes))
            .collect();
        if !words.is_sorted_by(|first, second| first < second) {
            return None;
        }
        Some(words.into_iter().map(issued_from_word).collect())
    }

    fn u8(&mut self) -> Option<u8> {
        self.take().map(u8::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }
}
