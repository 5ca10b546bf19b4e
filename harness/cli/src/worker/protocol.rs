//! The messages between parent and worker, one JSON object a line.

use deadzone_oracle::Outcome;
use deadzone_reports::Finding;
use serde::{Deserialize, Serialize};

/// Stands before every line of a worker. Code under test that prints does not print this.
pub(super) const MARK: &str = "\u{1}deadzone ";

/// What a worker is to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Job {
    /// Whatever the parent knows it by.
    pub(crate) id: usize,
    /// The script.
    pub(crate) text: String,
    pub(crate) seed: u64,
    pub(crate) client: String,
    pub(crate) defect: Option<String>,
    /// Where to write the trace; the findings then come with their stories.
    pub(crate) trace: Option<String>,
}

/// What a worker says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Word {
    /// It is there and waits for jobs.
    Ready,
    /// It has done its job.
    Done(Done),
}

/// What became of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Done {
    /// It was run and judged.
    Ran(Ran),
    /// The harness itself failed.
    Broke(String),
}

/// A run that was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ran {
    pub(crate) outcome: Outcome,
    /// Of the trace.
    pub(crate) digest: String,
    /// A number for the order of events, whatever their times: see `serve::order`.
    pub(crate) order: u64,
    pub(crate) sim_ms: u64,
    pub(crate) wall_us: u64,
    pub(crate) requests: u64,
    pub(crate) findings: Vec<Finding>,
    pub(crate) unknowns: Vec<String>,
}
