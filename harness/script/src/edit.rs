//! Scripts made from scripts: repros, shrunk ones, and the single actions of a repetition.

use std::collections::BTreeSet;

use deadzone_contract::{Change, Choice, Model, Value};

use crate::{Declaration, Item, Script, UserAction};

/// Which run a repro repeats, and what it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repro<'a> {
    /// The seed.
    pub seed: u64,
    /// The client's name.
    pub client: &'a str,
    /// The planted defect, if there was one.
    pub defect: Option<&'a str>,
    /// The oracle that failed.
    pub oracle: &'a str,
    /// The clause of the oracle.
    pub clause: &'a str,
    /// The digest of the trace: 64 hexadecimal digits.
    pub digest: &'a str,
}

impl Script {
    /// The script as a repro: it says which run it repeats, in place of whatever it said about
    /// that before, and every step has its label written, so that removing lines later neither
    /// renames steps nor changes what is drawn for them.
    pub fn as_repro(&self, repro: &Repro<'_>) -> Script {
        let mut script = self.labelled();
        script.items.retain(|item| !matches!(item, Item::Declaration(declaration) if is_repro(declaration)));
        let mut declarations = vec![
            Declaration::Seed(repro.seed),
            Declaration::Client(repro.client.to_owned()),
            Declaration::Violates { oracle: repro.oracle.to_owned(), clause: repro.clause.to_owned() },
            Declaration::Digest(repro.digest.to_owned()),
        ];
        if let Some(defect) = repro.defect {
            declarations.insert(2, Declaration::Defect(defect.to_owned()));
        }
        let at = script.behind_its_name();
        script.items.splice(at..at, declarations.into_iter().map(Item::Declaration));
        script
    }

    /// The script under a model, unless it says one itself.
    pub fn under(&self, model: Model) -> Script {
        let mut script = self.clone();
        if self.model().is_none() {
            script.items.insert(self.behind_its_name(), Item::Declaration(Declaration::Model(model)));
        }
        script
    }

    /// The place behind its name and its suite.
    fn behind_its_name(&self) -> usize {
        let last = self.items.iter().rposition(|item| {
            matches!(item, Item::Declaration(Declaration::Scenario(_) | Declaration::Suite(_)))
        });
        last.map_or(0, |last| last + 1)
    }

    /// The script with every step's label written.
    pub fn labelled(&self) -> Script {
        let mut labels = self.steps().map(|(_, label, _)| label).collect::<Vec<_>>().into_iter();
        let mut script = self.clone();
        for item in &mut script.items {
            if let Item::Step(step) = item {
                step.label = labels.next();
            }
        }
        script
    }

    /// The script without some of its items, which are counted from 0. Labels that are not
    /// written move; see [`Script::labelled`].
    pub fn without_items(&self, items: &BTreeSet<usize>) -> Script {
        let kept = self.items.iter().enumerate().filter(|(index, _)| !items.contains(index));
        Script { items: kept.map(|(_, item)| item.clone()).collect() }
    }
}

fn is_repro(declaration: &Declaration) -> bool {
    matches!(
        declaration,
        Declaration::Seed(_)
            | Declaration::Client(_)
            | Declaration::Defect(_)
            | Declaration::Violates { .. }
            | Declaration::Digest(_)
    )
}

/// A name or text of a repetition in its `n`-th round, counted from 1: `#` becomes `n`.
pub fn numbered(text: &str, n: u32) -> String {
    text.replace('#', &n.to_string())
}

impl UserAction {
    /// The action of a repetition in its `n`-th round, counted from 1: `#` becomes `n` in names
    /// and texts.
    pub fn numbered(&self, n: u32) -> UserAction {
        let text = |text: &String| numbered(text, n);
        let changes = |changes: &[(String, Change)]| {
            changes.iter().map(|(field, change)| (field.clone(), numbered_change(change, n))).collect()
        };
        match self {
            UserAction::Create { name, place, changes: first } => UserAction::Create {
                name: text(name),
                place: place.as_ref().map(text),
                changes: changes(first),
            },
            UserAction::Edit { name, changes: edits } => {
                UserAction::Edit { name: text(name), changes: changes(edits) }
            }
            UserAction::SignIn { .. }
            | UserAction::SignOut { .. }
            | UserAction::Repair
            | UserAction::SetRole(_) => self.clone(),
            UserAction::Undo { name } => UserAction::Undo { name: text(name) },
            UserAction::Delete { name } => UserAction::Delete { name: text(name) },
            UserAction::Discard { name } => UserAction::Discard { name: text(name) },
            UserAction::Retry { name } => UserAction::Retry { name: text(name) },
            UserAction::Resolve { name, field, choice } => UserAction::Resolve {
                name: text(name),
                field: field.clone(),
                choice: match choice {
                    Choice::Merge(value) => Choice::Merge(numbered_value(value, n)),
                    fixed => fixed.clone(),
                },
            },
        }
    }
}

fn numbered_change(change: &Change, n: u32) -> Change {
    match change {
        Change::Put(value) => Change::Put(numbered_value(value, n)),
        Change::Insert(member) => Change::Insert(numbered(member, n)),
        Change::Remove(member) => Change::Remove(numbered(member, n)),
        Change::Add(by) => Change::Add(*by),
    }
}

fn numbered_value(value: &Value, n: u32) -> Value {
    match value {
        Value::Text(text) => Value::Text(numbered(text, n)),
        Value::Set(members) => Value::Set(members.iter().map(|member| numbered(member, n)).collect()),
        Value::Int(number) => Value::Int(*number),
    }
}
