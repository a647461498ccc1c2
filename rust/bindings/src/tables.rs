//! Records as Arrow tables, and what an engine knows of slots as such a table.

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{RecordBatch, RecordBatchIterator};
use arrow_schema::{ArrowError, SchemaRef};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyCapsule;
use slotkeeper_gbcs::{Eui64, KeyIdentifier};
use slotkeeper_tables::{
    AuditTables, CellsTable, Faults, InventoryTable, Kept, KnownRow, RegisterTable, Taken,
};

use crate::enter::Guarded;
use crate::errors::Fault;
use crate::records::read_back;

/// Rows that whoever understands the Arrow PyCapsule interface takes without a copy.
#[pyclass(frozen, module = "slotkeeper._core")]
pub(crate) struct ArrowRows {
    rows: usize,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl ArrowRows {
    pub(crate) fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self {
            rows: batches.iter().map(RecordBatch::num_rows).sum(),
            schema,
            batches,
        }
    }

    fn of(batch: RecordBatch) -> Self {
        Self::new(batch.schema(), vec![batch])
    }
}

#[pymethods]
impl ArrowRows {
    fn __len__(&self) -> usize {
        self.rows
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // The interface lets a producer that cannot cast ignore it.
        drop(requested_schema);
        let batches = self.batches.clone().into_iter().map(Ok);
        let reader = RecordBatchIterator::new(batches, self.schema.clone());
        let stream = FFI_ArrowArrayStream::new(Box::new(reader));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }
}

