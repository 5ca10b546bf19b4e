//! Writes answers as short lines.

use deadzone_contract::problem::Problem;
use deadzone_contract::wire::{
    FieldResult, Hint, MutationResult, OpenConflict, Outcome, PulledChange, PushAnswer, ServerField,
    ServerRecord, SyncPage,
};

pub(crate) fn problem(problem: &Problem) -> String {
    format!("{} {}: {}", problem.status, problem.code, problem.detail)
}

pub(crate) fn push(answer: &PushAnswer) -> String {
    lines(answer.results.iter().map(result))
}

pub(crate) fn page(page: &SyncPage) -> String {
    let end = format!("next={} more={}", page.next, page.more);
    if page.changes.is_empty() { end } else { format!("{}\n{end}", changes(&page.changes)) }
}

pub(crate) fn changes(changes: &[PulledChange]) -> String {
    lines(changes.iter().map(|change| match change {
        PulledChange::Record(record) => state(record),
        PulledChange::Removed { record } => format!("{record} removed"),
        PulledChange::Tombstone { record, version, included } => {
            format!("{record}@{version} deleted{}", includes(*included))
        }
    }))
}

pub(crate) fn hint(hint: &Hint) -> String {
    let told = hint.changes.as_ref().map_or("too much".to_owned(), |told| changes(told));
    format!("{told}\nsince={} next={}", hint.since, hint.next)
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}

fn result(result: &MutationResult) -> String {
    let number = result.number.map_or("-".to_owned(), |number| number.to_string());
    let outcome = match &result.outcome {
        Outcome::Rejected { code, detail } => format!("{code} ({detail})"),
        Outcome::Deferred => "deferred".to_owned(),
        Outcome::Done { fields } => {
            let mut done = "done".to_owned();
            for (field, result) in fields {
                match result {
                    FieldResult::Applied => {}
                    FieldResult::Rejected { code, .. } => done.push_str(&format!(" {field}: {code}")),
                    FieldResult::Conflict { open } => done.push_str(&format!(" {}", conflict(open))),
                }
            }
            done
        }
    };
    let state = result.state.as_ref().map_or("nothing".to_owned(), state);
    format!("{number} {outcome} -> {state}")
}

fn state(record: &ServerRecord) -> String {
    let mut line = format!("{}@{}", record.record, record.version);
    for (name, field) in &record.fields {
        line.push_str(&match field {
            ServerField::Lww { value, .. } => format!(" {name}={value}"),
            ServerField::Version { value, version } => format!(" {name}={value}@{version}"),
            ServerField::Fixed { value } => format!(" {name}={value} for ever"),
            ServerField::Counter { total } => format!(" {name}={total}"),
            ServerField::Set { members } => {
                let members = members.iter().map(|(member, additions)| {
                    let additions: Vec<_> = additions.iter().map(String::as_str).collect();
                    format!("{member} by {}", additions.join(" and "))
                });
                format!(" {name}=[{}]", members.collect::<Vec<_>>().join(", "))
            }
        });
    }
    for open in &record.conflicts {
        line.push_str(&format!(" [{}]", conflict(open)));
    }
    let tombstone = if record.deleted { " under a tombstone" } else { "" };
    line + &includes(record.included) + tombstone
}

fn conflict(open: &OpenConflict) -> String {
    let theirs = open.theirs.as_ref().map_or("nothing".to_owned(), ToString::to_string);
    format!("{}: {} mine={} theirs={theirs}@{}", open.field, open.id, open.mine, open.version)
}

fn includes(number: Option<u64>) -> String {
    number.map_or(String::new(), |number| format!(" includes {number}"))
}
