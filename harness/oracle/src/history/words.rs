//! How people call what a trace tells.

use deadzone_contract::Value;

use super::{ActionRun, Effect, History, Op};

impl<'t> History<'t> {
    /// The script's name of a record, or the beginning of its identity.
    pub(crate) fn name(&self, record: usize) -> String {
        let record = &self.records[record];
        match record.name {
            Some(name) => name.to_owned(),
            None => format!("record {}", shortened(&record.id.0)),
        }
    }

    /// An effect as a user would say it: `phone's title="Final" on task/1 (a4)`.
    pub(crate) fn work(&self, record: usize, effect: &Effect<'_>) -> String {
        let action = self.action_of(effect);
        let name = self.name(record);
        let what = match effect.op {
            Op::Create => format!("creation of {name}"),
            Op::Delete => format!("deletion of {name}"),
            Op::Restore => format!("bringing back of {name}"),
            _ => format!("{} on {name}", change(effect)),
        };
        format!("{}'s {what} ({})", action.device, action.label)
    }

    /// The entries that tell of an effect: the action, its outcome, and the last attempt to send
    /// it, if there was one.
    pub(crate) fn story(&self, record: usize, effect: &Effect<'_>) -> Vec<usize> {
        let action = self.action_of(effect);
        let mut story = self.outcome(action);
        let attempt = self.wire.pushes(action.device, record).rev().find(|push| push.sent > action.begun);
        if let Some(push) = attempt {
            story.push(push.sent);
            story.extend(push.arrived.first());
            story.extend(push.closed);
        }
        story
    }

    /// The entries of an action and its outcome.
    pub(crate) fn outcome(&self, action: &ActionRun<'_>) -> Vec<usize> {
        let ended = Some(action.ended).filter(|&ended| ended < self.entries.len());
        std::iter::once(action.begun).chain(ended).collect()
    }
}

/// What an effect does to its field: `title="Final"`, `tags+=urgent`, `completed_count+=3`.
pub(crate) fn change(effect: &Effect<'_>) -> String {
    let field = effect.field.unwrap_or_default();
    match &effect.op {
        Op::Create => "create".to_owned(),
        Op::Delete => "delete".to_owned(),
        Op::Restore => "bring back".to_owned(),
        Op::Put(values) => format!("{field}={}", any_of(values)),
        Op::Resolve(values) => format!("decision for {field}={}", any_of(values)),
        Op::UseTheirs(values) => format!("decision to use the server's {field}={}", any_of(values)),
        Op::Add(by) => format!("{field}+={by}"),
        Op::Insert(member) => format!("{field}+={}", Value::text(*member)),
        Op::Remove(member) => format!("{field}-={}", Value::text(*member)),
    }
}

/// Values, as alternatives.
pub(crate) fn any_of(values: &[&Value]) -> String {
    match values {
        [] => "nothing".to_owned(),
        values => values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "),
    }
}

/// A field's value as people read it.
pub(crate) fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), ToString::to_string)
}

fn shortened(id: &str) -> &str {
    id.char_indices().nth(8).map_or(id, |(end, _)| &id[..end])
}
