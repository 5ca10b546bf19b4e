//! Fields and values: what their rules allow.

use std::collections::BTreeSet;

use deadzone_contract::rules::EntityDecl;
use deadzone_contract::{Change, Rule, Value};
use deadzone_trace::FieldClaim;

use super::Checker;
use crate::part::Part;
use crate::print::{Literal, Words};
use crate::suggest;
use crate::words::{change_help, claim_help};

impl<'a> Checker<'a> {
    /// The changes of one create or edit.
    pub(super) fn changes(&mut self, decl: &EntityDecl, changes: &'a [(String, Change)], creates: bool) {
        let mut seen = BTreeSet::new();
        for (n, (field, change)) in changes.iter().enumerate() {
            let Some(field_decl) = decl.field(field) else {
                self.no_field(decl, field, n);
                continue;
            };
            let member = match change {
                Change::Insert(member) | Change::Remove(member) => Some(member),
                Change::Put(_) | Change::Add(_) => None,
            };
            self.change(field, field_decl.rule, change, n);
            if creates && field_decl.rule == Rule::Set && matches!(change, Change::Remove(_)) {
                self.report(Part::Change(n), "a new record has no members to take away");
            }
            if !seen.insert((field, member)) {
                let what = member.map_or(format!("`{field}`"), |member| format!("`{member}` of `{field}`"));
                self.report(Part::Change(n), format!("{what} is changed twice in one action"));
            }
        }
    }

    fn change(&mut self, field: &str, rule: Rule, change: &Change, n: usize) {
        let help = change_help(field, rule);
        let (part, message) = match (rule, change) {
            (Rule::Set, Change::Insert(_) | Change::Remove(_)) | (Rule::Counter, Change::Add(_)) => return,
            (Rule::Set, Change::Add(by)) => {
                (Part::Value(n), format!("`{field}` holds words, not {}", by.unsigned_abs()))
            }
            (Rule::Set | Rule::Counter, Change::Put(_)) => {
                (Part::Change(n), format!("`{field}` cannot be replaced"))
            }
            (Rule::Counter, Change::Insert(member) | Change::Remove(member)) => {
                (Part::Value(n), format!("`{field}` counts; {} is no whole number", Words(member)))
            }
            (_, Change::Put(Value::Text(_))) => return,
            (_, Change::Put(value)) => {
                (Part::Value(n), format!("`{field}` holds words, not {}", Literal(value)))
            }
            _ => (Part::Change(n), format!("`{field}` cannot be added to or taken from")),
        };
        self.report_with(part, message, help);
    }

    /// The values that an expectation claims.
    pub(super) fn claims(&mut self, decl: &EntityDecl, claims: &'a [FieldClaim]) {
        let mut seen = BTreeSet::new();
        for (n, FieldClaim { field, equal, value }) in claims.iter().enumerate() {
            let Some(field_decl) = decl.field(field) else {
                self.no_field(decl, field, n);
                continue;
            };
            match (field_decl.rule, value) {
                (Rule::Set, Value::Set(_)) | (Rule::Counter, Value::Int(_)) => {}
                (rule, Value::Text(_)) if rule.replaces() => {}
                (rule, value) => {
                    let message = format!("`{field}` is never {}", Literal(value));
                    self.report_with(Part::Value(n), message, claim_help(field, rule));
                }
            }
            if *equal && !seen.insert(field) {
                self.report(Part::Change(n), format!("`{field}` is claimed twice"));
            }
        }
    }

    pub(super) fn no_field(&mut self, decl: &EntityDecl, field: &str, n: usize) {
        let fields = decl.fields.iter().map(|field| field.name);
        let help = suggest::help(field, fields, &format!("the fields of a {} are", decl.name));
        self.report_with(Part::Field(n), format!("a {} has no field `{field}`", decl.name), help);
    }
}
