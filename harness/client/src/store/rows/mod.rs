//! The rows of the tables `records`, `queue` and `undo`. None is believed before its seal is looked at.

mod queue;
mod records;
mod undo;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::{Result, StoreError};
use crate::policy::Integrity;
pub(crate) use queue::{QueueRow, RowStatus};
pub(super) use queue::{check_queue, put_queue, queue_columns, read_queue, whole_queue};
pub(crate) use records::RecordRow;
pub(super) use records::{check_records, put_record, read_record, record_columns, whole_records};
pub(crate) use undo::{Copy, Inverse, UndoRow};
pub(super) use undo::{check_undo, put_undo, read_undo, undo_columns, whole_undo};

/// What a look at every row of a table found.
pub(super) struct Checked {
    pub(super) rows: u64,
    /// The sum of the seals.
    pub(super) sum: u64,
}

fn check(
    connection: &Connection,
    sql: &str,
    seals: impl Fn(&Row<'_>) -> rusqlite::Result<Seals>,
) -> Result<Checked> {
    let mut select = connection.prepare(sql)?;
    let mut rows = select.query([])?;
    let mut checked = Checked { rows: 0, sum: 0 };
    while let Some(row) = rows.next()? {
        let seals = seals(row)?;
        seals.compare(Integrity::Checked)?;
        checked.rows += 1;
        checked.sum = checked.sum.wrapping_add(seals.stored);
    }
    Ok(checked)
}

/// What a row's seal is and what it should be.
struct Seals {
    stored: u64,
    computed: u64,
    /// Of the one long text in the row.
    digest: u64,
}

impl Seals {
    fn compare(&self, integrity: Integrity) -> Result<()> {
        if integrity == Integrity::Trusted || self.stored == self.computed {
            return Ok(());
        }
        Err(StoreError::Damaged("a row is not what was written".to_owned()))
    }
}

/// A column as the text that was written; none where it is NULL.
fn text<'r>(row: &'r Row<'_>, column: usize) -> rusqlite::Result<Option<&'r str>> {
    Ok(row.get_ref(column)?.as_str_or_null()?)
}

/// A column as the number that was written: SQLite has signed ones only.
pub(super) fn num(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    match row.get_ref(column)? {
        ValueRef::Integer(number) => Ok(number as u64),
        other => Err(rusqlite::Error::InvalidColumnType(column, "number".to_owned(), other.data_type())),
    }
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data")
}

/// The rows of `table` that are whole, whatever is wrong with the rest. A damaged page ends a
/// walk through the table, so it is walked from both of its ends. Columns go by their places:
/// their names may be damaged too.
fn whole<T>(
    connection: &Connection,
    table: &str,
    read: impl Fn(&Row<'_>) -> Result<T>,
    keep: &mut impl FnMut(T),
) -> Result<()> {
    for order in ["ASC", "DESC"] {
        let sql = format!("SELECT * FROM {table} ORDER BY 1 {order}");
        let walk = || -> Result<Vec<T>> {
            let mut found = Vec::new();
            let mut select = connection.prepare(&sql)?;
            let mut rows = select.query([])?;
            loop {
                match rows.next().map_err(StoreError::from) {
                    Ok(Some(row)) => match read(row) {
                        Ok(row) => found.push(row),
                        Err(StoreError::Damaged(_)) => {}
                        Err(error) => return Err(error),
                    },
                    Ok(None) | Err(StoreError::Damaged(_)) => return Ok(found),
                    Err(error) => return Err(error),
                }
            }
        };
        match walk() {
            Ok(found) => found.into_iter().for_each(&mut *keep),
            Err(StoreError::Damaged(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
