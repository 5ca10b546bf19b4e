//! What answers told devices: which work is done, what became of records, and how far a pull
//! came.
//!
//! Read leniently: what is not of the contract's form tells nothing, and breaks nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use deadzone_contract::wire::Role;
use deadzone_contract::{Code, RecordId, Value};
use serde::de::{Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;

use super::Ids;
use super::bodies::Outcome;
use super::wire::Class;

/// What an answer told a device of a record.
#[derive(Debug)]
pub(crate) struct Told<'t> {
    /// When the server was first asked: what it says was so at some moment from then on.
    pub(crate) asked: usize,
    /// When the device had the answer.
    pub(crate) at: usize,
    pub(crate) device: &'t str,
    /// What the device had asked for.
    pub(crate) class: Class,
    pub(crate) state: State,
}

impl Told<'_> {
    /// It came with a hint, which a device need not believe.
    pub(crate) fn hinted(&self) -> bool {
        self.class == Class::Hints
    }
}

/// What became of a record.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// None where the answer does not tell.
    pub(crate) version: Option<u64>,
    /// Its values; none where it is not there.
    pub(crate) fields: BTreeMap<String, Value>,
    /// It is deleted, or not for this user's eyes: the device may stop showing it.
    pub(crate) gone: bool,
    /// It is not for this user's eyes any more.
    pub(crate) removed: bool,
    /// The open conflicts that its user is asked about.
    pub(crate) conflicts: Vec<Open>,
}

/// An open conflict on the wire.
#[derive(Debug, Deserialize)]
pub(crate) struct Open {
    pub(crate) field: String,
    #[serde(deserialize_with = "plain")]
    pub(crate) mine: Value,
    #[serde(default)]
    pub(crate) theirs: Option<Value>,
    /// The version of what stands in its way.
    pub(crate) version: Option<u64>,
}

/// What an answer says.
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// Of each mutation, in their order. None where this is no answer to a push.
    pub(crate) results: Option<Vec<Outcome>>,
    /// The server's clock when it answered a push, as it says.
    pub(crate) server_time_ms: Option<u64>,
    /// The open conflicts that a push made, each with the position of its mutation.
    pub(crate) opened: Vec<(usize, Open)>,
    /// The positions of mutations that were done, and of whose record no state is told: it is not
    /// for the eyes of who asked, or it is deleted.
    pub(crate) unseen: Vec<usize>,
    /// The records whose work is done.
    pub(super) done: BTreeSet<usize>,
    /// What it tells of records.
    pub(super) states: Vec<(RecordId, State)>,
    /// The tokens that it hands out.
    pub(crate) tokens: Vec<String>,
    /// How many changes a page brings, and whether there are no more.
    pub(crate) page: Option<(usize, bool)>,
    /// What a user may do in each workspace, as it says with the tokens.
    pub(crate) roles: Option<BTreeMap<String, Role>>,
    /// Why the whole request was refused, in this contract's own words.
    pub(crate) problem: Option<Code>,
}

impl Content {
    /// Reads an answer to a request of a class.
    pub(super) fn read(class: Class, status: u16, body: &str, ids: &Ids<'_>) -> Content {
        let mut content = Content::default();
        if !(200..300).contains(&status) {
            let problem = serde_json::from_str::<Problem>(body).ok();
            content.problem = problem.and_then(|problem| Code::named(&problem.code));
            return content;
        }
        match class {
            Class::Push => content.read_push(body, ids),
            Class::Pull => {
                if let Ok(page) = serde_json::from_str::<Page>(body) {
                    content.page = Some((page.changes.len(), !page.more));
                    content.states.extend(page.changes.into_iter().filter_map(Change::read));
                }
            }
            Class::Hints => {
                let events = body.lines().filter_map(|line| line.strip_prefix("data:"));
                let hints = events.filter_map(|data| serde_json::from_str::<Hint>(data).ok());
                let changes = hints.filter_map(|hint| hint.changes).flatten();
                content.states.extend(changes.filter_map(Change::read));
            }
            Class::Token => {
                if let Ok(answer) = serde_json::from_str::<Tokens>(body) {
                    let tokens = [answer.access_token, answer.refresh_token].into_iter().flatten();
                    content.tokens = tokens.filter(|token| !token.is_empty()).collect();
                    let known = |(name, role)| Some((name, serde_json::from_value(role).ok()?));
                    content.roles = answer.roles.map(|roles| roles.into_iter().filter_map(known).collect());
                }
            }
            Class::Members | Class::Other => {}
        }
        content
    }

