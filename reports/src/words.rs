//! How people call records, actions and mutations: as the script does.

use std::collections::BTreeMap;

use deadzone_contract::wire::{FieldOp, Mutation, MutationKind};
use deadzone_contract::{Action, Change, Choice, RecordId, RecordView, TrayItem, Value};
use deadzone_trace::{Event, Trace};

/// The script's names for the records of a trace.
pub(crate) struct Names<'t>(BTreeMap<&'t RecordId, &'t str>);

impl<'t> Names<'t> {
    pub(crate) fn of(trace: &'t Trace) -> Names<'t> {
        let mut names = BTreeMap::new();
        for entry in &trace.entries {
            if let Event::Named { name, record } = &entry.event {
                names.insert(record, name.as_str());
            }
        }
        Names(names)
    }

    /// `task/1`, or the start of an identity that no script named.
    pub(crate) fn record(&self, id: &RecordId) -> String {
        match self.0.get(id) {
            Some(name) => (*name).to_owned(),
            None => format!("record {}", id.0.chars().take(8).collect::<String>()),
        }
    }

    /// `create task/1 title="Buy milk"`
    pub(crate) fn action(&self, name: Option<&str>, act: &Action) -> String {
        let record = |id: &RecordId| self.record(id);
        match act {
            Action::SignIn { .. } => "sign in".to_owned(),
            Action::Create { entity, changes, .. } => {
                let name = name.map_or_else(|| format!("a {entity}"), str::to_owned);
                let changes = changes.iter().map(|change| changed(&change.field, &change.change));
                join(format!("create {name}"), changes)
            }
            Action::Edit { record: id, changes } => match changes.as_slice() {
                [only] if matches!(only.change, Change::Add(_)) => {
                    let Change::Add(by) = only.change else { return String::new() };
                    format!("add {by} to {} {}", record(id), only.field)
                }
                changes => join(
                    format!("set {}", record(id)),
                    changes.iter().map(|change| changed(&change.field, &change.change)),
                ),
            },
            Action::SignOut { anyway: false } => "sign out".to_owned(),
            Action::SignOut { anyway: true } => "sign out anyway".to_owned(),
            Action::Undo { record: id } => format!("undo {}", record(id)),
            Action::Repair => "repair".to_owned(),
            Action::SetRole { workspace, member, role: Some(role), .. } => {
                format!("make {member} {role} in {workspace}")
            }
            Action::SetRole { workspace, member, role: None, .. } => {
                format!("remove {member} from {workspace}")
            }
            Action::Delete { record: id, .. } => format!("delete {}", record(id)),
            Action::Discard { record: id } => format!("discard {}", record(id)),
            Action::Retry { record: id } => format!("retry {}", record(id)),
            Action::Resolve { record: id, field, choice } => {
                let choice = match choice {
                    Choice::KeepMine => "keep mine".to_owned(),
                    Choice::UseTheirs => "use theirs".to_owned(),
                    Choice::Merge(value) => format!("merge {value}"),
                };
                format!("resolve {}.{field} {choice}", record(id))
            }
        }
    }

    /// What a mutation asks of the server, in the same words as the action that it came from.
    pub(crate) fn mutation(&self, mutation: &Mutation) -> String {
        let name = self.record(&mutation.record);
        let fields = mutation.fields.iter().map(|(field, op)| op_words(field, op));
        match &mutation.kind {
            MutationKind::Create { .. } => join(format!("create {name}"), fields),
            MutationKind::Update => match mutation.fields.iter().next() {
                Some((field, FieldOp::Add { by })) if mutation.fields.len() == 1 => {
                    format!("add {by} to {name} {field}")
                }
                _ => join(format!("set {name}"), fields),
            },
            MutationKind::Delete { .. } => format!("delete {name}"),
        }
    }

    /// `task/1 title="Buy milk" completed_count=1`
    pub(crate) fn view(&self, view: &RecordView) -> String {
        let fields = view.fields.iter().map(|(field, value)| format!("{field}={value}"));
        let conflicts = view.conflicts.iter().map(|conflict| {
            let theirs = conflict.theirs.as_ref().map_or_else(|| "nothing".to_owned(), Value::to_string);
            format!("with an open conflict on {} (mine {}, theirs {theirs})", conflict.field, conflict.mine)
        });
        join(self.record(&view.record), fields.chain(conflicts))
    }

    /// `task/1 conflict: set status=done`
    pub(crate) fn tray(&self, items: &[TrayItem]) -> String {
        let lines: Vec<String> = items
            .iter()
            .map(|item| {
                format!("{} {} ({}; {})", self.record(&item.record), item.state, item.what, item.reason)
            })
            .collect();
        if lines.is_empty() { "nothing".to_owned() } else { lines.join(", ") }
    }
}

fn join(mut words: String, more: impl Iterator<Item = String>) -> String {
    for next in more {
        words.push(' ');
        words.push_str(&next);
    }
    words
}

fn changed(field: &str, change: &Change) -> String {
    match change {
        Change::Put(value) => format!("{field}={value}"),
        Change::Add(by) => format!("{field}+={by}"),
        Change::Insert(member) => format!("{field}+={}", Value::text(member)),
        Change::Remove(member) => format!("{field}-={}", Value::text(member)),
    }
}

fn op_words(field: &str, op: &FieldOp) -> String {
    match op {
        FieldOp::Put { value } | FieldOp::Write { value, .. } => format!("{field}={value}"),
        FieldOp::Close { .. } => format!("{field}: use theirs"),
        FieldOp::Add { by } => format!("{field}+={by}"),
        FieldOp::Tags { add, remove } => {
            let added = add.iter().map(|member| format!("{field}+={}", Value::text(member)));
            let removed = remove.keys().map(|member| format!("{field}-={}", Value::text(member)));
            added.chain(removed).collect::<Vec<_>>().join(" ")
        }
    }
}
