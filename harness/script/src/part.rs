//! The parts of a line that a problem can be about.
//!
//! Problems are found on the script as data, which knows no columns. They name a part; the
//! parser notes where each part of each line stands, and so finds the words to underline.

use std::ops::Range;

/// A part of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it.
    Line,
    /// The label of a step.
    Label,
    /// The time after `at`.
    At,
    /// The number before `times`.
    Times,
    /// The time after `within`.
    Within,
    /// One of the devices or hosts, counted from 0 in the order in which they are written.
    Host(usize),
    /// A member of a workspace, counted from 0; the user of a device.
    User(usize),
    /// What a step does.
    Verb,
    /// What is declared, or the record or label that a step is about.
    Name,
    /// The entity in that record's name.
    Entity,
    /// Where a record is created.
    Place,
    /// The field of a change or a claim, counted from 0.
    Field(usize),
    /// The whole of it: field, operation and value.
    Change(usize),
    /// Its value.
    Value(usize),
    /// A number or a time.
    Amount,
    /// How far a clock is ahead.
    Skew,
    /// One of the workspaces that a device subscribes to, counted from 0.
    Workspace(usize),
    /// One of the entities that a device subscribes to, counted from 0.
    Subscribed(usize),
    /// `next`, `2nd`, `every`.
    Which,
}

/// Where the parts of one line stand, in bytes of the line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks(Vec<(Part, Range<usize>)>);

impl Marks {
    pub(crate) fn put(&mut self, part: Part, span: Range<usize>) {
        self.0.push((part, span));
    }

    /// Where a part stands; the whole line where it was not noted.
    pub(crate) fn get(&self, part: Part) -> Option<Range<usize>> {
        let find = |wanted| self.0.iter().find(|(p, _)| *p == wanted).map(|(_, span)| span.clone());
        find(part).or_else(|| find(Part::Line))
    }
}
