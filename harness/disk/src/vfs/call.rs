//! What every function that SQLite calls does first and last.

use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::ffi;

use crate::state::Code;

/// Runs the Rust of a callback. A panic must not unwind into C: it becomes `broken`.
pub(super) fn answer(broken: Code, act: impl FnOnce() -> Result<(), Code>) -> c_int {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(Ok(())) => ffi::SQLITE_OK,
        Ok(Err(code)) => code,
        Err(_) => broken,
    }
}
