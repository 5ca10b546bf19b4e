//! What users do: records are created once, before anything else happens to them, and where
//! their entity belongs.

use deadzone_contract::rules::{ENTITIES, EntityDecl, entity};
use deadzone_contract::{Choice, FieldDecl, Rule, Value};

use super::Checker;
use crate::limits::{ACTIONS_MAX, NAME_BYTES_MAX};
use crate::part::Part;
use crate::words::is_word;
use crate::{Act, Item, UserAction, suggest};

impl<'a> Checker<'a> {
    /// `times` is set in a repetition.
    pub(super) fn user_action(&mut self, devices: &[String], action: &'a UserAction, times: Option<u32>) {
        let before = self.actions;
        self.actions += devices.len() as u64 * u64::from(times.unwrap_or(1));
        if self.actions > ACTIONS_MAX {
            if before <= ACTIONS_MAX {
                self.report(Part::Line, format!("the script has more than {ACTIONS_MAX} user actions"));
            }
            return;
        }
        match action {
            UserAction::Create { name, place, changes } => {
                if let Some(decl) = self.new_name(name, devices.len(), times) {
                    self.place(decl, place.as_deref(), times);
                    self.changes(decl, changes, true);
                }
                self.create(name, times);
            }
            UserAction::Edit { name, changes } => {
                self.exists(name, times, Part::Name);
                if changes.is_empty() {
                    self.report(Part::Line, "an edit changes at least one field");
                }
                if let Some(decl) = entity_of(name) {
                    self.changes(decl, changes, false);
                }
            }
            UserAction::SignIn { user: Some(user), .. } => self.user(user, Part::User(0)),
            UserAction::SignIn { user: None, .. } | UserAction::SignOut { .. } | UserAction::Repair => {}
            UserAction::SetRole(change) => self.member_change(change),
            UserAction::Delete { name }
            | UserAction::Discard { name }
            | UserAction::Retry { name }
            | UserAction::Undo { name } => {
                self.exists(name, times, Part::Name);
            }
            UserAction::Resolve { name, field, choice } => {
                self.exists(name, times, Part::Name);
                self.makes_conflicts(name, field);
                match choice {
                    Choice::KeepMine | Choice::UseTheirs | Choice::Merge(Value::Text(_)) => {}
                    Choice::Merge(_) => {
                        self.report(Part::Value(0), format!("`{field}` holds words: merge \"some words\""));
                    }
                }
            }
        }
    }

    pub(super) fn no_entity(&mut self, name: &str, part: Part) {
        let help = suggest::help(name, ENTITIES.iter().map(|decl| decl.name), "the entities are");
        self.report_with(part, format!("there is no entity `{name}`"), help);
    }

