//! Why a request or a mutation was not carried out.

use deadzone_contract::Code;
use deadzone_contract::problem::Problem;
use rusqlite::ErrorCode;

/// A whole request got nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The contract says no.
    Refused(Problem),
    /// The user has had all that is allowed for now.
    TooMany {
        /// Until there is more.
        retry_after_secs: u64,
    },
    /// The database failed.
    Storage(rusqlite::Error),
}

/// When a client that found the server unable to serve should come again.
const UNAVAILABLE_SECS: u64 = 5;

impl Failure {
    pub(crate) fn new(status: u16, code: Code, detail: impl Into<String>) -> Failure {
        Failure::Refused(Problem { status, code, detail: detail.into() })
    }

    pub(crate) fn malformed(detail: impl Into<String>) -> Failure {
        Failure::new(400, Code::Malformed, detail)
    }

    /// When another attempt is worth it, where time alone helps.
    pub(crate) fn retry_after_secs(&self) -> Option<u64> {
        match self {
            Failure::TooMany { retry_after_secs } => Some(*retry_after_secs),
            Failure::Storage(error) if is_storage(error) => Some(UNAVAILABLE_SECS),
            Failure::Refused(_) | Failure::Storage(_) => None,
        }
    }

    /// As the caller is told it. Names of tables and values stay inside.
    pub(crate) fn into_problem(self) -> Problem {
        let error = match self {
            Failure::Refused(problem) => return problem,
            Failure::TooMany { retry_after_secs } => {
                let detail =
                    format!("all that is allowed for now is used; come again in {retry_after_secs} s");
                return Problem { status: 429, code: Code::TooManyRequests, detail };
            }
            Failure::Storage(error) => error,
        };
        // A commit that failed may have happened, and of a push earlier mutations have: neither
        // answer says that nothing happened.
        let why = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => "its storage is full".to_owned(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                "another process uses its database".to_owned()
            }
            Some(code) => format!("{code:?}"),
            None => "storage".to_owned(),
        };
        let detail = |what: &str| format!("the server {what} ({why}); whether anything happened is unknown");
        if is_storage(&error) {
            Problem { status: 503, code: Code::Unavailable, detail: detail("cannot reach what it keeps") }
        } else {
            Problem { status: 500, code: Code::Internal, detail: detail("failed") }
        }
    }
}

/// Whether the storage is to blame and not this server: time, or an operator, can help. The
/// connection is not to be believed any more.
pub(crate) fn is_storage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
        )
    )
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Failure {
        Failure::Storage(error)
    }
}

/// One mutation left nothing behind.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// The contract says no.
    Rejected {
        /// For programs.
        code: Code,
        /// For people.
        detail: String,
    },
    /// The database failed, and with it the request.
    Storage(rusqlite::Error),
}

impl Unfit {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Unfit {
        Unfit::Rejected { code, detail: detail.into() }
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Unfit {
        Unfit::new(Code::Invalid, detail)
    }

    /// Says the same of what does not exist and of what the caller may not see.
    pub(crate) fn unknown_record() -> Unfit {
        Unfit::new(Code::UnknownRecord, "there is no such record")
    }
}

impl From<rusqlite::Error> for Unfit {
    fn from(error: rusqlite::Error) -> Unfit {
        Unfit::Storage(error)
    }
}
