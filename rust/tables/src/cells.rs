//! The cells of Network Operator slots, as the changelog and the engine have them.

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType, SchemaRef};
use slotkeeper_counters::{CellImage, CellSource, DEFAULT_CEILING, DeviceImage, RoleImage};
use slotkeeper_engine::RESERVED;

use crate::columns::{append_eui, append_key, columns};
use crate::faults::Faults;
use crate::inventory::own_device;

/// Separates a device from the rest of the key of a parked record.
const PARKED: u8 = b'/';

columns! {
    Rows {
        place: Int64Builder as DataType::Int64,
        gone: BooleanBuilder as DataType::Boolean,
        device: StringBuilder as DataType::Utf8,
        partition: Int32Builder as DataType::Int32,
        readable: BooleanBuilder as DataType::Boolean,
        ds_eui: StringBuilder as DataType::Utf8,
        ds_key: StringBuilder as DataType::Utf8,
        ds_verified: BooleanBuilder as DataType::Boolean,
        ds_source: StringBuilder as DataType::Utf8,
        ds_doubtful: BooleanBuilder as DataType::Boolean,
        ka_eui: StringBuilder as DataType::Utf8,
        ka_key: StringBuilder as DataType::Utf8,
        ka_verified: BooleanBuilder as DataType::Boolean,
        ka_source: StringBuilder as DataType::Utf8,
        ka_doubtful: BooleanBuilder as DataType::Boolean,
    }
}

/// Takes device records of one partition's changelog.
pub struct CellsTable {
    partition: u32,
    partitions: u32,
    rows: Rows,
    faults: Faults,
}

/// Whose a changelog record is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Taken {
    /// A device's, or one that could not be used.
    Ours,
    /// The host's own: its key begins with `@`.
    Hosts,
}

impl CellsTable {
    /// Begins with nothing; `partitions` says how many the stream has.
    pub fn new(partition: u32, partitions: u32) -> Self {
        Self {
            partition,
            partitions,
            rows: Rows::default(),
            faults: Faults::default(),
        }
    }

    /// Takes a record. Of a device whose record cannot be read a row says so: what stands in its cells is not known.
    pub fn take(&mut self, offset: u64, key: Option<&[u8]>, value: Option<&[u8]>) -> Taken {
        let first = key.and_then(<[u8]>::first);
        if first == Some(&RESERVED) {
            return Taken::Hosts;
        }
        if key.is_some_and(|key| key.contains(&PARKED)) {
            return Taken::Ours;
        }
        match own_device(key, self.partition, self.partitions) {
            Err(reason) => self.faults.add(self.partition, offset, reason),
            Ok(device) => {
                // No ceiling changes the cells.
                let image = value.map(|octets| DeviceImage::decode(octets, DEFAULT_CEILING));
                let cells = match image {
                    Some(Ok(image)) if image.device == device.to_u64() => {
                        Some(image.network_operator)
                    }
                    None => Some(RoleImage::default()),
                    Some(_) => {
                        self.faults
                            .add(self.partition, offset, "the device's record is damaged");
                        None
                    }
                };
                let place = i64::try_from(offset).unwrap_or(i64::MAX);
                self.add(place, value.is_none(), device.to_u64(), cells.as_ref());
            }
        }
        Taken::Ours
    }

    /// Adds what an engine has of a device.
    pub fn add_device(&mut self, device: u64, role: &RoleImage) {
        self.add(0, false, device, Some(role));
    }

    fn add(&mut self, place: i64, gone: bool, device: u64, role: Option<&RoleImage>) {
        let rows = &mut self.rows;
        rows.place.append_value(place);
        rows.gone.append_value(gone);
        append_eui(&mut rows.device, Some(device));
        rows.partition
            .append_value(i32::try_from(self.partition).unwrap_or(i32::MAX));
        rows.readable.append_value(role.is_some());
        let [ds, ka] = role.copied().unwrap_or_default().cells;
        append_eui(&mut rows.ds_eui, ds.occupant.map(|occupant| occupant.eui));
        append_key(
            &mut rows.ds_key,
            ds.occupant.and_then(|occupant| occupant.key_identifier),
        );
        rows.ds_verified.append_value(ds.verified);
        rows.ds_source.append_value(ds.source.name());
        rows.ds_doubtful.append_value(is_doubtful(&ds));
        append_eui(&mut rows.ka_eui, ka.occupant.map(|occupant| occupant.eui));
        append_key(
            &mut rows.ka_key,
            ka.occupant.and_then(|occupant| occupant.key_identifier),
        );
        rows.ka_verified.append_value(ka.verified);
        rows.ka_source.append_value(ka.source.name());
        rows.ka_doubtful.append_value(is_doubtful(&ka));
    }

    /// Gives the rows since the last call: `place` is the record's offset, `readable` is false where it is damaged.
    ///
    /// # Errors
    /// None of its own: columns are of one length.
    pub fn rows(&mut self) -> Result<RecordBatch, ArrowError> {
        self.rows.drain()
    }

    /// Of the rows, whether there are any or not.
    pub fn schema() -> SchemaRef {
        Rows::schema()
    }

    /// The records that could not be used.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }
}

/// Something is told of the cell, and yet nobody can be named.
fn is_doubtful(cell: &CellImage) -> bool {
    cell.occupant.is_none() && cell.source != CellSource::Unknown
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use slotkeeper_counters::Occupant;

    use super::*;

    const GPF: &[u8] = b"00-DB-12-34-56-78-90-A3";

    fn image() -> Vec<u8> {
        let mut image = DeviceImage {
            device: 0x00db_1234_5678_90a3,
            version: 1,
            ..DeviceImage::default()
        };
        image.network_operator.cells[0] = CellImage {
            occupant: Some(Occupant {
                eui: 0x0a0b_0c0d_0e0f_1011,
                key_identifier: Some([0xee; 8]),
            }),
            verified: true,
            source: CellSource::Outcome,
            ..CellImage::default()
        };
        image.encode()
    }

    #[test]
    fn a_record_tells_its_cells_and_a_damaged_one_that_it_is() {
        let mut table = CellsTable::new(0, 1);
        let mut damaged = image();
        damaged[20] ^= 1;
        assert_eq!(table.take(1, Some(GPF), Some(&image())), Taken::Ours);
        assert_eq!(table.take(2, Some(GPF), Some(&damaged)), Taken::Ours);
        assert_eq!(
            table.take(3, Some(b"@positions"), Some(b"{}")),
            Taken::Hosts
        );
        table.take(
            4,
            Some(b"00-DB-12-34-56-78-90-A3/parked/0123456789abcdef"),
            Some(b"x"),
        );
        table.take(5, Some(b"00-DB-12-34-56-78-90-A4"), Some(&image()));
        let rows = table.rows().unwrap();
        assert_eq!(rows.num_rows(), 3);
        let text = |name, row| {
            rows.column_by_name(name)
                .unwrap()
                .as_string::<i32>()
                .value(row)
        };
        assert_eq!(text("ds_eui", 0), "0A-0B-0C-0D-0E-0F-10-11");
        assert_eq!(text("ds_key", 0), "eeeeeeeeeeeeeeee");
        let readable = rows.column_by_name("readable").unwrap().as_boolean();
        assert_eq!(
            [0, 1, 2].map(|row| readable.value(row)),
            [true, false, false]
        );
        assert_eq!(table.faults().count, 2);
    }
}
