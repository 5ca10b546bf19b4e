//! The scenario language: parse, print, validate.
//!
//! A [`Script`] says everything that is needed to run it again: world, parameters, steps,
//! faults, expectations; a repro adds seed, client, defect and the digest it must reach.
//! [`parse()`] and [`Script::to_string`](std::fmt::Display) are inverse to each other: what is
//! printed parses to the same script, and a canonical text is printed as it was.
//!
//! | File | Holds |
//! |---|---|
//! | `ast` | the script as data |
//! | `lex`, `literal`, `parse` | from text to data, with the places of words |
//! | `check` | whether the data mean something; needs no text |
//! | `print`, `amount`, `expectation` | from data to text |
//! | `script`, `edit` | questions to a script, and scripts made from scripts |
//! | `error`, `suggest` | errors for people |
//!
//! This crate depends on `contract` (what can be done) and `trace` (what can be expected). It
//! does no I/O and runs nothing.

mod amount;
mod ast;
mod check;
mod edit;
mod error;
mod expectation;
mod grammar;
mod lex;
mod limits;
mod literal;
mod parse;
mod part;
mod print;
mod script;
mod suggest;
mod words;

pub use ast::*;
// What a line claims is part of the line.
pub use check::Problem;
pub use deadzone_trace::{Claim, Expectation};
pub use edit::{Repro, numbered};
pub use error::{Errors, ParseError};
pub use expectation::expectation_text;
pub use grammar::grammar;
pub use limits::{
    ACTIONS_MAX, DRIFT_PPM_MAX, LINES_MAX, NAME_BYTES_MAX, PROBLEMS_MAX, REPEAT_MAX, TEXT_BYTES_MAX, TIME_MAX,
};
pub use parse::{Named, parse, refuse};
pub use script::DeviceDecl;