/// How many records could not be used, and partition, offset and reason of the first.
type Told = (u64, Vec<(u32, u64, &'static str)>);

fn told(faults: &Faults) -> Told {
    let named = faults.named.iter();
    let named = named.map(|fault| (fault.partition, fault.offset, fault.reason));
    (faults.count, named.collect())
}

fn rows(batch: Result<RecordBatch, ArrowError>) -> Result<ArrowRows, Fault> {
    // Columns are appended to together: they cannot differ in length.
    batch
        .map(ArrowRows::of)
        .map_err(|error| Fault::Configuration(error.to_string()))
}

/// A record as these tables read it: partition, offset, key and value.
type Read = (u32, u64, Option<PyBackedBytes>, Option<PyBackedBytes>);

fn read(records: &Bound<'_, PyAny>) -> PyResult<Vec<Read>> {
    let py = records.py();
    records
        .try_iter()?
        .map(|record| {
            let record = record?;
            let partition = record.getattr(intern!(py, "partition"))?.extract()?;
            let offset = record.getattr(intern!(py, "offset"))?.extract()?;
            let (key, value) = read_back(&record)?;
            Ok((partition, offset, key, value))
        })
        .collect()
}

/// A device's last row of `history`: device, identity and key identifier of both cells, whether they are in doubt, since
/// when and by whose clock, and the time of its first row.
type LastRow = (String, LastCell, LastCell, bool, i64, String, i64);
type LastCell = (Option<String>, Option<String>);

fn last_row((device, ds, ka, is_doubtful, latest, source, earliest): &LastRow) -> Option<KnownRow> {
    let eui = |text: &String| Eui64::parse(text.as_bytes()).map(Eui64::to_u64);
    let key = |text: &String| text.parse::<KeyIdentifier>().ok().map(|key| key.0);
    let cell = |cell: &LastCell| (cell.0.as_ref().and_then(eui), cell.1.as_ref().and_then(key));
    Some(KnownRow {
        device: eui(device)?,
        cells: [cell(ds), cell(ka)],
        is_doubtful: *is_doubtful,
        latest: *latest,
        source: match source.as_str() {
            "DEVICE" => "DEVICE",
            "RECEIVED" => "RECEIVED",
            _ => "DECISION",
        },
        earliest: *earliest,
    })
}

#[pyclass(frozen, module = "slotkeeper._core")]
pub(crate) struct CoreAuditTables(Guarded<AuditTables>);

#[pymethods]
impl CoreAuditTables {
    #[new]
    #[pyo3(signature = (partition, *, goes_on))]
    fn new(partition: u32, goes_on: bool) -> Self {
        Self(Guarded::new(AuditTables::new(partition, goes_on)))
    }

    #[pyo3(signature = (records, *, until = None))]
    fn take(&self, records: &Bound<'_, PyAny>, until: Option<u64>) -> PyResult<(usize, bool)> {
        let read = read(records)?;
        self.0.enter(records.py(), |tables| {
            for (index, (_, offset, _, value)) in read.iter().enumerate() {
                let number = tables.take(*offset, value.as_deref());
                if until.is_some() && number == until {
                    return Ok((index + 1, true));
                }
            }
            Ok((read.len(), false))
        })
    }

    fn waiting(&self, py: Python<'_>) -> PyResult<ArrowRows> {
        self.0.enter(py, |tables| rows(tables.waiting()))
    }

    fn know(&self, py: Python<'_>, known: Vec<LastRow>) -> PyResult<()> {
        self.0.enter(py, |tables| {
            tables.know(known.iter().filter_map(last_row));
            Ok(())
        })
    }

    fn history(&self, py: Python<'_>) -> PyResult<ArrowRows> {
        self.0.enter(py, |tables| rows(tables.history()))
    }

    fn attempts(&self, py: Python<'_>) -> PyResult<ArrowRows> {
        self.0.enter(py, |tables| rows(tables.attempts()))
    }

    fn decisions(&self, py: Python<'_>) -> PyResult<ArrowRows> {
        self.0.enter(py, |tables| rows(tables.decisions()))
    }

    fn faults(&self, py: Python<'_>) -> PyResult<Told> {
        self.0.enter(py, |tables| Ok(told(tables.faults())))
    }
}

#[pyclass(frozen, module = "slotkeeper._core")]
pub(crate) struct CoreInventoryTable(Guarded<InventoryTable>);

#[pymethods]
impl CoreInventoryTable {
    #[new]
    fn new(partition: u32, partitions: u32) -> Self {
        Self(Guarded::new(InventoryTable::new(partition, partitions)))
    }

    fn take(&self, records: &Bound<'_, PyAny>) -> PyResult<()> {
        let read = read(records)?;
        self.0.enter(records.py(), |table| {
            for (_, offset, key, value) in &read {
                table.take(*offset, key.as_deref(), value.as_deref());
            }
            Ok(())
        })
    }

    fn rows(&self, py: Python<'_>) -> PyResult<ArrowRows> {
        self.0.enter(py, |table| rows(table.rows()))
    }

    fn faults(&self, py: Python<'_>) -> PyResult<Told> {
        self.0.enter(py, |table| Ok(told(table.faults())))
    }
}

#[pyclass(frozen, module = "slotkeeper._core")]
pub(crate) struct CoreCellsTable(Guarded<CellsTable>);

#[pymethods]
impl CoreCellsTable {
    #[new]
    fn new(partition: u32, partitions: u32) -> Self {
        Self(Guarded::new(CellsTable::new(partition, partitions)))
    }

    fn take<'py>(&self, records: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let read = read(records)?;
        let hosts: Vec<usize> = self.0.enter(records.py(), |table| {
            let mut hosts = Vec::new();
            for (index, (_, offset, key, value)) in read.iter().enumerate() {
                if table.take(*offset, key.as_deref(), value.as_deref()) == Taken::Hosts {
                    hosts.push(index);
                }
            }
            Ok(hosts)
        })?;
        hosts
            .into_iter()
            .map(|index| records.get_item(index))
            .collect()
    }

    fn rows(&self, py: Python<'_>) -> PyResult<ArrowRows> {
        self.0.enter(py, |table| rows(table.rows()))
    }

    fn faults(&self, py: Python<'_>) -> PyResult<Told> {
        self.0.enter(py, |table| Ok(told(table.faults())))
    }
}

#[pyclass(frozen, module = "slotkeeper._core")]
pub(crate) struct CoreRegisterTable(Guarded<RegisterTable>);

#[pymethods]
impl CoreRegisterTable {
    #[new]
    #[pyo3(signature = (*, histories = false, after = 0))]
    fn new(histories: bool, after: i64) -> Self {
        let kept = if histories {
            Kept::Histories
        } else {
            Kept::Whole
        };
        Self(Guarded::new(RegisterTable::new(kept, after)))
    }

    fn take(&self, records: &Bound<'_, PyAny>) -> PyResult<()> {
        let read = read(records)?;
        self.0.enter(records.py(), |table| {
            for (partition, offset, key, value) in &read {
                table.take(*partition, *offset, key.as_deref(), value.as_deref());
            }
            Ok(())
        })
    }

    fn rows(&self, py: Python<'_>) -> PyResult<ArrowRows> {
        self.0.enter(py, |table| rows(table.rows()))
    }

    fn faults(&self, py: Python<'_>) -> PyResult<Told> {
        self.0.enter(py, |table| Ok(told(table.faults())))
    }
}
