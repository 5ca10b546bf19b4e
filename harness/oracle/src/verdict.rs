//! What judging yields.

use std::fmt;

use deadzone_contract::{Code, RecordId, Rule};
use serde::{Deserialize, Serialize};

/// How a run, or one invariant in it, came out. The greater one takes precedence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The invariant holds, and there was enough to tell.
    #[default]
    Pass,
    /// There was not enough to tell.
    Unknown,
    /// The harness itself failed.
    Error,
    /// The invariant is broken.
    Fail,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// What all oracles together say of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// The gravest outcome: fail, then error, then unknown, then pass.
    pub outcome: Outcome,
    /// One for each oracle, in the order of [`crate::ORACLES`].
    pub verdicts: Vec<Verdict>,
    /// Why the run proves less than it should; empty where nothing is in doubt.
    pub doubts: Vec<Doubt>,
}

/// One reason why a run proves less than it should. Who runs scripts that were drawn or changed
/// can tell a fault that has to go from an oracle that could not see.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "doubt", rename_all = "kebab-case")]
pub enum Doubt {
    /// No action but a sign-in was saved.
    NothingSaved,
    /// The trace has no end.
    Unfinished,
    /// A device refused a step, so that it did not do what the script relies on.
    StepRefused {
        /// The device.
        device: String,
        /// The action's name in the run.
        action: String,
        /// Why, for programs.
        code: Code,
        /// Why, for people.
        detail: String,
    },
    /// A fault changed nothing, and so has tested nothing.
    FaultIdle {
        /// Its label.
        fault: String,
        /// As the script has it.
        text: String,
    },
    /// An oracle lacked something.
    Oracle {
        /// Its name, as in [`crate::ORACLES`].
        oracle: &'static str,
        /// What, for people.
        why: String,
    },
    /// The trace does not say what was run.
    Headless,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doubt::NothingSaved => f.write_str("nothing was saved"),
            Doubt::Unfinished => f.write_str("the run did not come to its end"),
            Doubt::StepRefused { device, action, detail, .. } => {
                write!(f, "{device} refused step {action} ({detail}): the script did not go as written")
            }
            Doubt::FaultIdle { fault, text } => write!(f, "fault {fault} ({text}) had nothing to strike"),
            Doubt::Oracle { oracle, why } => write!(f, "{oracle}: {why}"),
            Doubt::Headless => f.write_str("the trace does not begin with what was run"),
        }
    }
}

impl Judgement {
    /// The doubts as people read them.
    pub fn unknowns(&self) -> Vec<String> {
        self.doubts.iter().map(ToString::to_string).collect()
    }

    /// Every violation, those of the first oracle first.
    pub fn violations(&self) -> impl Iterator<Item = &Violation> {
        self.verdicts.iter().flat_map(|verdict| &verdict.violations)
    }

    /// The verdict of one oracle.
    pub fn verdict(&self, oracle: &str) -> Option<&Verdict> {
        self.verdicts.iter().find(|verdict| verdict.oracle == oracle)
    }
}

/// What one oracle says of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Its name, as in [`crate::ORACLES`].
    pub oracle: &'static str,
    /// Fail with at least one violation; else what `unknown` makes of it.
    pub outcome: Outcome,
    /// The evidence, in the order in which it became certain.
    pub violations: Vec<Violation>,
    /// What the oracle lacked, for people. May stand beside violations.
    pub unknown: Option<String>,
    /// Who was not judged, and why, for people. It leaves nothing in doubt.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exempt: Vec<String>,
}

/// One broken promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Who says so.
    pub oracle: &'static str,
    /// Which part of the invariant is broken. Stable: repros name it.
    pub clause: &'static str,
    /// The rule of the field that it is about, where it is about one.
    pub rule: Option<Rule>,
    /// The kind of effect that it is about: `create`, `put`, `add`, `insert`, `remove`,
    /// `delete`, `resolve`, or what the clause is about where that is no user's work.
    pub effect: &'static str,
    /// One sentence for a person in a hurry.
    pub summary: String,
    /// What should have been, in its place.
    pub expected: String,
    /// The record that it is about.
    pub record: Option<RecordId>,
    /// The device that suffered it, or whose work it is.
    pub device: Option<String>,
    /// Indices of the few entries of the trace that tell the story, in order.
    pub evidence: Vec<usize>,
}

impl Violation {
    /// What makes two violations the same one, in two runs as in one.
    pub fn key(&self) -> Key {
        Key { oracle: self.oracle, clause: self.clause, rule: self.rule, effect: self.effect }
    }
}

/// The identity of a violation: a run that was made smaller still shows *the same* violation if
/// it shows one with an equal key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Key {
    /// See [`Violation::oracle`].
    pub oracle: &'static str,
    /// See [`Violation::clause`].
    pub clause: &'static str,
    /// See [`Violation::rule`].
    pub rule: Option<Rule>,
    /// See [`Violation::effect`].
    pub effect: &'static str,
}

impl fmt::Display for Key {
    /// `lost at-end lww put`; without a rule, `lost at-end create`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.oracle, self.clause)?;
        if let Some(rule) = self.rule {
            write!(f, " {rule}")?;
        }
        write!(f, " {}", self.effect)
    }
}
