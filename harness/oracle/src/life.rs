//! One record at the end of a run, with what is asked of each of its effects.

use std::collections::BTreeSet;

use deadzone_contract::{RecordView, Rule, Value};

use crate::counter::{self, Addend, Part, Sum};
use crate::history::end::Audit;
use crate::history::{Demand, Effect, FieldHistory, History, Last, Op, RecordHistory, Status};

/// One record at the end of a run.
pub(crate) struct Life<'h, 't> {
    pub(crate) history: &'h History<'t>,
    pub(crate) last: &'h Last<'t>,
    /// Its index.
    pub(crate) index: usize,
    pub(crate) record: &'h RecordHistory<'t>,
    demands: Vec<Demand>,
}

/// A record as the server has it for one user.
#[derive(Clone, Copy)]
pub(crate) struct Found<'h, 't> {
    pub(crate) audit: &'h Audit<'t>,
    pub(crate) view: &'t RecordView,
}

impl<'h, 't> Life<'h, 't> {
    pub(crate) fn new(history: &'h History<'t>, last: &'h Last<'t>, index: usize) -> Life<'h, 't> {
        let record = &history.records[index];
        let demands = record.effects.iter().map(|effect| history.demand(last, index, effect)).collect();
        Life { history, last, index, record, demands }
    }

    /// Whether the server has to have an effect.
    pub(crate) fn firm(&self, effect: usize) -> bool {
        self.demands[effect] == Demand::Firm
    }

    /// Whether the server may have an effect.
    pub(crate) fn possible(&self, effect: usize) -> bool {
        !self.record.effects[effect].status.is_never()
    }

    /// The devices of which nobody knows whether they still hold work on this record.
    pub(crate) fn blind_spots(&self) -> BTreeSet<&'t str> {
        let effects = self.record.effects.iter().zip(&self.demands);
        let blind = effects.filter(|(_, demand)| **demand == Demand::Blind);
        blind.map(|(effect, _)| self.history.action_of(effect).device).collect()
    }

    /// What the server has for each user who surely may see the record; and why that is not known
    /// for the others of them.
    pub(crate) fn audits(&self) -> (Vec<&'h Audit<'t>>, Vec<String>) {
        let mut audits = Vec::new();
        let mut unknown = Vec::new();
        if self.record.creator.is_none() {
            return (audits, unknown);
        }
        for user in self.history.entitled(self.index, self.last.quiet) {
            match self.last.audit(user) {
                Ok(audit) => audits.push(audit),
                Err(why) => unknown.push(why),
            }
        }
        (audits, unknown)
    }

    /// The record in an audit.
    pub(crate) fn found_in(&self, audit: &'h Audit<'t>) -> Option<Found<'h, 't>> {
        audit.records.get(self.record.id).map(|&view| Found { audit, view })
    }

    /// The counters whose totals can be judged, with what explains each.
    pub(crate) fn counters(&self, view: &RecordView) -> Vec<(&'h FieldHistory<'t>, i64, Sum)> {
        let counters = self.record.fields.values();
        let counters = counters.filter(|field| field.rule == Some(Rule::Counter) && !field.opaque);
        counters
            .filter_map(|field| {
                let total = total(view.fields.get(field.name))?;
                Some((field, total, counter::explain(total, &self.addends(field))))
            })
            .collect()
    }

    fn addends(&self, field: &FieldHistory<'t>) -> Vec<Addend> {
        let adds = field.effects.iter().filter_map(|&effect| match self.record.effects[effect].op {
            Op::Add(by) => Some((effect, by)),
            _ => None,
        });
        let addend = |(effect, by)| {
            let part = match (self.firm(effect), self.possible(effect)) {
                (true, _) => Part::Firm,
                (false, true) => Part::Free,
                (false, false) => Part::Never,
            };
            Addend { effect, by, part }
        };
        let mut addends: Vec<Addend> = adds.map(addend).collect();
        let again = |addend: &&Addend| {
            let effect = &self.record.effects[addend.effect];
            addend.part != Part::Never && self.history.may_be_repeated(self.index, effect)
        };
        let again = addends.iter().filter(again).map(|addend| Addend { part: Part::Free, ..*addend });
        addends.extend(again.collect::<Vec<_>>());
        // Where several explain a total, refused work is the least likely to.
        addends.sort_by_key(|addend| self.record.effects[addend.effect].status == Status::Refused);
        addends
    }

    /// The sum of the increments that have to be in a counter, with how many more may be.
    pub(crate) fn expected_total(&self, field: &FieldHistory<'t>) -> String {
        let addends = self.addends(field);
        let firm: i128 = addends.iter().filter(|a| a.part == Part::Firm).map(|a| i128::from(a.by)).sum();
        let free: Vec<String> =
            addends.iter().filter(|a| a.part == Part::Free).map(|a| a.by.to_string()).collect();
        match free.as_slice() {
            [] => format!("{}={firm}, each increment once", field.name),
            free => format!("{}={firm}, and perhaps some of {} on top", field.name, free.join(", ")),
        }
    }

    /// Whether a field's value was written, but only by work that must not be found: that it
    /// stands there is not the loss of something else.
    pub(crate) fn unwanted(&self, field: &FieldHistory<'t>, value: Option<&Value>) -> bool {
        let positions = value.and_then(|value| field.by_value.get(value)).map(Vec::as_slice);
        let positions = positions.unwrap_or_default();
        !positions.is_empty() && positions.iter().all(|&position| !self.possible(field.effects[position]))
    }

    /// An effect as a user would say it.
    pub(crate) fn work(&self, effect: &Effect<'_>) -> String {
        self.history.work(self.index, effect)
    }
}

/// The total of a counter; a counter that nobody added to need not be there. None: no number.
pub(crate) fn total(value: Option<&Value>) -> Option<i64> {
    match value {
        None => Some(0),
        Some(Value::Int(total)) => Some(*total),
        Some(_) => None,
    }
}
