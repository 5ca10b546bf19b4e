//! Apps of an older version: what they call fields, and which they do not know.
//!
//! Oracles speak the words of the newest schema. A trace with older apps in it is put into those
//! words first.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::rules::{self, ENTITIES};
use deadzone_contract::wire::SCHEMA_VERSION;
use deadzone_contract::{Action, FieldChange, RecordView};
use deadzone_trace::{Event, Exchange, Trace};

/// The trace in the words of the newest schema; none where it is in them already.
pub(crate) fn translated(trace: &Trace) -> Option<Trace> {
    let header = trace.header()?;
    let old: BTreeSet<&String> =
        header.apps.iter().filter(|(_, app)| **app < SCHEMA_VERSION).map(|(device, _)| device).collect();
    if old.is_empty() {
        return None;
    }
    let mut exchanges: BTreeSet<&Exchange> = BTreeSet::new();
    let mut translated = trace.clone();
    for (entry, original) in translated.entries.iter_mut().zip(&trace.entries) {
        let of_old = old.contains(&entry.host);
        match &mut entry.event {
            Event::Shown(view) if of_old => rename_in(view),
            Event::Viewed(view) if of_old => view.records.iter_mut().for_each(rename_in),
            Event::Invoked { act, .. } if of_old => rename_act(act),
            Event::Saved { undid, .. } if of_old => rename_changes(undid),
            Event::Sent { body, .. } if of_old => {
                rename_keys(body);
                if let Event::Sent { exchange, .. } = &original.event {
                    exchanges.insert(exchange);
                }
            }
            Event::Answered { exchange, body, .. } if exchanges.contains(exchange) => rename_keys(body),
            _ => {}
        }
    }
    Some(translated)
}

/// Whether an app of a version knows a field.
pub(crate) fn knows(app: u32, entity: &str, field: &str) -> bool {
    let declared = rules::entity(entity).and_then(|entity| entity.field(field));
    declared.is_none_or(|field| field.name_in(app).is_some())
}

/// The names that changed: before and now.
fn renamed() -> impl Iterator<Item = (&'static str, &'static str)> {
    let fields = ENTITIES.iter().flat_map(|entity| entity.fields);
    fields.filter_map(|field| Some((field.name_before.filter(|before| *before != field.name)?, field.name)))
}

fn rename(name: &mut String) {
    if let Some((_, now)) = renamed().find(|(before, _)| before == name) {
        *name = now.to_owned();
    }
}

fn rename_in(view: &mut RecordView) {
    let fields = std::mem::take(&mut view.fields);
    let fields: BTreeMap<_, _> = fields
        .into_iter()
        .map(|(mut name, value)| {
            rename(&mut name);
            (name, value)
        })
        .collect();
    view.fields = fields;
    view.conflicts.iter_mut().for_each(|open| rename(&mut open.field));
}

fn rename_act(act: &mut Action) {
    match act {
        Action::Create { changes, .. } | Action::Edit { changes, .. } => rename_changes(changes),
        Action::Resolve { field, .. } => rename(field),
        _ => {}
    }
}

fn rename_changes(changes: &mut [FieldChange]) {
    changes.iter_mut().for_each(|change| rename(&mut change.field));
}

/// On the wire a field's name is a key, and in an open conflict it says what that is about.
fn rename_keys(body: &mut String) {
    for (before, now) in renamed() {
        let keys = [format!("\"{before}\":"), format!("\"{now}\":")];
        let names = [format!("\"field\":\"{before}\""), format!("\"field\":\"{now}\"")];
        for [before, now] in [keys, names] {
            if body.contains(&before) {
                *body = body.replace(&before, &now);
            }
        }
    }
}
