//! Which entities and fields there are, and what happens when two devices disagree.
//!
//! Rules are declared, not implemented, here.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What becomes of concurrent writes to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The write with the highest hybrid logical stamp wins; nothing else is compared. A write
    /// never loses to one that its device had seen.
    Lww,
    /// A write names the version it read. A mismatch makes an open conflict that is kept until
    /// its author decides.
    Version,
    /// An observed-remove set: a removal takes away only the additions it had seen.
    Set,
    /// Increments add up, each exactly once.
    Counter,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// A field and its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldDecl {
    /// As scripts and the wire name it.
    pub name: &'static str,
    /// What happens to concurrent writes.
    pub rule: Rule,
    /// Why this rule: what a user would lose with another.
    pub why: &'static str,
}

/// An entity, what it hangs under, and its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityDecl {
    /// As scripts and the wire name it.
    pub name: &'static str,
    /// The entity that a record of this one hangs under; none: the workspace itself.
    pub parent: Option<&'static str>,
    /// In the order in which documents list them.
    pub fields: &'static [FieldDecl],
}

impl EntityDecl {
    /// The declaration of one field.
    pub fn field(&self, name: &str) -> Option<&'static FieldDecl> {
        self.fields.iter().find(|f| f.name == name)
    }
}

const fn field(name: &'static str, rule: Rule, why: &'static str) -> FieldDecl {
    FieldDecl { name, rule, why }
}

/// Every entity of the domain, parents before children.
pub const ENTITIES: &[EntityDecl] = &[
    EntityDecl {
        name: "project",
        parent: None,
        fields: &[
            field(
                "title",
                Rule::Lww,
                "a name is short and easily typed again; the newest one is what people expect",
            ),
            field(
                "status",
                Rule::Version,
                "archiving a project that somebody just reopened must be asked about",
            ),
        ],
    },
    EntityDecl {
        name: "task",
        parent: Some("project"),
        fields: &[
            field(
                "title",
                Rule::Lww,
                "a name is short and easily typed again; the newest one is what people expect",
            ),
            field("assignee", Rule::Lww, "the newest assignment is the one that was agreed on last"),
            field("status", Rule::Version, "a status carries a decision; losing one silently is a bug"),
            field("due", Rule::Version, "a deadline is a promise to somebody; losing one silently is a bug"),
            field("tags", Rule::Set, "two people who tag the same task both mean it"),
            field(
                "completed_count",
                Rule::Counter,
                "each completion happened; none may vanish or count twice",
            ),
        ],
    },
    EntityDecl {
        name: "comment",
        parent: Some("task"),
        fields: &[field(
            "body",
            Rule::Lww,
            "only its author edits a comment; the newest edit is the meant one",
        )],
    },
];

/// The declaration of an entity.
pub fn entity(name: &str) -> Option<&'static EntityDecl> {
    ENTITIES.iter().find(|e| e.name == name)
}

/// The rule of a field; none where the entity or the field is not declared.
pub fn rule(entity_name: &str, field_name: &str) -> Option<Rule> {
    Some(entity(entity_name)?.field(field_name)?.rule)
}
