//! A table's columns, gathered row by row.

/// Declares a struct of column builders: its schema, and how its rows are drained.
///
/// Columns are named as their fields, but for a raw identifier's mark.
macro_rules! columns {
    ($(#[$meta:meta])* $name:ident { $($column:ident: $builder:ident as $kind:expr,)+ }) => {
        $(#[$meta])*
        #[derive(Default)]
        pub(crate) struct $name { $(pub(crate) $column: arrow_array::builder::$builder,)+ }

        impl $name {
            pub(crate) fn schema() -> arrow_schema::SchemaRef {
                std::sync::Arc::new(arrow_schema::Schema::new(vec![
                    $(arrow_schema::Field::new(stringify!($column), $kind, true),)+
                ]))
            }

            /// Gives the rows gathered so far, and begins anew.
            pub(crate) fn drain(&mut self) -> Result<arrow_array::RecordBatch, arrow_schema::ArrowError> {
                arrow_array::RecordBatch::try_new(
                    Self::schema(),
                    vec![$(std::sync::Arc::new(self.$column.finish()),)+],
                )
            }
        }
    };
}

pub(crate) use columns;

use arrow_array::builder::StringBuilder;
use slotkeeper_gbcs::Eui64;

/// Microseconds since 1970, without a zone: all times are UTC.
pub(crate) const TIMESTAMP: arrow_schema::DataType =
    arrow_schema::DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, None);

/// Appends an identifier in its canonical form.
pub(crate) fn append_eui(column: &mut StringBuilder, eui: Option<u64>) {
    match eui {
        // The canonical form is ASCII.
        Some(eui) => {
            column.append_option(std::str::from_utf8(&Eui64::from_u64(eui).canonical()).ok());
        }
        None => column.append_null(),
    }
}

/// Appends a key identifier as lower-case hexadecimal.
pub(crate) fn append_key(column: &mut StringBuilder, key: Option<[u8; 8]>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let Some(key) = key else {
        return column.append_null();
    };
    let mut text = [0; 16];
    for (octet, place) in key.iter().zip(text.chunks_exact_mut(2)) {
        place[0] = DIGITS[usize::from(octet >> 4)];
        place[1] = DIGITS[usize::from(octet & 0x0F)];
    }
    column.append_option(std::str::from_utf8(&text).ok());
}
