//! Values, identities and stamps.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A whole number; the total of a counter.
    Int(i64),
    /// Words.
    Text(String),
    /// The members of a set, each once.
    Set(BTreeSet<String>),
}

impl Value {
    /// Shorthand for [`Value::Text`].
    pub fn text(words: impl Into<String>) -> Value {
        Value::Text(words.into())
    }
}

impl fmt::Display for Value {
    /// As a script writes it: `"Buy milk"`, `open`, `3`, `[home, urgent]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Int(n) => write!(f, "{n}"),
            Value::Text(words) if is_word(words) => f.write_str(words),
            Value::Text(words) => write!(f, "\"{}\"", words.replace('\\', "\\\\").replace('"', "\\\"")),
            Value::Set(members) => {
                f.write_str("[")?;
                for (i, member) in members.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}{}", Value::text(member))?;
                }
                f.write_str("]")
            }
        }
    }
}

/// Whether `words` can stand in a script without quotes: a letter, then letters, digits,
/// `-` or `_`.
pub fn is_word(words: &str) -> bool {
    words.starts_with(|c: char| c.is_ascii_alphabetic())
        && words.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// Names a record for ever: made by the device that creates it, never replaced by the server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordId(pub String);

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A hybrid logical timestamp. The order of the fields is the order of comparison.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    /// Milliseconds since the Unix epoch, as the device's clock had it or as the greatest
    /// stamp it had seen, whichever is later.
    pub ms: u64,
    /// Counts writes that share `ms`.
    pub n: u32,
    /// Breaks the last tie, so that no two writes compare equal.
    pub device: String,
}
