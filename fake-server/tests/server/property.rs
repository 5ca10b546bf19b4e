//! Whatever the limits, whatever happens between two pages: who pulls to the end has what there is.

use std::collections::BTreeMap;

use deadzone_contract::wire::{PulledChange, ServerRecord};
use deadzone_contract::{Code, RecordId};
use proptest::prelude::*;

use crate::lab::Lab;
use crate::rules::prepared;
use crate::write::{Write, base, delete, task, update};

/// What happens between two pages.
#[derive(Clone, Debug)]
enum Event {
    Edit {
        record: u8,
    },
    Delete {
        record: u8,
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

fn play(lab: &Lab, reader: &mut Reader, number: u64, event: &Event) {
    let id = |record: u8| format!("r{record}");
    let exists = |id: &str| {
        let sql = "SELECT version, purged FROM records WHERE id = ?1";
        lab.anchor.query_row(sql, [id], |row| Ok((row.get::<_, u64>(0)?, row.get::<_, bool>(1)?))).ok()
    };
    let push = |write: Write| {
        let answer = lab.push("ana/phone", [write]);
        // The push itself may have purged the record.
        assert!(answer.contains("done") || answer.contains("gone"), "{answer}");
    };
    match event {
        Event::Edit { record } => match exists(&id(*record)) {
            None => push(task(number, &id(*record)).put("title", "new")),
            Some((_, false)) => push(update(number, &id(*record)).add("completed_count", 1)),
            Some((_, true)) => {}
        },
        Event::Delete { record } => {
            if let Some((version, _)) = exists(&id(*record)) {
                push(delete(number, &id(*record), base(version)));
            }
        }
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
        let lab = prepared(Lab::with(|p| p.tombstone_horizon = 1_000));
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
