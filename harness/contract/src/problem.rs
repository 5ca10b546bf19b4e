//! Problem documents (RFC 9457) and their stable codes.

use std::fmt;

use serde::de::value::{self, StrDeserializer};
use serde::{Deserialize, Serialize};

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Why something was refused. The names on the wire never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// 400: the request is not of the contract's form.
    Malformed,
    /// 401: no valid access token; refresh, then sign in.
    Unauthenticated,
    /// 401: the refresh token is not valid any more; only a sign-in helps.
    SignInAgain,
    /// 403: the caller's role does not allow it.
    Forbidden,
    /// 403: it needs a sign-in that is fresh.
    StepUpRequired,
    /// 410: the cursor is older than the tombstones; pull everything anew.
    CursorExpired,
    /// The mutation's number is older than the answers that are kept; nobody can say any more
    /// whether it took effect.
    KeyExpired,
    /// The number came before with another payload or from another user: this device is a copy, was
    /// restored, or goes by the id of somebody else's.
    NumberReused,
    /// The stamp lies too far ahead of the server's clock; stamp anew.
    StampAhead,
    /// A create names a record that exists.
    RecordExists,
    /// A mutation names a record that the caller cannot see or that never existed.
    UnknownRecord,
    /// An edit names a record whose tombstone has been purged.
    Gone,
    /// A field, a value or an operation that the rules do not allow.
    Invalid,
    /// The field has its value for ever.
    Immutable,
    /// 426: the app is older than the server still serves; pending work is kept until it is
    /// upgraded.
    ClientTooOld,
    /// 429: the user has sent more than a limit allows; come again after `Retry-After`.
    TooManyRequests,
    /// 503: the server cannot serve just now.
    Unavailable,
    /// 500: the server failed; whether anything happened is unknown.
    Internal,
    /// Said by devices, never on the wire: the local database failed.
    Storage,
    /// Said by devices, never on the wire: it needs a network and there is none.
    Offline,
    /// Said by devices, never on the wire: no answer came, so nobody knows whether it happened.
    Indefinite,
    /// Said by devices, never on the wire: work is pending that a sign-out would throw away.
    WorkPending,
    /// Said by devices, never on the wire: nobody is signed in.
    SignedOut,
}

impl Code {
    /// The code of this name.
    pub fn named(name: &str) -> Option<Code> {
        Code::deserialize(StrDeserializer::<value::Error>::new(name)).ok()
    }

    /// Whether a server says it; else devices do, and it is never on the wire.
    pub fn is_of_the_server(self) -> bool {
        use Code::{Indefinite, Offline, SignedOut, Storage, WorkPending};
        !matches!(self, Storage | Offline | Indefinite | WorkPending | SignedOut)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The name on the wire is the name people see: one word for one thing.
        self.serialize(f)
    }
}

/// A problem document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The HTTP status, repeated as RFC 9457 asks.
    pub status: u16,
    /// Stable, for programs.
    pub code: Code,
    /// One sentence for people.
    pub detail: String,
}
