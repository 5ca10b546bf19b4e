//! The messages between parent and worker, one JSON object a line.

use deadzone_coverage::Met;
use deadzone_oracle::Outcome;
use deadzone_reports::{Finding, Measured};
use serde::{Deserialize, Serialize};

/// Stands before every line of a worker. Code under test that prints does not print this.
pub(super) const MARK: &str = "\u{1}deadzone ";

/// What a worker is to run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// What a sweep asks besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sweep: Option<Question>,
    /// The script is drawn from the seed, and `text` is empty.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_drawn: bool,
}

/// What a sweep asks about a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Question {
    /// The labels of the sweep's own faults, all of which have to strike.
    pub(crate) faults: Vec<String>,
    /// Which faults could be added to them.
    pub(crate) plan: Option<Wanted>,
}

/// Which faults a sweep wants to know of, of those that could have struck.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    /// The hosts that could go down.
    pub(crate) hosts: Vec<String>,
    /// Whether exchanges are of interest.
    pub(crate) exchanges: bool,
    /// How many subsets of sectors are drawn of what a power loss may leave.
    pub(crate) subsets: u32,
    /// Which of them are to be named.
    pub(crate) named: Named,
}

/// Which faults of a plan are to be named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Named {
    /// Each.
    All,
    /// None: their number will do.
    None,
    /// Those in these places.
    These(Vec<usize>),
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
    Ran(Box<Ran>),
    /// The harness itself failed.
    Broke(String),
}

/// A run that was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ran {
    pub(crate) outcome: Outcome,
    /// Of the trace; empty for a run of a sweep that nobody will repeat, because computing it
    /// takes a good part of the time.
    pub(crate) digest: String,
    /// A number for the order of events, whatever their times: see `serve::order`.
    pub(crate) order: u64,
    pub(crate) sim_ms: u64,
    pub(crate) wall_us: u64,
    pub(crate) requests: u64,
    pub(crate) findings: Vec<Finding>,
    pub(crate) unknowns: Vec<String>,
    /// Which situations it met.
    #[serde(default)]
    pub(crate) met: Met,
    /// What a sweep asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sweep: Option<Answer>,
    /// What there is to say of a drawn script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) drawn: Option<Drawn>,
}

/// What came of a drawn script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Drawn {
    /// As it was run last, with nothing left in it that came to nothing; only where it did not pass.
    pub(crate) text: Option<String>,
    /// For the totals of a search.
    pub(crate) measured: Measured,
}

/// What a sweep gets to know of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// Whether each of its faults struck.
    pub(crate) struck: bool,
    /// Which faults could be added.
    pub(crate) plan: Option<Plan>,
}

/// Faults that could have struck a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Disk operations before which a host could go down.
    pub(crate) crash_points: usize,
    /// Requests that reached the server.
    pub(crate) exchanges: usize,
    /// Faults that need no run of their own.
    pub(crate) merged: usize,
    /// Those that do.
    pub(crate) faults: usize,
    /// The lines of a script that bring them about, as far as they are to be named.
    pub(crate) named: Vec<String>,
}
