//! Builds mutations in few words.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::wire::{Base, FieldOp, Mutation, MutationKind};
use deadzone_contract::{RecordId, Stamp, Value};

use crate::lab::START_MS;

/// A mutation in the making. Its stamp is the start of the test plus its number.
#[derive(Clone)]
pub(crate) struct Write(Mutation);

impl From<Write> for Mutation {
    fn from(write: Write) -> Mutation {
        write.0
    }
}

fn write(number: impl Into<Option<u64>>, record: &str, kind: MutationKind) -> Write {
    let number = number.into();
    let stamp = Stamp { ms: START_MS.saturating_add(number.unwrap_or(0)), n: 0, device: "d".into() };
    Write(Mutation { number, record: RecordId(record.into()), kind, stamp, fields: BTreeMap::new() })
}

pub(crate) fn project(number: impl Into<Option<u64>>, record: &str) -> Write {
    let (entity, workspace) = ("project".into(), "home".into());
    write(number, record, MutationKind::Create { entity, workspace, parent: None })
}

pub(crate) fn task(number: impl Into<Option<u64>>, record: &str) -> Write {
    let (entity, workspace) = ("task".into(), "home".into());
    let parent = Some(RecordId("p".into()));
    write(number, record, MutationKind::Create { entity, workspace, parent })
}

pub(crate) fn create(
    number: impl Into<Option<u64>>,
    record: &str,
    entity: &str,
    workspace: &str,
    parent: Option<&str>,
) -> Write {
    let parent = parent.map(|parent| RecordId(parent.into()));
    write(number, record, MutationKind::Create { entity: entity.into(), workspace: workspace.into(), parent })
}

pub(crate) fn update(number: impl Into<Option<u64>>, record: &str) -> Write {
    write(number, record, MutationKind::Update)
}

pub(crate) fn delete(number: impl Into<Option<u64>>, record: &str, base: Base) -> Write {
    write(number, record, MutationKind::Delete { base })
}

/// The version that a device had from the server.
pub(crate) fn base(version: u64) -> Base {
    Base { version, after: None }
}

/// As [`base`], with the device's own pending mutation on top.
pub(crate) fn after(version: u64, number: u64) -> Base {
    Base { version, after: Some(number) }
}

impl Write {
    pub(crate) fn op(mut self, field: &str, op: FieldOp) -> Write {
        self.0.fields.insert(field.into(), op);
        self
    }

    pub(crate) fn put(self, field: &str, value: &str) -> Write {
        self.op(field, FieldOp::Put { value: Value::text(value) })
    }

    pub(crate) fn set(self, field: &str, value: &str, base: Base) -> Write {
        self.op(field, FieldOp::Write { value: Value::text(value), base, closes: None })
    }

    pub(crate) fn decide(self, field: &str, value: &str, base: Base, closes: &str) -> Write {
        let closes = Some(closes.to_owned());
        self.op(field, FieldOp::Write { value: Value::text(value), base, closes })
    }

    pub(crate) fn close(self, field: &str, conflict: &str) -> Write {
        self.op(field, FieldOp::Close { conflict: conflict.into() })
    }

    pub(crate) fn add(self, field: &str, by: i64) -> Write {
        self.op(field, FieldOp::Add { by })
    }

    /// Members to add, and members to remove with the additions that were seen.
    pub(crate) fn tags<const A: usize, const R: usize>(
        self,
        add: [&str; A],
        remove: [(&str, &[&str]); R],
    ) -> Write {
        let add = add.map(str::to_owned).into();
        let names = |seen: &[&str]| seen.iter().map(|a| (*a).to_owned()).collect::<BTreeSet<_>>();
        let remove = remove.map(|(member, seen)| (member.to_owned(), names(seen))).into();
        self.op("tags", FieldOp::Tags { add, remove })
    }

    /// Stamped this many ms after the start of the test.
    pub(crate) fn at(mut self, ms: u64) -> Write {
        self.0.stamp.ms = START_MS + ms;
        self
    }

    pub(crate) fn stamped(mut self, ms: u64, n: u32, device: &str) -> Write {
        self.0.stamp = Stamp { ms, n, device: device.into() };
        self
    }
}
