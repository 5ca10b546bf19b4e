//! Values, identities and stamps.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A whole number; the total of a counter.
    Int(i64),
    /// Words.
    Text(String),
    /// The members of a set, each once.
    Set(BTreeSet<String>),
}

/// Reads what is there. What serde derives for an untagged enum tries one variant after the other,
/// and makes an error of each that does not fit.
struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, words, or a set of words")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        let unfit = || E::invalid_value(de::Unexpected::Unsigned(number), &self);
        i64::try_from(number).map(Value::Int).map_err(|_| unfit())
    }

    fn visit_str<E: de::Error>(self, words: &str) -> Result<Value, E> {
        Ok(Value::text(words))
    }

    fn visit_string<E: de::Error>(self, words: String) -> Result<Value, E> {
        Ok(Value::Text(words))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut set = BTreeSet::new();
        while let Some(member) = members.next_element()? {
            set.insert(member);
        }
        Ok(Value::Set(set))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_what_it_is_and_nothing_else_is_one() {
        let set = Value::Set(["a", "b"].map(String::from).into());
        for value in [Value::Int(-3), Value::Int(i64::MAX), Value::text("3"), Value::text("a \"b\""), set] {
            let json = serde_json::to_string(&value).expect("plain data");
            assert_eq!(serde_json::from_str::<Value>(&json).expect(&json), value);
        }
        assert_eq!(serde_json::from_str::<Value>(r#"["b","a","b"]"#).expect("a set").to_string(), "[a, b]");
        for json in ["1.5", "9223372036854775808", "true", "null", "{}", "[1]", r#"["a",1]"#] {
            assert!(serde_json::from_str::<Value>(json).is_err(), "{json}");
        }
    }
}
