//! Which entities and fields there are, and what happens when two devices disagree.
//!
//! Rules are declared, not implemented, here.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::wire::SCHEMA_VERSION;

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
    /// The first write stays; another one is refused.
    Immutable,
    /// A write names the version it read. Of two concurrent ones both are kept: the later to
    /// arrive becomes an open conflict that every member who may write sees and may decide.
    Manual,
    /// A write names the version it read. Of two concurrent ones the server makes one, by a merge
    /// of the product's own.
    Custom,
}

/// What becomes of a record that is edited on one device while it is deleted on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deletes {
    /// The edit wins: the record comes back whole.
    EditWins,
    /// The delete wins: the edit is refused and stands in the tray. Only the device that deleted the
    /// record can have seen that, and brings it back by a later edit of nothing.
    DeleteWins,
}

impl Rule {
    /// Whether a write replaces the whole value; sets and counters are added to.
    pub fn replaces(self) -> bool {
        !matches!(self, Rule::Set | Rule::Counter)
    }

    /// Whether of two concurrent writes one can become an open conflict.
    pub fn asks(self) -> bool {
        matches!(self, Rule::Version | Rule::Manual)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// How a product syncs, as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Model {
    /// A cache and a queue in front of a server that has the last word: whatever overwrites names
    /// the version it read, and a mismatch is asked about. There are no sets and no counters.
    A,
    /// Two-way: every field has the rule that its entity declares.
    #[default]
    B,
}

impl fmt::Display for Model {
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
    /// The name that apps of the schema before [`SCHEMA_VERSION`] know it by; none: they do not
    /// know it.
    ///
    /// [`SCHEMA_VERSION`]: crate::wire::SCHEMA_VERSION
    pub name_before: Option<&'static str>,
}

impl FieldDecl {
    /// What happens to concurrent writes under a model; none where the model has no such field.
    pub fn rule_in(&self, model: Model) -> Option<Rule> {
        match (model, self.rule) {
            (Model::A, Rule::Set | Rule::Counter) => None,
            (Model::A, Rule::Lww | Rule::Manual | Rule::Custom) => Some(Rule::Version),
            (_, declared) => Some(declared),
        }
    }

    /// What apps of a schema call the field; none where they do not know it.
    pub fn name_in(&self, schema: u32) -> Option<&'static str> {
        if schema < SCHEMA_VERSION { self.name_before } else { Some(self.name) }
    }

    const fn called_before(self, name: &'static str) -> FieldDecl {
        FieldDecl { name_before: Some(name), ..self }
    }

    const fn added(self) -> FieldDecl {
        FieldDecl { name_before: None, ..self }
    }
}

/// An entity, what it hangs under, and its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityDecl {
    /// As scripts and the wire name it.
    pub name: &'static str,
    /// The entity that a record of this one hangs under; none: the workspace itself.
    pub parent: Option<&'static str>,
    /// What an edit and a delete on two devices make of a record.
    pub deletes: Deletes,
    /// In the order in which documents list them.
    pub fields: &'static [FieldDecl],
}

impl EntityDecl {
    /// The declaration of one field.
    pub fn field(&self, name: &str) -> Option<&'static FieldDecl> {
        self.fields.iter().find(|f| f.name == name)
    }

    /// The declaration of the field that apps of a schema call so.
    pub fn field_in(&self, schema: u32, name: &str) -> Option<&'static FieldDecl> {
        self.fields.iter().find(|f| f.name_in(schema) == Some(name))
    }
}

const fn field(name: &'static str, rule: Rule, why: &'static str) -> FieldDecl {
    FieldDecl { name, rule, why, name_before: Some(name) }
}

/// The field that makes a task private: with the value `yes`, it and what hangs under it are for
/// its [`ASSIGNEE`] and the admins of its workspace alone.
pub const PRIVATE: &str = "private";

/// The field that says whose a task is.
pub const ASSIGNEE: &str = "assignee";

/// Every entity of the domain, parents before children.
pub const ENTITIES: &[EntityDecl] = &[
    EntityDecl {
        name: "project",
        parent: None,
        deletes: Deletes::EditWins,
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
        deletes: Deletes::EditWins,
        fields: &[
            field(
                "title",
                Rule::Lww,
                "a name is short and easily typed again; the newest one is what people expect",
            ),
            field(ASSIGNEE, Rule::Lww, "the newest assignment is the one that was agreed on last"),
            field("status", Rule::Version, "a status carries a decision; losing one silently is a bug"),
            field("due", Rule::Version, "a deadline is a promise to somebody; losing one silently is a bug")
                .called_before("deadline"),
            field(
                "description",
                Rule::Manual,
                "two people who rewrote the same text have to read both before one goes",
            ),
            field(
                "priority",
                Rule::Custom,
                "of two concurrent ones the more urgent stays: too much care costs less than too little",
            )
            .added(),
            field("created_at", Rule::Immutable, "when a task was asked for is a fact, not an opinion"),
            field(
                PRIVATE,
                Rule::Immutable,
                "who may see a task is settled when it is made; nobody can take back what others have read",
            ),
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
        deletes: Deletes::DeleteWins,
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
