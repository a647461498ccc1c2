//! Reads a record image back; [`DeviceImage`] tells the layout.

use crate::cover::{Cover, CoverGroup};
use crate::image::{
    CELL_KEY_IDENTIFIER, CELL_OCCUPANT, CELL_SOURCE, CELL_TIME, CELL_VERIFIED, CRC_BYTES,
    CellImage, DeviceImage, FORMAT, FORMAT_1, FORMAT_2, FORMAT_4, FORMAT_5, ImageError, RoleImage,
    SECTION_COVERS, SECTION_MESSAGES, SECTION_REQUESTS, SECTION_SUPPLIER, SECTION_TRAILS,
    SECTION_VOIDS,
};
use crate::notes::{
    GROUPS, KINDS, MESSAGES_KEPT, MessageNote, RequestNote, VOIDS_KEPT, VoidNote, most_of,
};
use crate::occupants::Occupant;
use crate::role::{CellSource, LAST_COUNTER, Marks, Role};
use crate::trail::{Trail, end_of};
use crc32c::crc32c;

impl DeviceImage {
    /// Reads the bytes of a changelog record, of format 5 to 1.
    ///
    /// `ceiling` is that of the table that it is for: it tells where the numbers of format 1 belong,
    /// which lists them one by one. The caller compares [`device`](Self::device) with the key under which the record stood.
    ///
    /// # Errors
    ///
    /// [`ImageError::Damaged`] where the checksum does not fit, [`ImageError::UnknownFormat`] for a
    /// newer release's format (D9), [`ImageError::Malformed`] for anything else that no `encode`
    /// wrote.
    pub fn decode(bytes: &[u8], ceiling: u64) -> Result<Self, ImageError> {
        let (content, crc) = bytes
            .split_last_chunk::<CRC_BYTES>()
            .ok_or(ImageError::Damaged)?;
        if crc32c(content) != u32::from_be_bytes(*crc) {
            return Err(ImageError::Damaged);
        }
        let (format, content) = content.split_first().ok_or(ImageError::Malformed)?;
        let mut reader = Reader(content);
        let image = match *format {
            FORMAT | FORMAT_4 | FORMAT_5 => {
                reader.device().filter(|image| image.format() == *format)
            }
            FORMAT_2 => reader.device_of_format_2(),
            FORMAT_1 => reader.device_of_format_1(ceiling),
            format => return Err(ImageError::UnknownFormat(format)),
        };
        image
            .filter(|_| reader.0.is_empty())
            .ok_or(ImageError::Malformed)
    }
}

