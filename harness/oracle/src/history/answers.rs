//! What answers told devices: which work is done, what became of records, and how far a pull
//! came.
//!
//! Read leniently: what is not of the contract's form tells nothing, and breaks nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use deadzone_contract::{RecordId, Value};
use serde::de::{Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;

/// What an answer told a device of a record.
#[derive(Debug)]
pub(crate) struct Told<'t> {
    /// When the device had the answer.
    pub(crate) at: usize,
    pub(crate) device: &'t str,
    pub(crate) state: State,
}

/// What became of a record.
#[derive(Debug)]
pub(crate) struct State {
    /// None where the answer does not tell.
    pub(crate) version: Option<u64>,
    /// Its values; none where it is not there.
    pub(crate) fields: BTreeMap<String, Value>,
    /// It is deleted, or not for this user's eyes: the device may stop showing it.
    pub(crate) gone: bool,
}

/// Reads the server's answers to a push: the records whose work they call done, and the states
/// that come with it. An answer of an unknown form is not known to leave anything out.
pub(super) fn read_push(
    carried: &BTreeSet<usize>,
    bodies: &[&str],
    ids: &BTreeMap<&RecordId, usize>,
    told: &mut Vec<(RecordId, State)>,
) -> BTreeSet<usize> {
    let mut done = BTreeSet::new();
    for body in bodies {
        let finished = match serde_json::from_str::<Answer<Record>>(body) {
            Ok(answer) => {
                let finished = answer.finished();
                told.extend(answer.results.into_iter().filter_map(MutationResult::read));
                finished
            }
            // States of an unknown form tell nothing, but do not hide what was done.
            Err(_) => match serde_json::from_str::<Answer<IgnoredAny>>(body) {
                Ok(answer) => answer.finished(),
                Err(_) => return carried.clone(),
            },
        };
        done.extend(finished.iter().filter_map(|record| ids.get(record).copied()));
    }
    if bodies.is_empty() { carried.clone() } else { done }
}

/// Reads a page of a pull. Whether it is the last one; none where it is no page.
pub(super) fn read_page(body: &str, told: &mut Vec<(RecordId, State)>) -> Option<bool> {
    let page: Page = serde_json::from_str(body).ok()?;
    for change in page.changes {
        if let Some(state) = change.record {
            told.push(state.read());
        }
        for removal in [change.tombstone, change.removed].into_iter().flatten() {
            let state = State { version: removal.version, fields: BTreeMap::new(), gone: true };
            told.extend(removal.record.map(|record| (record, state)));
        }
    }
    Some(!page.more)
}

#[derive(Deserialize)]
struct Answer<S> {
    results: Vec<MutationResult<S>>,
}

#[derive(Deserialize)]
struct MutationResult<S> {
    record: Option<RecordId>,
    outcome: Option<Json>,
    state: Option<S>,
}

impl<S> Answer<S> {
    /// The records whose work is done.
    fn finished(&self) -> Vec<RecordId> {
        let is_done = |result: &&MutationResult<S>| {
            result.outcome.as_ref().is_some_and(|outcome| outcome.get("done").is_some())
        };
        self.results.iter().filter(is_done).filter_map(|result| result.record.clone()).collect()
    }
}

impl MutationResult<Record> {
    fn read(self) -> Option<(RecordId, State)> {
        match self.state {
            Some(state) => Some(state.read()),
            // Nothing to see: it was deleted, or is not for these eyes.
            None => Some((self.record?, State { version: None, fields: BTreeMap::new(), gone: true })),
        }
    }
}

#[derive(Deserialize)]
struct Page {
    changes: Vec<Change>,
    more: bool,
}

#[derive(Deserialize)]
struct Change {
    record: Option<Record>,
    tombstone: Option<Removal>,
    /// Not for this user's eyes any more.
    removed: Option<Removal>,
}

#[derive(Deserialize)]
struct Removal {
    record: Option<RecordId>,
    version: Option<u64>,
}

#[derive(Deserialize)]
struct Record {
    record: RecordId,
    version: u64,
    #[serde(default)]
    fields: BTreeMap<String, Field>,
    #[serde(default)]
    deleted: bool,
}

/// A field's value, by its rule; none of them where the rule is not one of these.
#[derive(Deserialize)]
struct Field {
    lww: Option<Held>,
    version: Option<Held>,
    counter: Option<Total>,
    set: Option<Members>,
}

#[derive(Deserialize)]
struct Held {
    #[serde(deserialize_with = "plain")]
    value: Value,
}

#[derive(Deserialize)]
struct Total {
    total: i64,
}

#[derive(Deserialize)]
struct Members {
    members: BTreeMap<String, IgnoredAny>,
}

/// Reads a value at once. Its own way tries one form after the other, which is slow, and every
/// page is full of them.
fn plain<'de, D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
    struct Plain;
    impl<'de> Visitor<'de> for Plain {
        type Value = Value;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number, words or a list of words")
        }

        fn visit_i64<E: Error>(self, n: i64) -> Result<Value, E> {
            Ok(Value::Int(n))
        }

        fn visit_u64<E: Error>(self, n: u64) -> Result<Value, E> {
            i64::try_from(n).map(Value::Int).map_err(E::custom)
        }

        fn visit_str<E: Error>(self, words: &str) -> Result<Value, E> {
            Ok(Value::text(words))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
            let mut set = BTreeSet::new();
            while let Some(member) = members.next_element()? {
                set.insert(member);
            }
            Ok(Value::Set(set))
        }
    }
    from.deserialize_any(Plain)
}

impl Record {
    fn read(self) -> (RecordId, State) {
        let fields = self.fields.into_iter().filter_map(|(name, field)| Some((name, field.value()?)));
        let state = State { version: Some(self.version), fields: fields.collect(), gone: self.deleted };
        (self.record, state)
    }
}

impl Field {
    fn value(self) -> Option<Value> {
        let held = self.lww.or(self.version).map(|held| held.value);
        let total = self.counter.map(|counter| Value::Int(counter.total));
        let members = self.set.map(|set| Value::Set(set.members.into_keys().collect()));
        held.or(total).or(members)
    }
}
