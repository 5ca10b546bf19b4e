//! How an oracle collects what it finds.

use std::collections::BTreeSet;

use deadzone_contract::{RecordId, Rule};

use crate::verdict::{Key, Outcome, Verdict, Violation};

/// What an oracle has found so far.
pub(crate) struct Findings {
    oracle: &'static str,
    violations: Vec<Violation>,
    told: BTreeSet<(Key, Option<RecordId>, Option<String>, String)>,
    unknowns: Vec<String>,
    exempt: Vec<String>,
    error: bool,
}

/// A violation in the making.
pub(crate) struct Case {
    violation: Violation,
    subject: String,
    everywhere: bool,
}

impl Case {
    /// A violation of a clause, about a kind of effect.
    pub(crate) fn new(clause: &'static str, effect: &'static str) -> Case {
        Case {
            violation: Violation {
                oracle: "",
                clause,
                rule: None,
                effect,
                summary: String::new(),
                expected: String::new(),
                record: None,
                device: None,
                evidence: Vec::new(),
            },
            subject: String::new(),
            everywhere: false,
        }
    }

    /// Seen on several devices it is still the same one.
    pub(crate) fn everywhere(mut self) -> Case {
        self.everywhere = true;
        self
    }

    /// The rule of the field that it is about.
    pub(crate) fn rule(mut self, rule: Option<Rule>) -> Case {
        self.violation.rule = rule;
        self
    }

    pub(crate) fn record(mut self, record: &RecordId) -> Case {
        self.violation.record = Some(record.clone());
        self
    }

    pub(crate) fn device(mut self, device: &str) -> Case {
        self.violation.device = Some(device.to_owned());
        self
    }

    /// What else tells it from others of the same key, record and device: a field, a value.
    pub(crate) fn subject(mut self, subject: impl Into<String>) -> Case {
        self.subject = subject.into();
        self
    }

    /// What is wrong, in a sentence, and what was expected.
    pub(crate) fn says(mut self, summary: impl Into<String>, expected: impl Into<String>) -> Case {
        self.violation.summary = summary.into();
        self.violation.expected = expected.into();
        self
    }

    /// Entries of the trace, in any order.
    pub(crate) fn evidence(mut self, evidence: impl IntoIterator<Item = usize>) -> Case {
        self.violation.evidence.extend(evidence);
        self
    }
}

impl Findings {
    pub(crate) fn new(oracle: &'static str) -> Findings {
        Findings {
            oracle,
            violations: Vec::new(),
            told: BTreeSet::new(),
            unknowns: Vec::new(),
            exempt: Vec::new(),
            error: false,
        }
    }

    /// Reports a violation, unless the same was reported of the same record, device and subject.
    pub(crate) fn report(&mut self, case: Case) {
        let Case { mut violation, subject, everywhere } = case;
        violation.oracle = self.oracle;
        violation.evidence.sort_unstable();
        violation.evidence.dedup();
        let device = violation.device.clone().filter(|_| !everywhere);
        let told = (violation.key(), violation.record.clone(), device, subject);
        if self.told.insert(told) {
            self.violations.push(violation);
        }
    }

    /// Says what could not be told, and why.
    pub(crate) fn unknown(&mut self, why: impl Into<String>) {
        let why = why.into();
        if !self.unknowns.contains(&why) {
            self.unknowns.push(why);
        }
    }

    /// Names who is not judged, and why.
    pub(crate) fn exempt(&mut self, who: impl Into<String>) {
        self.exempt.push(who.into());
    }

    /// Says what went wrong with the harness itself.
    pub(crate) fn harness_error(&mut self, why: impl Into<String>) {
        self.error = true;
        self.unknown(why);
    }

    /// Sums up.
    pub(crate) fn verdict(mut self) -> Verdict {
        // A violation is certain once the last entry of its evidence is there.
        self.violations.sort_by_key(|violation| violation.evidence.last().copied());
        let outcome = if !self.violations.is_empty() {
            Outcome::Fail
        } else if self.error {
            Outcome::Error
        } else if !self.unknowns.is_empty() {
            Outcome::Unknown
        } else {
            Outcome::Pass
        };
        let unknown = (!self.unknowns.is_empty()).then(|| self.unknowns.join("; "));
        Verdict { oracle: self.oracle, outcome, violations: self.violations, unknown, exempt: self.exempt }
    }
}
