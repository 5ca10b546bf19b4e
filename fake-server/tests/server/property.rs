//! Whatever the limits, whatever happens between two pages: who pulls to the end has what there is
//! for those eyes, and is brought nothing else on the way.

use std::collections::BTreeMap;

use deadzone_contract::wire::{PulledChange, Role, ServerRecord};
use deadzone_contract::{Code, RecordId};
use proptest::prelude::*;

use crate::lab::Lab;
use crate::rules::prepared;
use crate::write::{Write, base, create, delete, task, update};

/// What happens between two pages.
#[derive(Clone, Debug)]
enum Event {
    Edit {
        record: u8,
    },
    Delete {
        record: u8,
    },
    /// The tasks that are private go from one user to another.
    Assign {
        record: u8,
        to: &'static str,
    },
    /// What the reader may do in the workspace.
    Role {
        role: Option<Role>,
    },
    /// Time passes; in units of a quarter of the horizon.
    Pass {
        quarters: u8,
    },
    /// The device asks for its next page.
    Page {
        limit: u8,
    },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..6u8).prop_map(|record| Event::Edit { record }),
        2 => (0..6u8).prop_map(|record| Event::Delete { record }),
        2 => (0..6u8, prop::sample::select(vec!["ben", "eve"]))
            .prop_map(|(record, to)| Event::Assign { record, to }),
        1 => prop::sample::select(vec![None, Some(Role::Viewer), Some(Role::Editor), Some(Role::Admin)])
            .prop_map(|role| Event::Role { role }),
        1 => (1..6u8).prop_map(|quarters| Event::Pass { quarters }),
        4 => (1..5u8).prop_map(|limit| Event::Page { limit }),
    ]
}

/// A device that only pulls, by the book.
#[derive(Default)]
struct Reader {
    since: u64,
    records: BTreeMap<RecordId, ServerRecord>,
}

impl Reader {
    /// Takes one page; returns whether there is more.
    fn page(&mut self, lab: &Lab, limit: u8) -> bool {
        let page = match lab.try_pull("ben/laptop", &format!("since={}&limit={limit}", self.since)) {
            Ok(page) => page,
            Err(problem) => {
                assert_eq!(problem.code, Code::CursorExpired);
                *self = Reader::default();
                return true;
            }
        };
        assert!(page.changes.len() <= usize::from(limit));
        assert!(page.next >= self.since, "a cursor never goes back");
        for change in page.changes {
            match change {
                PulledChange::Record(record) => {
                    assert!(entitled(lab, &record), "{record:?}");
                    self.records.insert(record.record.clone(), record);
                }
                PulledChange::Tombstone { record, .. } | PulledChange::Removed { record } => {
                    self.records.remove(&record);
                }
            }
        }
        self.since = page.next;
        page.more
    }
}

/// Whether Ben may see a record, by what its fields say.
fn entitled(lab: &Lab, record: &ServerRecord) -> bool {
    let sql = "SELECT role FROM grants WHERE user = 'ben' AND workspace = 'home'";
    let role = lab.anchor.query_row(sql, [], |row| row.get::<_, String>(0)).ok();
    let field =
        "SELECT 1 FROM fields JOIN records ON key = record WHERE id = ?1 AND field = ?2 AND value = ?3";
    let says = |id: &RecordId, name: &str, value: &str| {
        lab.anchor.prepare_cached(field).unwrap().exists([&id.0, name, value]).unwrap()
    };
    // What hangs under a task is as private as that is.
    let task = record.parent.as_ref().filter(|_| record.entity == "comment").unwrap_or(&record.record);
    let secret = says(task, "private", "yes") && !says(task, "assignee", "ben");
    role.is_some_and(|role| role == "admin" || !secret)
}

fn play(lab: &Lab, reader: &mut Reader, number: u64, event: &Event) {
    let id = |record: u8| format!("r{record}");
    let exists = |id: &str| {
        let sql = "SELECT version, purged FROM records WHERE id = ?1";
        lab.anchor.query_row(sql, [id], |row| Ok((row.get::<_, u64>(0)?, row.get::<_, bool>(1)?))).ok()
    };
    let push = |write: Write| {
        let answer = lab.push("ana/phone", [write]);
        // The push itself may have purged the record or its parent.
        assert!(["done", "gone", "no such task"].iter().any(|told| answer.contains(told)), "{answer}");
    };
    match event {
        Event::Edit { record } => match exists(&id(*record)) {
            None if record % 3 == 2 => {
                let parent = id(record - 1);
                if exists(&parent).is_some_and(|(_, purged)| !purged) {
                    push(create(number, &id(*record), "comment", "home", Some(&parent)).put("body", "new"));
                }
            }
            None => {
                let private = if record % 3 == 1 { "yes" } else { "no" };
                push(task(number, &id(*record)).put("private", private));
            }
            Some((_, false)) if record % 3 == 2 => push(update(number, &id(*record)).put("body", "edited")),
            Some((_, false)) => push(update(number, &id(*record)).add("completed_count", 1)),
            Some((_, true)) => {}
        },
        Event::Delete { record } => {
            if let Some((version, _)) = exists(&id(*record)) {
                push(delete(number, &id(*record), base(version)));
            }
        }
        Event::Assign { record, to } => {
            if exists(&id(*record)).is_some_and(|(_, purged)| !purged) && record % 3 != 2 {
                push(update(number, &id(*record)).put("assignee", to));
            }
        }
        Event::Role { role } => lab.grant("home", "ben", *role),
        Event::Pass { quarters } => lab.pass(u64::from(*quarters) * 250),
        Event::Page { limit } => {
            reader.page(lab, *limit);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn pulling_to_the_end_gives_exactly_what_is_there(
        events in prop::collection::vec(event(), 1..60),
        limit in 1..5u8,
    ) {
        let lab = Lab::with(|p| p.tombstone_horizon = 1_000);
        lab.grant("home", "ana", Some(Role::Admin));
        let lab = prepared(lab);
        let mut reader = Reader::default();
        for (number, event) in (1..).zip(&events) {
            play(&lab, &mut reader, number, event);
        }
        let bound = 100;
        let pages = (0..bound).take_while(|_| reader.page(&lab, limit)).count();
        prop_assert!(pages < bound, "a pull comes to its end");
        let mut fresh = Reader::default();
        prop_assert!(!fresh.page(&lab, u8::MAX), "everything fits into one page");
        prop_assert_eq!(reader.records, fresh.records);
    }
}
