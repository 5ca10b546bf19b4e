//! Rule `immutable`: the first write that reaches the server stays. Another one is refused, and
//! stands in the tray of its device.

use std::collections::BTreeMap;

use deadzone_contract::{Rule, Value};

use crate::findings::{Case, Findings};
use crate::history::{FieldHistory, History, Viewer, words};
use crate::life::{Found, Life};

use super::at_end::missing;

/// Judges the last value of a field.
pub(super) fn judge(
    life: &Life<'_, '_>,
    field: &FieldHistory<'_>,
    found: Found<'_, '_>,
    findings: &mut Findings,
) {
    let value = found.view.fields.get(field.name);
    if life.unwanted(field, value) {
        return;
    }
    for (position, write) in life.record.effects_on(field) {
        let stands = value.is_some_and(|value| write.op.values().contains(&value));
        if stands || !life.firm(field.effects[position]) || !write.op.is_write() {
            continue;
        }
        findings.report(missing(life, "at-end", write, found.audit).says(
            format!(
                "{} was saved, but the server has {}, and no tray says so",
                life.work(write),
                words::shown(value),
            ),
            format!("{} as the first write, or in the tray as one that came too late", words::change(write)),
        ));
    }
}

/// What the server has once told of an immutable field does not change.
pub(super) fn judge_moments(history: &History<'_>, record: usize, findings: &mut Findings) {
    let life = &history.records[record];
    for field in life.fields.values().filter(|field| field.rule == Some(Rule::Immutable)) {
        let mut told: Vec<(usize, &Value)> = Vec::new();
        for answer in history.wire.told(record) {
            told.extend(answer.state.fields.get(field.name).map(|value| (answer.at, value)));
        }
        for sight in life.sights.iter().filter(|sight| matches!(sight.by, Viewer::Server(_))) {
            told.extend(sight.view.fields.get(field.name).map(|value| (sight.at, value)));
        }
        told.sort_unstable_by_key(|(at, _)| *at);
        let mut values: BTreeMap<&Value, usize> = BTreeMap::new();
        for (at, value) in told {
            // Of a server that forgot, nothing that it said before is asked.
            let forgot = history.hosts.damaged(crate::history::SERVER, at).map_or(0, |damage| damage.at);
            values.retain(|_, told| *told >= forgot);
            values.entry(value).or_insert(at);
            let Some((first, since)) = values.iter().find(|(other, _)| **other != value) else { continue };
            let name = history.name(record);
            let case = Case::new("replaced", "put").rule(field.rule).record(life.id).subject(field.name);
            findings.report(case.evidence([*since, at]).says(
                format!("the server tells {}={value} on {name}, after it had told {first}", field.name),
                format!("{}={first} for ever: the first write stays", field.name),
            ));
        }
    }
}
