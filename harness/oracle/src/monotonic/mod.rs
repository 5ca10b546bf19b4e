//! Oracle `monotonic`: what came from the server does not go back.
//!
//! Invariant: once a device has shown content that came with some version of a record, it never
//! again shows that record with content that only older versions had, and does not stop showing
//! it unless the server said so or its user did; not after a restart either, for a page and its
//! cursor are durable before they are shown. Content is known by its value: where a value came
//! with several versions, the device had at least the oldest of them, and has at most the
//! newest.
//!
//! What a device's own user did there is the matter of `lost`: a field is not judged while its
//! device has work on it that it has not called synced, and a record not where it has own work.
//! A sign-out begins the device anew, and what its user may not see any more may go.
//! Nor is a device judged whose disk forgot, by a fault outside the model, until an app that
//! started since has pulled everything; afterwards it has to be where it was.
//!
//! Source: monotonic reads, a session guarantee.
//!
//! | Clause | Broken when |
//! |---|---|
//! | `went-back` | a field shows what only older versions than those shown before had |
//! | `vanished` | a record is not shown any more, although nobody said that it is gone |
//! | `came-back` | a record that was deleted here, as the server has confirmed, is shown again as synced, although nothing that the server was asked since says so |

mod screen;

use std::collections::BTreeMap;

use deadzone_contract::{Action, RecordState};

use crate::findings::{Case, Findings};
use crate::history::records::entity_of;
use crate::history::{History, Hosts, RecordHistory, Sight, What, words};
use crate::verdict::Verdict;

use screen::{Screen, WentBack};

/// Judges a run.
pub(crate) fn judge(history: &History<'_>) -> Verdict {
    let mut findings = Findings::new("monotonic");
    if !history.anybody_looked() {
        findings.unknown("no device showed anything");
    }
    for (index, record) in history.records.iter().enumerate() {
        let told = history.wire.told(index);
        if told.is_empty() || record.sights.is_empty() {
            continue;
        }
        let entity = entity_of(record, &history.actions).unwrap_or_default();
        let works = Works::on(history, record);
        let walk = Walk {
            history,
            index,
            record,
            entity,
            works,
            screens: BTreeMap::new(),
            server_forgot: 0,
            last: 0,
        };
        walk.run(&mut findings);
    }
    findings.verdict()
}

/// What happens to a record on the devices' screens; within an entry, in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step<'t> {
    /// The device heard that its delete is done, of which the server was first asked in an entry.
    Deleted(&'t str, usize),
    /// An index into what answers told.
    Told(usize),
    /// An index into the record's sights.
    Seen(usize),
    /// A device stopped showing it.
    Gone(&'t str),
    /// A device was looked at as a whole.
    Looked(&'t str),
}

/// What devices did, each from when to when, in order.
type ByDevice<'t> = BTreeMap<&'t str, Vec<(usize, usize)>>;

/// What devices did to the fields of one record.
struct Works<'t> {
    by_field: BTreeMap<&'t str, ByDevice<'t>>,
}

impl<'t> Works<'t> {
    fn on(history: &History<'t>, record: &RecordHistory<'t>) -> Works<'t> {
        let mut by_field: BTreeMap<&str, ByDevice<'_>> = BTreeMap::new();
        for effect in &record.effects {
            let run = history.action_of(effect);
            if let Some(field) = effect.field.filter(|_| !run.refused()) {
                by_field
                    .entry(field)
                    .or_default()
                    .entry(run.device)
                    .or_default()
                    .push((run.begun, run.ended));
            }
        }
        Works { by_field }
    }

    /// Whether a device did anything to a field, itself or as the device that it is a copy of.
    fn any_of(&self, hosts: &Hosts<'_>, field: &str, device: &str, at: usize) -> bool {
        self.by_field
            .get(field)
            .into_iter()
            .flatten()
            .any(|(of, works)| hosts.holds_work_of(device, of) && works.iter().any(|&(begun, _)| begun < at))
    }

    /// Whether a device has work on a field, its own or that of a device that it is a copy of,
    /// that was not over when it had last called the record synced and had been told of it.
    fn pending(
        &self,
        hosts: &Hosts<'_>,
        field: &str,
        device: &str,
        settled: Option<usize>,
        at: usize,
    ) -> bool {
        self.by_field.get(field).into_iter().flatten().any(|(of, works)| {
            let last = works[..works.partition_point(|&(begun, _)| begun < at)].last();
            hosts.holds_work_of(device, of)
                && last.is_some_and(|&(_, ended)| settled.is_none_or(|settled| settled <= ended))
        })
    }
}

