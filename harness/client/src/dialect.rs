//! How this app calls fields, and by which rules it treats them. Users know one name for each; the
//! cache and the wire of an older app know another, or none.

use std::collections::BTreeMap;

use deadzone_contract::rules::{self, ENTITIES, EntityDecl, FieldDecl};
use deadzone_contract::wire::ServerRecord;
use deadzone_contract::{Model, Refusal, Rule};

use crate::act::invalid;

/// What an app speaks and keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) schema: u32,
    pub(crate) model: Model,
}

impl Dialect {
    /// What the field that users call `name` is called in the cache and on the wire, and its rule.
    ///
    /// # Errors
    /// There is no such field, or an app of this version does not know it.
    pub(crate) fn field(self, entity: &str, name: &str) -> Result<(&'static str, Rule), Refusal> {
        let Some(declared) = rules::entity(entity).and_then(|declared| declared.field(name)) else {
            return invalid(format!("a {entity} has no field `{name}`"));
        };
        let Some(kept) = declared.name_in(self.schema) else {
            return invalid(format!("version {} of this app knows no field `{name}`", self.schema));
        };
        match declared.rule_in(self.model) {
            Some(rule) => Ok((kept, rule)),
            None => invalid(format!("there is no field `{name}` under model {}", self.model)),
        }
    }

    /// The rule of the field that is called `kept` in the cache and on the wire.
    pub(crate) fn rule(self, entity: &str, kept: &str) -> Option<Rule> {
        rules::entity(entity)?.field_in(self.schema, kept)?.rule_in(self.model)
    }

    /// What users call the field that is called `kept` in the cache and on the wire; none where it
    /// is not for them.
    pub(crate) fn shown(self, entity: &str, kept: &str) -> Option<&'static str> {
        Some(rules::entity(entity)?.field_in(self.schema, kept)?.name)
    }

    /// What the field that is called `kept` here is called in another dialect. What is not known
    /// here keeps its name.
    pub(crate) fn renamed(self, entity: Option<&str>, kept: &str, into: Dialect) -> Option<String> {
        match self.declared(entity, kept) {
            Some(declared) => declared.name_in(into.schema).map(str::to_owned),
            None => Some(kept.to_owned()),
        }
    }

    fn declared(self, entity: Option<&str>, kept: &str) -> Option<&'static FieldDecl> {
        let of = |declared: &EntityDecl| entity.is_none_or(|entity| declared.name == entity);
        ENTITIES.iter().filter(|declared| of(declared)).find_map(|e| e.field_in(self.schema, kept))
    }

    /// Says in another dialect what the server has said. What that has no name for is left out.
    pub(crate) fn translate(self, server: &mut ServerRecord, into: Dialect) {
        let entity = Some(server.entity.as_str());
        let fields = std::mem::take(&mut server.fields).into_iter();
        let renamed = fields.filter_map(|(kept, field)| Some((self.renamed(entity, &kept, into)?, field)));
        let renamed: BTreeMap<_, _> = renamed.collect();
        let conflicts = std::mem::take(&mut server.conflicts).into_iter();
        let conflicts = conflicts.filter_map(|mut open| {
            open.field = self.renamed(entity, &open.field, into)?;
            Some(open)
        });
        server.conflicts = conflicts.collect();
        server.fields = renamed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Dialect = Dialect { schema: 3, model: Model::B };
    const NEW: Dialect = Dialect { schema: 4, model: Model::B };

    #[test]
    fn a_field_has_one_name_for_its_user_and_one_in_each_dialect() {
        for (dialect, name, kept) in [
            (NEW, "due", Some("due")),
            (NEW, "priority", Some("priority")),
            (NEW, "deadline", None),
            (OLD, "due", Some("deadline")),
            (OLD, "title", Some("title")),
            (OLD, "priority", None),
        ] {
            let found = dialect.field("task", name).ok().map(|(kept, _)| kept);
            assert_eq!(found, kept, "{name} in {dialect:?}");
            if let Some(kept) = kept {
                assert_eq!(dialect.shown("task", kept), Some(name));
            }
        }
        assert_eq!(OLD.shown("task", "due"), None);
    }

    #[test]
    fn under_model_a_what_overwrites_names_its_version_and_nothing_adds_up() {
        let a = Dialect { model: Model::A, ..NEW };
        for (field, rule) in [
            ("title", Some(Rule::Version)),
            ("status", Some(Rule::Version)),
            ("description", Some(Rule::Version)),
            ("priority", Some(Rule::Version)),
            ("created_at", Some(Rule::Immutable)),
            ("tags", None),
            ("completed_count", None),
        ] {
            assert_eq!(a.field("task", field).ok().map(|(_, rule)| rule), rule, "{field}");
            assert_eq!(a.rule("task", field), rule, "{field}");
        }
    }

    #[test]
    fn what_cannot_be_said_is_left_out_and_what_is_not_known_keeps_its_name() {
        let to_old = |kept| NEW.renamed(Some("task"), kept, OLD);
        assert_eq!(to_old("due").as_deref(), Some("deadline"));
        assert_eq!(to_old("priority"), None);
        assert_eq!(to_old("from the future").as_deref(), Some("from the future"));
        let to_new = |kept| OLD.renamed(None, kept, NEW);
        assert_eq!(to_new("deadline").as_deref(), Some("due"));
        // Work that an older app could not send and kept for better times.
        assert_eq!(to_new("priority").as_deref(), Some("priority"));
    }
}
