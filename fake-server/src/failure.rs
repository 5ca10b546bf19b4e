//! Why a request or a mutation was not carried out.

use deadzone_contract::Code;
use deadzone_contract::problem::Problem;
use rusqlite::ErrorCode;

/// A whole request got nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The contract says no.
    Refused(Problem),
    /// The database failed.
    Storage(rusqlite::Error),
}

impl Failure {
    pub(crate) fn new(status: u16, code: Code, detail: impl Into<String>) -> Failure {
        Failure::Refused(Problem { status, code, detail: detail.into() })
    }

    pub(crate) fn malformed(detail: impl Into<String>) -> Failure {
        Failure::new(400, Code::Malformed, detail)
    }

    /// As the caller is told it. Names of tables and values stay inside.
    pub(crate) fn into_problem(self) -> Problem {
        let error = match self {
            Failure::Refused(problem) => return problem,
            Failure::Storage(error) => error,
        };
        match error.sqlite_error_code() {
            // These end a transaction before its commit: nothing happened, and time may help.
            Some(ErrorCode::DiskFull) => problem(503, Code::Unavailable, "the server's storage is full"),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                problem(503, Code::Unavailable, "the server's database is in use by another process")
            }
            code => {
                let why = code.map_or("storage".to_owned(), |code| format!("{code:?}"));
                let detail = format!("the server failed ({why}); whether anything happened is unknown");
                problem(500, Code::Internal, detail)
            }
        }
    }
}

fn problem(status: u16, code: Code, detail: impl Into<String>) -> Problem {
    Problem { status, code, detail: detail.into() }
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