/// One record, and every device's screen.
struct Walk<'h, 't> {
    history: &'h History<'t>,
    index: usize,
    record: &'h RecordHistory<'t>,
    entity: &'t str,
    works: Works<'t>,
    screens: BTreeMap<&'t str, Screen<'h>>,
    /// How often the server's disk forgot: versions begin anew.
    server_forgot: usize,
    /// The entry of the last step.
    last: usize,
}

impl<'h, 't> Walk<'h, 't> {
    fn run(mut self, findings: &mut Findings) {
        for (at, step) in self.steps() {
            self.forget(at);
            match step {
                Step::Deleted(device, asked) => {
                    self.screens.entry(device).or_default().deleted = Some((asked, at));
                }
                Step::Told(told) => {
                    let told = &self.history.wire.told(self.index)[told];
                    let screen = self.screens.entry(told.device).or_default();
                    screen.tell(told, |field| self.history.rule(self.entity, field));
                }
                Step::Seen(sight) => self.judge_sight(&self.record.sights[sight], findings),
                Step::Gone(device) => self.judge_absence(at, device, "stopped showing it", findings),
                Step::Looked(device) => self.judge_absence(at, device, "does not show it", findings),
            }
        }
    }

    fn steps(&self) -> Vec<(usize, Step<'t>)> {
        let told = self.history.wire.told(self.index);
        let mut steps: Vec<(usize, Step<'t>)> = Vec::with_capacity(told.len() + self.record.timeline.len());
        steps.extend(told.iter().enumerate().map(|(i, told)| (told.at, Step::Told(i))));
        let deletes = self.history.wire.deletes_done(self.index);
        steps.extend(deletes.into_iter().map(|(device, asked, at)| (at, Step::Deleted(device, asked))));
        for &(at, what) in &self.record.timeline {
            match what {
                What::Seen(sight) if self.record.sights[sight].device().is_some() => {
                    steps.push((at, Step::Seen(sight)));
                }
                What::Gone(gone) => steps.push((at, Step::Gone(self.record.gones[gone].1))),
                _ => {}
            }
        }
        let first = steps.iter().map(|(at, _)| *at).min().unwrap_or_default();
        for (&device, views) in &self.history.views {
            steps.extend(views.iter().filter(|&&at| at > first).map(|&at| (at, Step::Looked(device))));
        }
        steps.sort_unstable();
        steps
    }

    /// What a server counts anew tells nothing of what it counted before.
    fn forget(&mut self, at: usize) {
        let damages = self.history.hosts.damages(crate::history::SERVER);
        let forgot = damages.iter().take_while(|damage| damage.at < at).count();
        if self.server_forgot != forgot {
            self.server_forgot = forgot;
            self.screens.clear();
        }
        // A copy is where the device is that it was made of.
        let copied = |device: &str| self.history.hosts.became_a_copy(device, self.last, at);
        // A device that was wiped knows nothing.
        let wiped = |device: &str| self.history.users.wiped(device, at).is_some_and(|w| self.last <= w);
        self.screens.retain(|device, _| !copied(device) && !wiped(device));
        self.last = at;
    }

    fn judge_sight(&mut self, sight: &'h Sight<'t>, findings: &mut Findings) {
        let Some(device) = sight.device() else { return };
        let Some(screen) = self.screens.get_mut(device) else { return };
        let hosts = &self.history.hosts;
        screen.see(sight, hosts.damaged(device, sight.at).map(|damage| damage.at));
        if hosts.is_behind(device, 0, sight.at) || sight.discarded() {
            return;
        }
        if let Some(deleted) = screen.deleted.filter(|_| sight.view.state == RecordState::Synced) {
            self.judge_return(sight, device, deleted, findings);
            return;
        }
        // Whichever came first; none where one of them never came.
        let settled = screen.synced.min(screen.told);
        let mut wrong = None;
        for (field, known) in &mut screen.fields {
            let disputed = sight.view.conflicts.iter().any(|open| open.field == *field);
            if !disputed && !self.works.pending(hosts, field, device, settled, sight.at) {
                let value = sight.view.fields.get(*field);
                let back = known.judge(value, sight.at);
                // What its user may not see any more goes; words of its own may take that place.
                let is_own = value.is_none() || self.works.any_of(hosts, field, device, sight.at);
                let back = back.filter(|back| {
                    !(is_own && self.history.lost_sight(device, self.index, back.shown, sight.at))
                });
                wrong = wrong.or(back.map(|back| (*field, back)));
            }
        }
        // One record goes back as a whole: its first field speaks for the others.
        if let Some((field, back)) = wrong {
            self.report(sight, device, field, &back, findings);
        }
    }

    /// The device shows a record again that it knows to be deleted: by `deleted`, of which the server
    /// was asked in one entry and which it heard in another.
    fn judge_return(
        &self,
        sight: &Sight<'t>,
        device: &str,
        (asked, heard): (usize, usize),
        findings: &mut Findings,
    ) {
        // Whatever the server was asked after the delete may have told that it is back.
        let told = self.history.wire.told(self.index).iter();
        let mut newer = told.filter(|told| told.device == device && told.at < sight.at);
        let is_back =
            newer.any(|told| !told.state.gone && (asked <= told.asked || told.state.version.is_none()));
        // Its own user may have brought it back, or may do so.
        let by_user = self.record.actions.iter().any(|&action| {
            let run = &self.history.actions[action];
            run.begun > asked && run.begun < sight.at
        });
        let harmed = self.history.hosts.damaged(device, sight.at).is_some();
        if is_back || by_user || harmed {
            return;
        }
        let name = self.history.name(self.index);
        let case = Case::new("came-back", "record").record(self.record.id).device(device);
        findings.report(case.evidence([asked, heard, sight.at]).says(
            format!("{device} shows {name} again, although its delete there is done"),
            format!("no {name} on {device}, until the server says that somebody brought it back"),
        ));
    }

    fn report(
        &self,
        sight: &Sight<'t>,
        device: &str,
        field: &str,
        back: &WentBack<'_>,
        findings: &mut Findings,
    ) {
        let name = self.history.name(self.index);
        let value = words::shown(sight.view.fields.get(field));
        let from = match back.newest {
            Some(version) => format!("which came with version {version} at the latest"),
            None => "which no version had".to_owned(),
        };
        let case = Case::new("went-back", "value").rule(self.history.rule(self.entity, field));
        let case = case.record(self.record.id).device(device);
        findings.report(case.evidence([back.told, back.shown, sight.at]).says(
            format!(
                "{device} shows {field}={value} on {name}, {from}, after it had shown {} of version {}",
                words::shown(back.before),
                back.floor,
            ),
            format!("{field}={} on {name}, or something newer", words::shown(back.before)),
        ));
    }

    fn judge_absence(&mut self, at: usize, device: &'t str, how: &str, findings: &mut Findings) {
        let Some(screen) = self.screens.get(device) else { return };
        let (Some(shown), Some(told)) = (screen.shown, screen.told) else { return };
        let is_shown = shown == at;
        if is_shown || screen.gone || self.history.hosts.is_behind(device, 0, at) {
            return;
        }
        if self.is_explained(device, told, at) {
            return;
        }
        let name = self.history.name(self.index);
        let case = Case::new("vanished", "record").record(self.record.id).device(device);
        findings.report(case.evidence([told, shown, at]).says(
            format!("{device} had {name} from the server and showed it, but {how}"),
            format!("{name} on {device}: neither the server nor anybody there said that it is gone"),
        ));
    }

    /// Whether a user or a new beginning explains that a record is not shown; or whether it is
    /// for `lost` to say, because there is own work on it.
    fn is_explained(&self, device: &str, told: usize, at: usize) -> bool {
        let here = |of: &str| self.history.hosts.holds_work_of(device, of);
        let by_user = self.record.actions.iter().map(|&action| &self.history.actions[action]).any(|run| {
            let removes =
                matches!(run.act, Action::Delete { .. } | Action::Discard { .. }) || run.made_anew.is_some();
            removes && !run.refused() && run.begun < at && here(run.device)
        }) || self.history.deleted_by(self.record, at, here);
        let own = self.record.effects.iter().any(|effect| {
            let run = self.history.action_of(effect);
            run.device == device && run.begun < at && !run.refused()
        });
        by_user
            || own
            || self.history.wire.began_anew(device, told, at)
            || self.history.lost_sight(device, self.index, told, at)
    }
}
