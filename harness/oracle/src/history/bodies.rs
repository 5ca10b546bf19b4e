//! What the bodies of requests and answers say. Each body is read once.
//!
//! Read leniently: what is not of the contract's form tells nothing, and breaks nothing.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::{Code, RecordId, Stamp, Value};
use serde_json::{Map, Value as Json};

use super::actions::Op;
use super::{Effect, Ids};

/// One mutation of a push.
#[derive(Debug)]
pub(crate) struct Mutation {
    pub(crate) number: Option<u64>,
    /// Empty where it names no record.
    pub(crate) id: RecordId,
    /// None where no entry but a request names the record.
    pub(crate) record: Option<usize>,
    pub(crate) kind: Kind,
    pub(crate) stamp: Option<Stamp>,
    pub(crate) fields: BTreeMap<String, FieldOp>,
}

/// What a mutation does to its record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Create,
    Update,
    Delete,
    Unknown,
}

/// What a mutation does to one field.
#[derive(Debug)]
pub(crate) enum FieldOp {
    /// Of an `lww` or an `immutable` field, or of the total of a counter.
    Put(Value),
    /// Of a field whose writes name what they are based on.
    Write {
        value: Value,
        /// The version that it is made upon, where it is made upon no pending write.
        base: Option<u64>,
    },
    /// Decides an open conflict for the server's value.
    Close,
    Add(i64),
    Tags {
        add: BTreeSet<String>,
        remove: BTreeSet<String>,
    },
    Unknown,
}

impl Mutation {
    fn read(json: &Json, ids: &Ids<'_>) -> Mutation {
        let id = json.get("record").and_then(Json::as_str).unwrap_or_default();
        let fields = json.get("fields").and_then(Json::as_object).into_iter().flatten();
        Mutation {
            number: json.get("number").and_then(Json::as_u64),
            id: RecordId(id.to_owned()),
            record: ids.get(id).copied(),
            kind: Kind::read(json.get("kind")),
            stamp: json.get("stamp").and_then(stamp_of),
            fields: fields.map(|(field, op)| (field.clone(), FieldOp::read(op))).collect(),
        }
    }

    /// Whether it does what an effect does.
    pub(crate) fn does(&self, effect: &Effect<'_>) -> bool {
        let op = effect.field.and_then(|field| self.fields.get(field));
        match (&effect.op, op) {
            (Op::Create, _) => self.kind == Kind::Create,
            (Op::Delete, _) => self.kind == Kind::Delete,
            (Op::Restore, _) => self.kind == Kind::Update,
            (
                Op::Put(values) | Op::Resolve(values),
                Some(FieldOp::Put(value) | FieldOp::Write { value, .. }),
            ) => values.contains(&value),
            (Op::UseTheirs(_), op) => op.is_some(),
            (Op::Add(by), Some(FieldOp::Add(added))) => by == added,
            (Op::Add(by), Some(FieldOp::Put(total))) => *total == Value::Int(*by),
            (Op::Insert(member), Some(FieldOp::Tags { add, .. })) => add.contains(*member),
            (Op::Remove(member), Some(FieldOp::Tags { remove, .. })) => remove.contains(*member),
            _ => false,
        }
    }
}

impl Kind {
    fn read(json: Option<&Json>) -> Kind {
        match json {
            Some(Json::String(word)) if word == "update" => Kind::Update,
            Some(Json::Object(kind)) if kind.contains_key("create") => Kind::Create,
            Some(Json::Object(kind)) if kind.contains_key("delete") => Kind::Delete,
            _ => Kind::Unknown,
        }
    }
}

impl FieldOp {
    fn read(json: &Json) -> FieldOp {
        FieldOp::known(json).unwrap_or(FieldOp::Unknown)
    }

    fn known(json: &Json) -> Option<FieldOp> {
        let (word, op) = json.as_object()?.iter().next()?;
        let words = |which: &str| op.get(which).into_iter();
        Some(match word.as_str() {
            "put" => FieldOp::Put(value_of(op.get("value")?)?),
            "write" => FieldOp::Write { value: value_of(op.get("value")?)?, base: base_of(op.get("base")) },
            "close" => FieldOp::Close,
            "add" => FieldOp::Add(op.get("by")?.as_i64()?),
            "tags" => FieldOp::Tags {
                add: words("add")
                    .filter_map(Json::as_array)
                    .flatten()
                    .filter_map(|member| Some(member.as_str()?.to_owned()))
                    .collect(),
                remove: words("remove").filter_map(Json::as_object).flat_map(Map::keys).cloned().collect(),
            },
            _ => return None,
        })
    }