    fn read_push(&mut self, body: &str, ids: &Ids<'_>) {
        match serde_json::from_str::<Answer<Record>>(body) {
            Ok(answer) => self.take(answer, ids, MutationResult::<Record>::state),
            // States of an unknown form tell nothing, but do not hide what was done.
            Err(_) => {
                if let Ok(answer) = serde_json::from_str::<Answer<IgnoredAny>>(body) {
                    self.take(answer, ids, |_, _| None);
                }
            }
        }
    }

    fn take<S>(
        &mut self,
        answer: Answer<S>,
        ids: &Ids<'_>,
        state: impl Fn(MutationResult<S>, &Outcome) -> Option<(RecordId, State)>,
    ) {
        self.server_time_ms = answer.server_time_ms;
        let mut outcomes = Vec::with_capacity(answer.results.len());
        for (position, result) in answer.results.into_iter().enumerate() {
            let outcome = Outcome::read(result.outcome.as_ref());
            if let (Outcome::Done { .. }, Some(id)) = (&outcome, &result.record) {
                self.done.extend(ids.get(id.0.as_str()));
            }
            self.opened.extend(result.opened().map(|open| (position, open)));
            if matches!((&outcome, &result.state), (Outcome::Done { .. }, Some(None))) {
                self.unseen.push(position);
            }
            self.states.extend(state(result, &outcome));
            outcomes.push(outcome);
        }
        self.results = Some(outcomes);
    }
}

#[derive(Deserialize)]
struct Problem {
    code: String,
}

#[derive(Deserialize)]
struct Answer<S> {
    #[serde(default)]
    server_time_ms: Option<u64>,
    results: Vec<MutationResult<S>>,
}

#[derive(Deserialize)]
#[serde(bound = "S: Deserialize<'de>")]
struct MutationResult<S> {
    record: Option<RecordId>,
    outcome: Option<Json>,
    /// An answer that leaves it out tells less than one that says that there is none.
    #[serde(default, deserialize_with = "stated")]
    state: Option<Option<S>>,
}

/// Tells what is null from what is not there.
fn stated<'de, D: Deserializer<'de>, S: Deserialize<'de>>(from: D) -> Result<Option<Option<S>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl<S> MutationResult<S> {
    fn opened(&self) -> impl Iterator<Item = Open> {
        let fields = || self.outcome.as_ref()?.get("done")?.get("fields")?.as_object();
        fields().into_iter().flatten().filter_map(|(_, result)| {
            let open = result.get("conflict")?.get("open")?;
            serde_json::from_value(open.clone()).ok()
        })
    }
}

impl MutationResult<Record> {
    fn state(self, outcome: &Outcome) -> Option<(RecordId, State)> {
        match (self.state.flatten(), outcome) {
            (Some(state), _) => Some(state.read()),
            (None, Outcome::Open) => None,
            // Nothing to see: it was deleted, or is not for these eyes.
            (None, _) => Some((self.record?, State { gone: true, ..State::default() })),
        }
    }
}

#[derive(Deserialize)]
struct Tokens {
    access_token: Option<String>,
    refresh_token: Option<String>,
    roles: Option<BTreeMap<String, Json>>,
}

#[derive(Deserialize)]
struct Page {
    changes: Vec<Change>,
    more: bool,
}

#[derive(Deserialize)]
struct Hint {
    changes: Option<Vec<Change>>,
}

#[derive(Deserialize)]
struct Change {
    record: Option<Record>,
    tombstone: Option<Removal>,
    /// Not for this user's eyes any more.
    removed: Option<Removal>,
}

impl Change {
    fn read(self) -> Option<(RecordId, State)> {
        if let Some(record) = self.record {
            return Some(record.read());
        }
        let removed = self.removed.is_some();
        let removal = self.removed.or(self.tombstone)?;
        let state = State { version: removal.version, gone: true, removed, ..State::default() };
        Some((removal.record?, state))
    }
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
    conflicts: Vec<Open>,
    #[serde(default)]
    deleted: bool,
}

/// A field's value, by its rule; none of them where the rule is not one of these.
#[derive(Deserialize)]
struct Field {
    lww: Option<Held>,
    version: Option<Held>,
    fixed: Option<Held>,
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
        let state = State {
            version: Some(self.version),
            fields: fields.collect(),
            gone: self.deleted,
            removed: false,
            conflicts: self.conflicts,
        };
        (self.record, state)
    }
}

impl Field {
    fn value(self) -> Option<Value> {
        let held = self.lww.or(self.version).or(self.fixed).map(|held| held.value);
        let total = self.counter.map(|counter| Value::Int(counter.total));
        let members = self.set.map(|set| Value::Set(set.members.into_keys().collect()));
        held.or(total).or(members)
    }
}
