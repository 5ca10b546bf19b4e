//! The disk before each of its operations: every place where a crash could strike.

use std::fmt;
use std::sync::Arc;

use crate::content::Content;
use crate::fault::OperationKind;
use crate::snapshot::Snapshot;

/// The moment before a mutating operation.
#[derive(Clone, Debug)]
pub struct Point {
    /// The number of the operation that is about to happen.
    pub operation: u64,
    /// Its kind.
    pub kind: OperationKind,
    /// The file.
    pub file: Arc<str>,
    /// Where it writes or cuts, in bytes.
    pub offset: u64,
    /// How many bytes it writes.
    pub len: usize,
    /// What [`crate::Disk::set_mark`] was given said at that moment, or 0.
    pub mark: u64,
    /// The disk.
    pub disk: Snapshot,
}

pub(crate) type Mark = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Keeps points while it is on.
#[derive(Default)]
pub(crate) struct Recorder {
    on: bool,
    points: Vec<Point>,
    pub(crate) mark: Option<Mark>,
    /// What the mark said before the lock was taken.
    pub(crate) marked: u64,
}

impl Recorder {
    pub(crate) fn set(&mut self, on: bool) {
        self.on = on;
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on
    }

    pub(crate) fn take(&mut self) -> Vec<Point> {
        std::mem::take(&mut self.points)
    }

    pub(crate) fn note(&mut self, about: &About<'_>, content: &Content) {
        if self.on {
            self.points.push(Point {
                operation: content.operations + 1,
                kind: about.kind,
                file: Arc::clone(about.file),
                offset: about.offset as u64,
                len: about.len,
                mark: self.marked,
                disk: Snapshot(content.clone()),
            });
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("on", &self.on).field("points", &self.points.len()).finish()
    }
}

/// What an operation is about to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    pub(crate) kind: OperationKind,
    pub(crate) file: &'a Arc<str>,
    pub(crate) offset: usize,
    pub(crate) len: usize,
}