    /// The version that it is made upon, where it names one and no pending write.
    pub(crate) fn base(&self) -> Option<u64> {
        match self {
            FieldOp::Write { base, .. } => *base,
            _ => None,
        }
    }

    /// What it writes, where it is a write.
    pub(crate) fn value(&self) -> Option<&Value> {
        match self {
            FieldOp::Put(value) | FieldOp::Write { value, .. } => Some(value),
            _ => None,
        }
    }
}

fn base_of(base: Option<&Json>) -> Option<u64> {
    let base = base?;
    base.get("after").is_none_or(Json::is_null).then(|| base.get("version")?.as_u64()).flatten()
}

/// The mutations that a push carries, and the records that it carries work on.
pub(super) fn read_push(body: &str, ids: &Ids<'_>) -> (Vec<Mutation>, BTreeSet<usize>) {
    let Ok(body) = serde_json::from_str::<Json>(body) else { return Default::default() };
    let Some(mutations) = body.get("mutations").and_then(Json::as_array) else {
        let mut records = BTreeSet::new();
        named_in(&body, ids, &mut records);
        return (Vec::new(), records);
    };
    let mutations: Vec<Mutation> = mutations.iter().map(|json| Mutation::read(json, ids)).collect();
    let records = mutations.iter().filter_map(|mutation| mutation.record).collect();
    (mutations, records)
}

/// In a body of another form, a record is whatever is called as one.
fn named_in(body: &Json, ids: &Ids<'_>, found: &mut BTreeSet<usize>) {
    match body {
        Json::String(words) => found.extend(ids.get(words.as_str())),
        Json::Array(items) => items.iter().for_each(|item| named_in(item, ids, found)),
        Json::Object(members) => {
            for (name, member) in members {
                found.extend(ids.get(name.as_str()));
                named_in(member, ids, found);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

fn stamp_of(json: &Json) -> Option<Stamp> {
    Some(Stamp {
        ms: json.get("ms")?.as_u64()?,
        n: u32::try_from(json.get("n")?.as_u64()?).ok()?,
        device: json.get("device")?.as_str()?.to_owned(),
    })
}

/// Reads a value at once: its own way of reading tries one form after the other, which is slow.
fn value_of(json: &Json) -> Option<Value> {
    Some(match json {
        Json::String(words) => Value::text(words),
        Json::Number(n) => Value::Int(n.as_i64()?),
        Json::Array(members) => {
            Value::Set(members.iter().map(|member| Some(member.as_str()?.to_owned())).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// What an answer says of one mutation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was carried out, but for these fields, which were refused for these reasons.
    Done { refused: BTreeMap<String, Option<Code>> },
    /// Nothing of it was kept, for this reason.
    Rejected(Option<Code>),
    /// Nothing was done yet, or nobody knows what this outcome means.
    Open,
}

impl Outcome {
    pub(super) fn read(json: Option<&Json>) -> Outcome {
        let Some(outcome) = json else { return Outcome::Open };
        if let Some(done) = outcome.get("done") {
            let fields = done.get("fields").and_then(Json::as_object).into_iter().flatten();
            let refused =
                fields.filter_map(|(field, result)| Some((field.clone(), code_of(result.get("rejected")?))));
            return Outcome::Done { refused: refused.collect() };
        }
        match outcome.get("rejected") {
            Some(rejected) => Outcome::Rejected(code_of(rejected)),
            None => Outcome::Open,
        }
    }

    /// Whether it says that an effect was carried out.
    pub(crate) fn did(&self, effect: &Effect<'_>) -> bool {
        match self {
            Outcome::Done { refused } => effect.field.is_none_or(|field| !refused.contains_key(field)),
            Outcome::Rejected(_) | Outcome::Open => false,
        }
    }

    /// Whether it says that nothing was kept of an effect.
    pub(crate) fn refused(&self, effect: &Effect<'_>) -> bool {
        match self {
            Outcome::Done { refused } => effect.field.is_some_and(|field| refused.contains_key(field)),
            Outcome::Rejected(_) => true,
            Outcome::Open => false,
        }
    }
}

fn code_of(rejected: &Json) -> Option<Code> {
    Code::named(rejected.get("code")?.as_str()?)
}
