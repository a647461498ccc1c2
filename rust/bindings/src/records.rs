//! Records across the boundary: a list in, a list out, one crossing for a batch.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};
use slotkeeper_engine::{Input, OutputRecord, Stream, Value};

use crate::errors::Fault;

/// A record as Python handed it over; its octets stay where they are.
pub(crate) struct Received {
    stream: Stream,
    offset: u64,
    key: Option<PyBackedBytes>,
    value: Option<PyBackedBytes>,
    is_message: bool,
}

impl Received {
    pub(crate) fn input(&self) -> Input<'_> {
        let value = match self.value.as_deref() {
            None => Value::Absent,
            Some(value) if self.is_message => Value::Gbcs(value),
            Some(value) => Value::Record(value),
        };
        Input {
            stream: self.stream,
            offset: self.offset,
            key: self.key.as_deref(),
            value,
        }
    }
}

/// Reads `(stream, offset, key, value)` or `(stream, offset, key, value, form)` tuples; `find` knows the streams by name.
pub(crate) fn receive(
    records: &Bound<'_, PyAny>,
    find: fn(&str) -> Option<Stream>,
) -> PyResult<Vec<Received>> {
    let mut received = Vec::with_capacity(records.len()?);
    // Streams come in runs: the last name is remembered with what it means.
    let mut last: Option<(Py<PyString>, Stream)> = None;
    for record in records.try_iter()? {
        let record = record?.cast_into::<PyTuple>()?;
        let unknown = |name: &Bound<'_, PyAny>| {
            let shown = name.repr().map(|repr| repr.to_string_lossy().into_owned());
            Fault::Configuration(format!(
                "{} is not a stream that the engine reads",
                shown.unwrap_or_default()
            ))
        };
        let name = record.get_item(0)?;
        let name = name.cast::<PyString>().map_err(|_| unknown(&name))?;
        let stream = match &last {
            Some((known, stream)) if known.is(name) => *stream,
            _ => {
                let stream = find(&name.to_string_lossy()).ok_or_else(|| unknown(name))?;
                last = Some((name.clone().unbind(), stream));
                stream
            }
        };
        let is_message = match record.len() {
            4 => false,
            _ => match record.get_item(4)?.extract::<String>()?.as_str() {
                "record" => false,
                "gbcs" => true,
                form => {
                    return Err(Fault::Configuration(format!(
                        "`{form}` is neither `record` nor `gbcs`"
                    ))
                    .into());
                }
            },
        };
        received.push(Received {
            stream,
            offset: record.get_item(1)?.extract()?,
            key: record.get_item(2)?.extract()?,
            value: record.get_item(3)?.extract()?,
            is_message,
        });
    }
    Ok(received)
}

/// Key and value of a record that was read back, by the attributes of whatever object the client made of it.
pub(crate) type ReadBack = (Option<PyBackedBytes>, Option<PyBackedBytes>);

/// Reads key and value off a record.
pub(crate) fn read_back(record: &Bound<'_, PyAny>) -> PyResult<ReadBack> {
    let py = record.py();
    let key = record.getattr(intern!(py, "key"))?.extract()?;
    let value = record.getattr(intern!(py, "value"))?.extract()?;
    Ok((key, value))
}

/// Appends finished records as tuples.
pub(crate) fn hand_over(list: &Bound<'_, PyList>, records: &[OutputRecord]) -> PyResult<()> {
    let py = list.py();
    for record in records {
        let octets = |octets: Option<&[u8]>| octets.map(|octets| PyBytes::new(py, octets));
        let headers: Vec<_> = record
            .headers
            .iter()
            .map(|(name, value)| (*name, PyBytes::new(py, value)))
            .collect();
        list.append((
            PyString::intern(py, record.stream.name()),
            record.partition,
            octets(record.key.as_deref()),
            octets(record.value.as_deref()),
            headers,
        ))?;
    }
    Ok(())
}
