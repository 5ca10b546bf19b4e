//! Scripts found by machine.
//!
//! [`generate`] draws a script from a seed; [`without`] takes the lines out of it that came to
//! nothing in its run.
//!
//! [`shrink`] makes a failing script small: it deletes and simplifies lines while a run still
//! shows the same violation. What a run shows is asked of the caller, who may run candidates wherever a spin
//! or an abort does no harm; so this crate runs nothing itself, and knows of the workspace only
//! how scripts are written and what can be said in them (`script`, `contract`).
//!
//! [`sweep`] plans every fault that could have struck somewhere in a run.
//!
//! | Module | Holds |
//! |---|---|
//! | `generate` | from a seed to a script |
//! | `prune` | a drawn script without the lines that came to nothing |
//! | `shrink` | which lines are tried, in which order, and when it ends |
//! | `simpler` | simpler lines, and scripts with fewer people and machines |
//! | `cut` | a script without some of its lines, and without what hung on them |
//! | `sweep` | every crash and every lost message of a run, each as a line of a script |

mod cut;
pub mod generate;
mod prune;
mod shrink;
mod simpler;
pub mod sweep;

pub use prune::{fitted, refused, unclaimed, without};
pub use shrink::{Shrunk, shrink};
