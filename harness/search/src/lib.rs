//! Scripts found by machine.
//!
//! [`shrink`] makes a failing script small: it deletes lines while a run still shows the same
//! violation. What a run shows is asked of the caller, who may run candidates wherever a spin
//! or an abort does no harm; so this crate runs nothing itself, and depends on `script` alone.
//!
//! [`sweep`] plans every fault that could have struck somewhere in a run.
//!
//! | Module | Holds |
//! |---|---|
//! | `shrink` | which lines are tried, in which order, and when it ends |
//! | `cut` | a script without some of its lines, and without what hung on them |
//! | `sweep` | every crash and every lost message of a run, each as a line of a script |

mod cut;
mod shrink;
pub mod sweep;

pub use shrink::{Shrunk, shrink};
