//! What stands on a host's disk: of the ids of records, of what users wrote, and of the tokens that
//! the server handed out.
//!
//! The files are read as they are, not through SQLite: what a query does not find any more may
//! still stand in a page that is free.

use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use deadzone_contract::wire::TokenAnswer;
use deadzone_contract::{Change, Value};
use deadzone_trace::{Entry, Event};

use crate::machine::Machine;

/// Shorter words stand on any disk.
const WORD_LEN_MIN: usize = 6;

/// The words to look for, as far as the trace has told of them.
#[derive(Default)]
pub(crate) struct Words {
    words: BTreeSet<String>,
    read: usize,
}

impl Words {
    /// Takes in what the trace tells since the last time.
    pub(crate) fn learn(&mut self, entries: &[Entry]) {
        for entry in &entries[self.read..] {
            match &entry.event {
                Event::Invoked { act, .. } => {
                    let texts = act.changes().iter().filter_map(|changed| text(&changed.change));
                    self.words.extend(texts.filter(|text| text.len() >= WORD_LEN_MIN).map(str::to_owned));
                }
                Event::Saved { record: Some(record), .. } => drop(self.words.insert(record.0.clone())),
                Event::Answered { status: 200, body, .. } if body.contains("refresh_token") => {
                    if let Ok(tokens) = serde_json::from_str::<TokenAnswer>(body) {
                        self.words.extend([tokens.access_token, tokens.refresh_token]);
                    }
                }
                _ => {}
            }
        }
        self.read = entries.len();
    }

    /// Reads a machine's whole disk.
    pub(crate) fn look_on(&self, machine: &Machine) -> Event {
        let disk = machine.disk.snapshot();
        let mut holds = BTreeSet::new();
        let mut bytes = 0;
        // A whole table of transitions would take longer to build than these files take to read.
        let automaton = AhoCorasick::builder().kind(Some(AhoCorasickKind::ContiguousNFA)).build(&self.words);
        let automaton = automaton.expect("the words of one run are few");
        for (name, length) in disk.files() {
            bytes += length;
            let content = disk.bytes(name).unwrap_or_default();
            holds.extend(automaton.find_overlapping_iter(&content).map(|found| found.pattern().as_usize()));
        }
        let words = self.words.iter().enumerate().filter(|(at, _)| holds.contains(at));
        Event::DiskRead { bytes, holds: words.map(|(_, word)| word.clone()).collect() }
    }
}

/// What a user wrote in words.
fn text(change: &Change) -> Option<&str> {
    match change {
        Change::Put(Value::Text(words)) => Some(words),
        Change::Insert(member) => Some(member),
        _ => None,
    }
}
