//! The product's rules: what becomes of concurrent writes, made from the declarations.

use std::fmt::Write;

use deadzone_contract::rules::ENTITIES;
use deadzone_contract::wire::SCHEMA_VERSION_MIN;
use deadzone_contract::{Deletes, EntityDecl, FieldDecl, Model, Rule};
use serde::Serialize;

/// One field and what becomes of concurrent writes to it.
#[derive(Clone, Debug, Serialize)]
pub struct RuleEntry {
    /// Of which entity.
    pub entity: &'static str,
    /// Its name.
    pub field: &'static str,
    /// Its rule under model B.
    pub rule: Rule,
    /// Its rule under model A; none where that model has no such field.
    pub rule_in_a: Option<Rule>,
    /// Its name in the schema before; none where that did not have it.
    pub name_before: Option<&'static str>,
    /// What a user would lose with another rule.
    pub why: &'static str,
}

/// Every field, in the order of the declarations.
pub fn rules() -> Vec<RuleEntry> {
    let fields = ENTITIES.iter().flat_map(|entity| entity.fields.iter().map(move |field| (entity, field)));
    fields
        .map(|(entity, field)| RuleEntry {
            entity: entity.name,
            field: field.name,
            rule: field.rule,
            rule_in_a: field.rule_in(Model::A),
            name_before: field.name_before,
            why: field.why,
        })
        .collect()
}

/// The rules as a document for people who build the product: Markdown.
pub fn rules_document() -> String {
    let mut text = String::from(
        "# What becomes of concurrent writes\n\n\
         Two devices change the same thing before either has heard of the other. This page says, entity\n\
         by entity and field by field, what their users find afterwards. It is made from the declarations\n\
         in `harness/contract/src/rules.rs` by `deadzone list rules`; change those, not this.\n\n\
         ## The rules\n\n| Rule | Two concurrent writes |\n|---|---|\n",
    );
    for rule in RULES {
        line(&mut text, format_args!("| `{rule}` | {} |", meaning(*rule)));
    }
    text.push_str(
        "\nUnder model A (a cache and a queue in front of a server that has the last word) whatever overwrites\n\
         goes by `version`, and there are no sets and no counters.\n",
    );
    for entity in ENTITIES {
        entity_section(&mut text, entity);
    }
    text
}

const RULES: &[Rule] =
    &[Rule::Lww, Rule::Version, Rule::Set, Rule::Counter, Rule::Immutable, Rule::Manual, Rule::Custom];

fn meaning(rule: Rule) -> &'static str {
    match rule {
        Rule::Lww => {
            "the one with the higher hybrid logical stamp stays; a write never loses to one that its device had seen"
        }
        Rule::Version => {
            "the first to arrive stays; the other becomes an open conflict that its author sees on every device and decides"
        }
        Rule::Set => "both count; a removal takes away only the additions that its device had seen",
        Rule::Counter => "both are added, each exactly once",
        Rule::Immutable => {
            "the first to arrive stays for ever; the other is refused and stands in its author's tray"
        }
        Rule::Manual => {
            "both are kept: the later to arrive becomes an open conflict that every member who may write sees and may decide"
        }
        Rule::Custom => {
            "the server makes one of both by a merge of the product's own, the same on every device"
        }
    }
}

fn entity_section(text: &mut String, entity: &EntityDecl) {
    line(text, format_args!("\n## {}\n", entity.name));
    let deletes = match entity.deletes {
        Deletes::EditWins => "the edit wins, and the record comes back whole",
        Deletes::DeleteWins => "the delete wins, and the edit stands in its author's tray",
    };
    line(text, format_args!("Edited on one device while deleted on another: {deletes}.\n"));
    text.push_str("| Field | Rule | Why |\n|---|---|---|\n");
    for field in entity.fields {
        line(text, format_args!("| `{}` | `{}` | {} |", field.name, field.rule, field.why));
    }
    let other: Vec<String> = entity.fields.iter().filter_map(other_name).collect();
    if !other.is_empty() {
        line(text, format_args!("\nApps of schema {SCHEMA_VERSION_MIN}: {}.", other.join("; ")));
    }
}

/// What is different about a field in the schema before.
fn other_name(field: &FieldDecl) -> Option<String> {
    match field.name_in(SCHEMA_VERSION_MIN) {
        Some(name) if name == field.name => None,
        Some(name) => Some(format!("`{}` is called `{name}`", field.name)),
        None => Some(format!("`{}` is not there", field.name)),
    }
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a string takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_in_the_repository_is_the_one_that_the_declarations_make() {
        let kept = include_str!("../../harness/docs/RULES.md");
        assert_eq!(kept, rules_document(), "write it anew: deadzone list rules > harness/docs/RULES.md");
    }

    #[test]
    fn every_rule_that_a_field_has_is_explained() {
        for entry in rules() {
            assert!(RULES.contains(&entry.rule), "{}", entry.rule);
        }
    }
}