/// What is left to read; `None` from any method is a malformed image.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl Reader<'_> {
    fn device(&mut self) -> Option<DeviceImage> {
        let (mut image, sections) = self.body()?;
        if sections & SECTION_VOIDS != 0 {
            let count = self.count(VOIDS_KEPT)?;
            image.voids = self.notes(count, Self::void)?;
        }
        for (trail, section) in image.trails.iter_mut().zip(SECTION_TRAILS) {
            if sections & section != 0 {
                *trail = self.trail()?;
            }
        }
        // Of a role may be told, or a command be sent to it, before any number of it is known or anybody stands there.
        image.is_in_order().then_some(image)
    }

    /// A release that kept no links knew who held a cell, but not for certain.
    fn device_of_format_2(&mut self) -> Option<DeviceImage> {
        let (mut image, sections) = self.body()?;
        let [first, second] = SECTION_TRAILS;
        image.presume_cells();
        let later = first | second | SECTION_VOIDS;
        (image.is_in_order() && sections & later == 0).then_some(image)
    }

    fn trail(&mut self) -> Option<Trail> {
        let octets = self.0.get(..8 * end_of(&[self.u64_ahead()?]))?;
        let (words, _) = octets.as_chunks::<8>();
        let words: Vec<_> = words.iter().map(|&word| u64::from_be_bytes(word)).collect();
        self.0 = self.0.get(octets.len()..)?;
        let trail = Trail::from_words(&words).ok()?;
        (!trail.is_plain()).then_some(trail)
    }

    /// Everything before the trails.
    fn body(&mut self) -> Option<(DeviceImage, u8)> {
        let (mut image, sections) = self.head()?;
        if sections & SECTION_REQUESTS != 0 {
            image.requests = self.requests()?;
        }
        if sections & SECTION_COVERS != 0 {
            image.covers = self.covers()?;
        }
        Some((image, sections))
    }

    /// Everything before the requests, and which sections follow.
    pub(crate) fn head(&mut self) -> Option<(DeviceImage, u8)> {
        let device = self.u64()?;
        let version = self.u32()?;
        let flags = u16::from_be_bytes(self.take()?);
        let sections = self.u8()?;
        let [first, second] = SECTION_TRAILS;
        let later = first | second | SECTION_VOIDS;
        let known = SECTION_SUPPLIER | SECTION_MESSAGES | SECTION_REQUESTS | SECTION_COVERS | later;
        if sections & !known != 0 {
            return None;
        }
        let network_operator = self.role()?;
        let supplier = if sections & SECTION_SUPPLIER != 0 {
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
        if sections & SECTION_MESSAGES != 0 {
            let count = self.count(MESSAGES_KEPT)?;
            image.messages = self.notes(count, Self::message)?;
        }
        Some((image, sections))
    }

    fn requests(&mut self) -> Option<Vec<RequestNote>> {
        let present = self.kinds()?;
        let mut counts = [0; KINDS.len()];
        for (place, (count, (_, imported))) in counts.iter_mut().zip(KINDS).enumerate() {
            if present >> place & 1 == 1 {
                *count = self.count(most_of(imported))?;
            }
        }
        let mut requests = Vec::with_capacity(counts.iter().sum());
        for ((role, imported), count) in KINDS.into_iter().zip(counts) {
            for _ in 0..count {
                requests.push(RequestNote {
                    role,
                    imported,
                    issued: self.u64()?,
                    originator: self.u64()?,
                    request_counter: self.u64()?,
                });
            }
        }
        Some(requests)
    }

    fn covers(&mut self) -> Option<Vec<(Role, Cover)>> {
        let present = self.kinds()?;
        let mut groups = [None; GROUPS];
        for (place, group) in groups.iter_mut().enumerate() {
            if present >> place & 1 == 1 {
                *group = Some(self.group()?);
            }
        }
        let covers = groups.as_chunks::<2>().0.iter().copied();
        let covers = Role::ALL.into_iter().zip(covers.map(Cover::from_groups));
        Some(covers.filter(|(_, cover)| !cover.is_empty()).collect())
    }

    fn group(&mut self) -> Option<CoverGroup> {
        let shift = u32::from(self.u8()?);
        let inner = usize::from(self.u8()?);
        let (first, last) = (self.u64()?, self.u64()?);
        let inner = self.notes(inner, Self::u64)?;
        CoverGroup::from_parts(shift, first, last, &inner)
    }

    /// Which of four things are present; at least one is.
    fn kinds(&mut self) -> Option<u8> {
        self.u8().filter(|present| (1..1 << 4).contains(present))
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

    pub(crate) fn count(&mut self, most: usize) -> Option<usize> {
        let count = usize::from(self.u8()?);
        (1..=most).contains(&count).then_some(count)
    }

    pub(crate) fn notes<T>(
        &mut self,
        count: usize,
        read: fn(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
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

    fn void(&mut self) -> Option<VoidNote> {
        self.take()
    }

    fn u8(&mut self) -> Option<u8> {
        self.take().map(u8::from_be_bytes)
    }

    fn u64_ahead(&self) -> Option<u64> {
        self.0
            .first_chunk()
            .map(|&octets| u64::from_be_bytes(octets))
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }
}
