//! Situations that a healthy suite must reach, and which of them a run met.
//!
//! That a suite is green says little where nothing happened in it. A [`Situation`] is a meaningful
//! conjunction: what users did, what the wire, the hosts and the disks did to it, and what rules and
//! rights said meanwhile. [`met`] reads a trace once, from its beginning to its end, and says which
//! situations occurred in it and which kinds of fault struck; [`Totals`] adds many runs up.
//!
//! | Module | Holds |
//! |---|---|
//! | `table` | every situation with its meaning and source |
//! | `families` | how each is told, one file a family |
//! | `walk` | the pass over a trace: `read` each entry, ask the families, `take` it in |
//! | `state`, `work` | what is known at a moment of it |
//! | `bodies` | what requests and answers say |
//! | `kinds` | kinds of fault |
//! | `met` | what a run met, and what many met together |
//!
//! This crate depends on `trace` and `contract`. It never judges: a situation is neither good nor
//! bad, and a client or a server of another make, whose bodies it cannot read, only meets fewer.
//!
//! # Examples
//! ```
//! use deadzone_coverage::{SITUATIONS, Totals, met};
//! use deadzone_trace::Trace;
//!
//! let mut totals = Totals::default();
//! totals.count(&met(&Trace::default()));
//! assert_eq!(totals.missed().count(), SITUATIONS.len());
//! ```

mod bodies;
mod families;
mod kinds;
mod met;
mod read;
mod state;
mod table;
mod take;
mod walk;
mod work;

pub use kinds::{KINDS, kind_of};
pub use met::{Met, Totals};
pub use table::{SITUATIONS, Situation};
pub use walk::met;
