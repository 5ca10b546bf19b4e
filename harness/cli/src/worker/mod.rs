//! Processes that run scripts.
//!
//! A spin, a stack overflow or an abort in the code under test must not take the harness with
//! it. So scripts run in worker processes: this same binary with the hidden command `worker`,
//! one script after the other. Parent and worker talk in JSON lines over the worker's standard
//! input and output; each line of the worker carries a mark, so that whatever the code under
//! test prints does no harm. A worker that dies or misses its deadline is buried, its run is a
//! finding, and another one takes its place. A worker whose parent is gone ends at once.
//!
//! | Module | Holds |
//! |---|---|
//! | `protocol` | the messages |
//! | `serve` | the worker's side |
//! | `drawn` | scripts that are drawn from seeds, and relieved of what came to nothing |
//! | `survey` | what a sweep asks about a run besides |
//! | `process` | the parent's side of one worker |
//! | `pool` | several of them, taking job after job |

mod drawn;
mod pool;
mod process;
mod protocol;
mod serve;
mod survey;

pub(crate) use drawn::script as drawn_script;
pub(crate) use pool::{Ending, Pool};
pub(crate) use process::Death;
pub(crate) use protocol::{Done, Drawn, Job, Named, Plan, Question, Wanted};
pub(crate) use serve::serve;
