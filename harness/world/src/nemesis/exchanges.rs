//! What happens to single requests and answers.

use std::time::Duration;

use deadzone_net::Draws;
use deadzone_script::{Class, Fault};
use deadzone_trace::Exchange;

use super::{Nemesis, target};
use crate::clock::ms;
use crate::probe::Sighted;

/// What happens to a request before the server sees it.
#[derive(Clone, Debug)]
pub(crate) enum RequestFate {
    /// It never arrives.
    Lost(Fate),
    /// A proxy answers in the server's place.
    Page(Fate, u16),
    /// It arrives once the client has given up.
    Late(Fate, Duration),
    /// It arrives twice.
    Twice(Fate),
}

/// What happens to an answer.
#[derive(Clone, Debug)]
pub(crate) enum AnswerFate {
    /// It never arrives.
    Lost(Fate),
    /// It arrives late.
    Late(Fate, Duration),
}

/// The fault that decides, with the draws that its details come from.
#[derive(Clone, Debug)]
pub(crate) struct Fate {
    pub(crate) label: String,
    pub(crate) draws: Draws,
}

impl Nemesis {
    /// What is to happen to a request that reaches the server's machine.
    pub(crate) fn request_fate(
        &self,
        exchange: &Exchange,
        device: &str,
        class: Class,
    ) -> Option<RequestFate> {
        self.sights.note(&self.recorder, exchange, device, class, || Sighted::Asked);
        self.fate(device, class, |fate, fault| match fault {
            Fault::LoseRequest(_) => Some(RequestFate::Lost(fate)),
            Fault::ProxyPage(_, status) => Some(RequestFate::Page(fate, *status)),
            Fault::ExecuteLate(_, by) => Some(RequestFate::Late(fate.clone(), late(&fate, *by))),
            Fault::DeliverTwice(_) => Some(RequestFate::Twice(fate)),
            _ => None,
        })
    }

    /// What is to happen to the answer of a request that took effect.
    pub(crate) fn answer_fate(&self, exchange: &Exchange, device: &str, class: Class) -> Option<AnswerFate> {
        self.sights.note(&self.recorder, exchange, device, class, || Sighted::TookEffect);
        self.fate(device, class, |fate, fault| match fault {
            Fault::LoseAnswer(_) => Some(AnswerFate::Lost(fate)),
            Fault::DelayAnswer(_, by) => Some(AnswerFate::Late(fate.clone(), late(&fate, *by))),
            _ => None,
        })
    }

    fn fate<T>(&self, device: &str, class: Class, kind: impl Fn(Fate, &Fault) -> Option<T>) -> Option<T> {
        let mut state = self.lock();
        let mut chosen = None;
        // Each fault counts for itself; where several want an exchange, the oldest has it.
        for active in &mut state.active {
            let Some(target) = target(&active.fault) else { continue };
            let key = self.draws.key("fate").text(&active.label).num(u64::from(active.matched));
            let fate = Fate { label: active.label.clone(), draws: key.draws() };
            let Some(found) = kind(fate, &active.fault) else { continue };
            if target.device != device || !(target.class == Class::Any || target.class == class) {
                continue;
            }
            active.matched += 1;
            if chosen.is_none() && (target.nth == 0 || target.nth == active.matched) {
                chosen = Some(found);
            }
        }
        chosen
    }

    /// Counts a request that will be executed late, until [`Nemesis::late_done`].
    pub(crate) fn late_begun(&self) {
        self.lock().late += 1;
    }

    pub(crate) fn late_done(&self) {
        self.lock().late -= 1;
    }

    /// Whether nothing is under way that will still reach the server.
    pub(crate) fn nothing_late(&self) -> bool {
        self.lock().late == 0
    }
}

/// How late: as the script says, or past any client's patience.
fn late(fate: &Fate, by: Option<Duration>) -> Duration {
    by.unwrap_or_else(|| ms(fate.draws.key("late").between(31_000, 90_000)))
}
