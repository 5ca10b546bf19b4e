//! Pure renderers: from what is known of a run to text.
//!
//! | Module | Holds |
//! |---|---|
//! | `run` | what reports are made of: runs, findings, skipped scenarios |
//! | `story` | from a trace and a violation to the few moments that matter |
//! | `exchanges`, `words` | what became of each request; how people call records and actions |
//! | `terminal` | stories and summary for people |
//! | `json`, `junit` | the same for programs |
//! | `coverage` | which situations were met, for both |
//! | `rules` | the product's rules as a document |
//! | `sweep` | what a sweep found, for both |
//! | `search` | what a search was worth |
//! | `scorecard` | what it took to find each planted mistake |
//!
//! This crate depends on `oracle` for outcomes and violations, on `coverage` for what was met, on
//! `trace` and on `contract`. It never decides: what passed and what failed is given to it. It never runs anything, and reads
//! no clock, no file and no environment.

mod coverage;
mod exchanges;
mod json;
mod junit;
mod rules;
mod run;
mod scorecard;
mod search;
mod story;
mod sweep;
mod terminal;
mod words;

pub use coverage::Coverage;
pub use json::{Complaint, document, error_document};
pub use junit::{JunitError, junit};
pub use rules::{RuleEntry, rules, rules_document};
pub use run::{Finding, Report, Run, Skipped, Told};
pub use scorecard::{Score, Scorecard, scorecard_document, scorecard_page, scorecard_text};
pub use search::{Measured, Search, Shrunk, search_summary};
pub use story::{MOMENTS_MAX, Moment, Story, story};
pub use sweep::{Failing, InDoubt, Pairs, Sweep, Tally, sweep_document, sweep_text};
pub use terminal::{Look, failure, failures, shorten, summary, time, unknowns};
