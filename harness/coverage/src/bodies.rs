//! What bodies say, as far as situations ask: each is read once, and little of it is kept.
//!
//! Read leniently: what is not of the contract's form tells nothing, and breaks nothing.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Deserialize)]
pub(crate) struct Push<'t> {
    #[serde(borrow)]
    pub(crate) mutations: Vec<Mutation<'t>>,
}

#[derive(Deserialize)]
pub(crate) struct Mutation<'t> {
    pub(crate) number: Option<u64>,
    pub(crate) record: &'t str,
    #[serde(borrow)]
    pub(crate) kind: Kind<'t>,
    pub(crate) stamp: Option<Stamp>,
    #[serde(borrow, default)]
    pub(crate) fields: BTreeMap<&'t str, FieldOp>,
}

#[derive(Deserialize)]
pub(crate) struct Stamp {
    pub(crate) ms: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind<'t> {
    Create {
        entity: &'t str,
        #[serde(borrow)]
        workspace: &'t str,
        #[serde(borrow)]
        parent: Option<&'t str>,
    },
    Update,
    Delete(IgnoredAny),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FieldOp {
    Put(IgnoredAny),
    Write(IgnoredAny),
    Close(IgnoredAny),
    Add(IgnoredAny),
    Tags {
        #[serde(default)]
        add: Vec<IgnoredAny>,
        #[serde(default)]
        remove: BTreeMap<String, IgnoredAny>,
    },
}

#[derive(Deserialize)]
pub(crate) struct PushAnswer<'t> {
    #[serde(borrow)]
    pub(crate) results: Vec<Result<'t>>,
    pub(crate) server_time_ms: Option<u64>,
}

#[derive(Deserialize)]
pub(crate) struct Result<'t> {
    #[serde(borrow)]
    pub(crate) outcome: Outcome<'t>,
    pub(crate) state: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome<'t> {
    Done {
        #[serde(borrow, default)]
        fields: BTreeMap<&'t str, FieldResult<'t>>,
    },
    Rejected {
        #[serde(borrow)]
        code: &'t str,
    },
    Deferred,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FieldResult<'t> {
    Applied,
    Rejected {
        #[serde(borrow)]
        code: &'t str,
    },
    Conflict(IgnoredAny),
}

#[derive(Deserialize)]
pub(crate) struct Page<'t> {
    #[serde(borrow)]
    pub(crate) changes: Vec<Change<'t>>,
    pub(crate) next: u64,
    pub(crate) more: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Change<'t> {
    Record {
        #[serde(borrow)]
        record: &'t str,
    },
    Removed {
        #[serde(borrow)]
        record: &'t str,
    },
    Tombstone {
        #[serde(borrow)]
        record: &'t str,
    },
}

#[derive(Deserialize)]
pub(crate) struct Hint<'t> {
    pub(crate) since: u64,
    pub(crate) next: u64,
    #[serde(borrow)]
    pub(crate) changes: Option<Vec<Change<'t>>>,
}

/// The hint in a server-sent event; none where it is a comment.
pub(crate) fn hint(body: &str) -> Option<Hint<'_>> {
    let event = body.strip_prefix("event: hint\ndata: ")?;
    serde_json::from_str(event.lines().next()?).ok()
}

#[derive(Deserialize)]
pub(crate) struct Problem<'t> {
    pub(crate) code: &'t str,
}

#[derive(Deserialize)]
pub(crate) struct TokenRequest<'t> {
    pub(crate) grant: &'t str,
}