    /// The form of a name that a create gives, and the declaration of its entity.
    fn new_name(&mut self, name: &str, devices: usize, times: Option<u32>) -> Option<&'static EntityDecl> {
        let Some((kind, own)) = name.split_once('/') else {
            let help = String::from("a record's name is its entity, a slash and a word or a number: task/1");
            self.report_with(Part::Name, format!("`{name}` is no name for a record"), help);
            return None;
        };
        let Some(decl) = entity(kind) else {
            self.no_entity(kind, Part::Entity);
            return None;
        };
        self.numbered(name, times, Part::Name);
        // A stand-in for the number, so that the rest can be looked at like any word.
        let is_number = !own.is_empty() && own.bytes().all(|b| b.is_ascii_digit() || b == b'#');
        let is_word = is_number || is_word(&own.replace('#', "0"));
        if !is_word || name.len() > NAME_BYTES_MAX {
            let help = format!("behind the slash stands a short word or a number: {kind}/1");
            self.report_with(Part::Name, format!("`{name}` is no name for a record"), help);
        }
        if devices > 1 {
            let help = String::from("create it on one of them");
            self.report_with(Part::Name, format!("each device would create `{name}`"), help);
        }
        if times.is_some_and(|times| times > 1) && !name.contains('#') {
            let help = format!("`#` becomes 1, 2, 3 and so on: {kind}/#");
            self.report_with(Part::Name, format!("each repetition would create `{name}`"), help);
        }
        Some(decl)
    }

    /// Outside of repetitions nothing stands for a number.
    fn numbered(&mut self, name: &str, times: Option<u32>, part: Part) {
        if times.is_none() && name.contains('#') {
            let help = String::from("such as `50 times: phone create task/# in project/p`");
            self.report_with(part, "`#` stands for a number in repetitions only", help);
        }
    }

    /// Notes the new records; none may be there already.
    fn create(&mut self, name: &str, times: Option<u32>) {
        let mut twice = None;
        for name in expand(name, times) {
            if self.records.contains(&name) {
                twice = twice.or(Some(name));
            } else {
                self.records.insert(name);
            }
        }
        if let Some(name) = twice {
            self.report(Part::Name, format!("`{name}` is created a second time"));
        }
    }

    /// Where a record of this entity is created.
    fn place(&mut self, decl: &EntityDecl, place: Option<&'a str>, times: Option<u32>) {
        let kind = decl.name;
        match (decl.parent, place) {
            (Some(parent), None) => {
                let help = format!("such as `create {kind}/1 in {parent}/1`");
                self.report_with(Part::Name, format!("a {kind} is created in a {parent}"), help);
            }
            (Some(parent), Some(place)) => {
                let is_parent = place.split_once('/').is_some_and(|(entity, _)| entity == parent);
                if is_parent {
                    self.exists(place, times, Part::Place);
                } else {
                    self.report(Part::Place, format!("a {kind} is created in a {parent}, not in `{place}`"));
                }
            }
            (None, None) if self.workspaces.len() == 1 => {}
            (None, None) => {
                let help = suggest::help("", self.workspaces.iter().copied(), "the workspaces are");
                self.report_with(
                    Part::Name,
                    format!("it has to be said in which workspace the {kind} is"),
                    help,
                );
            }
            (None, Some(place)) if place.contains('/') => {
                self.report(Part::Place, format!("a {kind} is created in a workspace, not in `{place}`"));
            }
            (None, Some(place)) => {
                if !self.workspaces.contains(place) && self.unknown.insert(place) {
                    let help = suggest::help(place, self.workspaces.iter().copied(), "the workspaces are");
                    self.report_with(Part::Place, format!("there is no workspace `{place}`"), help);
                }
            }
        }
    }

    /// The records of this name have been created above.
    pub(super) fn exists(&mut self, name: &str, times: Option<u32>, part: Part) {
        self.numbered(name, times, part);
        let mut missing = None;
        for name in expand(name, times) {
            if !self.records.contains(&name) && self.missing.insert(name.clone()) {
                missing = missing.or(Some(name));
            }
        }
        let Some(name) = missing else { return };
        let help = match self.created_below(&name) {
            Some(item) => Some(format!("it is created in line {}", Self::line(item))),
            None => {
                suggest::did_you_mean(&name, self.records.iter().map(String::as_str).filter(|n| *n != name))
            }
        };
        self.report_with(part, format!("no line above creates `{name}`"), help);
    }

    /// The later item that creates a record.
    fn created_below(&self, wanted: &str) -> Option<usize> {
        let below = self.script.items.iter().enumerate().skip(self.item + 1);
        below
            .filter_map(|(item, line)| match line {
                Item::Step(step) => Some((item, &step.act)),
                _ => None,
            })
            .find(|(_, act)| match act {
                Act::User { action: UserAction::Create { name, .. }, .. } => name == wanted,
                Act::Repeat { times, act, .. } => match act.as_ref() {
                    Act::User { action: UserAction::Create { name, .. }, .. } => {
                        expand(name, Some(*times)).any(|name| name == wanted)
                    }
                    _ => false,
                },
                _ => false,
            })
            .map(|(item, _)| item)
    }

    /// The field's rule has to be one that makes conflicts.
    pub(super) fn makes_conflicts(&mut self, name: &str, field: &str) {
        let Some(decl) = entity_of(name) else { return };
        let Some(found) = decl.field(field) else { return self.no_field(decl, field, 0) };
        let model = self.script.model().unwrap_or_default();
        let asks = |field: &FieldDecl| field.rule_in(model).is_some_and(Rule::asks);
        if asks(found) {
            return;
        }
        let fields = decl.fields.iter().filter(|field| asks(field));
        let fields: Vec<String> = fields.map(|field| format!("`{}`", field.name)).collect();
        let help = match fields.as_slice() {
            [] => format!("no field of a {} does", decl.name),
            _ => format!("of a {} these do: {}", decl.name, fields.join(", ")),
        };
        self.report_with(Part::Field(0), format!("`{field}` never makes a conflict"), help);
    }
}

/// The declaration that a record's name points to.
pub(super) fn entity_of(name: &str) -> Option<&'static EntityDecl> {
    entity(name.split_once('/')?.0)
}

/// The names that a name stands for: one, or one for each repetition.
fn expand(name: &str, times: Option<u32>) -> impl Iterator<Item = String> {
    let last = match times {
        Some(times) if name.contains('#') => times,
        _ => 1,
    };
    (1..=last).map(move |n| match times {
        Some(_) => crate::numbered(name, n),
        None => name.to_owned(),
    })
}
