//! Scripts found by machine.
//!
//! [`shrink`] makes a failing script small: it deletes lines while a run still shows the same
//! violation. What a run shows is asked of the caller, who may run candidates wherever a spin
//! or an abort does no harm; so this crate runs nothing itself, and depends on `script` alone.
//!
//! | Module | Holds |
//! |---|---|
//! | `shrink` | which lines are tried, in which order, and when it ends |
//! | `cut` | a script without some of its lines, and without what hung on them |

mod cut;
mod shrink;

pub use shrink::{Shrunk, shrink};
