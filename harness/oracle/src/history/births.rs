//! Which create made which record, where no device said so.
//!
//! A create whose device died before it answered may have made its record all the same. Such a
//! record is known by its script name, where the world gave it one, or by its values: it is
//! visible, nobody else made it, and it looks as the create would have made it.

use std::collections::BTreeMap;

use super::{Ending, History, RecordHistory, Viewer};

/// Binds records without a creator to creates without a record.
pub(crate) fn bind(history: &mut History<'_>) {
    bind_names(history);
    for i in 0..history.records.len() {
        let record = &history.records[i];
        if record.creator.is_some() {
            continue;
        }
        if let Some(action) = matching(history, record) {
            history.actions[action].record = Some(i);
            history.records[i].creator = Some(action);
            history.records[i].name = history.records[i].name.or(history.actions[action].name);
        }
    }
}

/// Whether nobody knows what came of a create.
fn open(history: &History<'_>, action: usize) -> bool {
    let action = &history.actions[action];
    let unknown = matches!(action.ending, Ending::Indefinite | Ending::Open);
    unknown && action.record.is_none() && action.birthplace().is_some()
}

fn bind_names(history: &mut History<'_>) {
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for i in 0..history.actions.len() {
        if let Some(name) = history.actions[i].name
            && open(history, i)
        {
            by_name.entry(name).or_default().push(i);
        }
    }
    for i in 0..history.records.len() {
        let record = &history.records[i];
        if record.creator.is_none()
            && let Some(name) = record.name
            && let Some(&[action]) = by_name.get(name).map(Vec::as_slice)
        {
            history.actions[action].record = Some(i);
            history.records[i].creator = Some(action);
        }
    }
}

/// The open create that made a record: one of the same device before any other.
fn matching(history: &History<'_>, record: &RecordHistory<'_>) -> Option<usize> {
    let first = record.sights.first()?;
    let fits = |&action: &usize| {
        let run = &history.actions[action];
        let place = run.birthplace().expect("only creates are open");
        run.begun < first.at && record.sights.iter().any(|sight| place.made(sight.view))
    };
    let candidates: Vec<usize> =
        (0..history.actions.len()).filter(|&i| open(history, i)).filter(fits).collect();
    let here =
        |&&i: &&usize| matches!(first.by, Viewer::Device(device) if device == history.actions[i].device);
    candidates.iter().find(here).or(candidates.first()).copied()
}
