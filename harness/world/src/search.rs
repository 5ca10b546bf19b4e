//! What stands on a host's disk: of the ids of records, of what users wrote, and of the tokens that
//! the server handed out.
//!
//! The files are read as they are, not through SQLite: what a query does not find any more may
//! still stand in a page that is free.

use std::collections::BTreeSet;

use deadzone_contract::wire::TokenAnswer;
use deadzone_contract::{Change, Value};
use deadzone_trace::{Entry, Event};

use crate::finder::Finder;
use crate::machine::Machine;

/// Shorter words stand on any disk.
const WORD_LEN_MIN: usize = Finder::WORD_LEN_MIN;

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
        let mut bytes = 0;
        let mut finder = Finder::new(self.words.iter().map(String::as_str));
        let overlap = finder.longest().saturating_sub(1);
        for (name, length) in disk.files() {
            bytes += length;
            disk.pieces(name, overlap, |piece| finder.see(piece));
        }
        Event::DiskRead { bytes, holds: finder.into_found() }
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
