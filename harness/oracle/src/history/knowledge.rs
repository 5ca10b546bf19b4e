//! What a device's user had seen when acting.
//!
//! A write had *certainly* seen another one if it came later on the same device, if that
//! device's screen had shown the other one's value before the action began, or if it had seen a
//! third one that had. What a disk forgot, its device is not sure to have seen. Where several
//! writes have the value that was shown, only what all of them had seen is certain; each of them
//! was *possibly* seen.

use std::collections::BTreeMap;
use std::ops::Range;

use deadzone_contract::{Rule, Value};

use super::bits::Bits;
use super::{Effect, FieldHistory, History, Op, RecordHistory, Viewer, What};

/// Positions in a field's effects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Surely seen before the action began.
    pub(crate) certain: Bits,
    /// Perhaps seen before the action ended.
    pub(crate) possible: Bits,
}

/// Whether somebody knew of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Knew {
    /// Surely.
    Yes,
    /// Surely not.
    No,
    /// Nobody can tell.
    Maybe,
}

/// Works out, for every write and every delete, what its device had shown of the same fields.
pub(crate) fn learn(history: &mut History<'_>) {
    for r in 0..history.records.len() {
        let names: Vec<&str> = history.records[r].fields.keys().copied().collect();
        for name in names {
            let (seen, seen_by_delete) = Learner::new(history, r, name).run();
            let field = history.records[r].fields.get_mut(name).expect("the name is one of its fields");
            field.seen = seen;
            field.seen_by_delete = seen_by_delete;
        }
    }
}

/// Walks through one field's life.
struct Learner<'h, 't> {
    history: &'h History<'t>,
    record: &'h RecordHistory<'t>,
    field: &'h FieldHistory<'t>,
    /// What each device knows by now.
    devices: BTreeMap<&'t str, Known<'t>>,
    seen: Vec<Seen>,
    seen_by_delete: BTreeMap<usize, Seen>,
    /// Positions of writes, and indices of deletes, by their action.
    writes_of: BTreeMap<usize, Vec<usize>>,
    deletes_of: BTreeMap<usize, Vec<usize>>,
}

#[derive(Default)]
struct Known<'t> {
    seen: Seen,
    /// The value shown last, and how many writes may have made it: showing it again tells
    /// nothing new.
    last: Option<(&'t Value, usize)>,
    /// When the device last began anew.
    forgot: Option<usize>,
}

impl Known<'_> {
    /// What the disk forgot may still be on the user's mind, but the device does not know of it.
    fn forget(&mut self, forgot: Option<usize>) {
        if self.forgot != forgot {
            self.forgot = forgot;
            self.seen.certain = Bits::default();
            self.last = None;
        }
    }
}

impl<'h, 't> Learner<'h, 't> {
    fn new(history: &'h History<'t>, record: usize, name: &str) -> Learner<'h, 't> {
        let record = &history.records[record];
        let field = &record.fields[name];
        let mut writes_of: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (position, effect) in record.effects_on(field).filter(|(_, effect)| effect.op.is_write()) {
            if !history.action_of(effect).refused() {
                writes_of.entry(effect.action).or_default().push(position);
            }
        }
        let mut deletes_of: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (i, effect) in record.effects.iter().enumerate().filter(|(_, effect)| effect.op == Op::Delete) {
            deletes_of.entry(effect.action).or_default().push(i);
        }
        Learner {
            history,
            record,
            field,
            devices: BTreeMap::new(),
            seen: vec![Seen::default(); field.effects.len()],
            seen_by_delete: BTreeMap::new(),
            writes_of,
            deletes_of,
        }
    }

    fn run(mut self) -> (Vec<Seen>, BTreeMap<usize, Seen>) {
        if self.writes_of.is_empty() {
            return (self.seen, self.seen_by_delete);
        }
        let record = self.record;
        for &(at, what) in &record.timeline {
            match what {
                What::Begun(action) => self.begun(at, action),
                What::Ended(action) => self.ended(at, action),
                What::Seen(sight) => {
                    let sight = &record.sights[sight];
                    if let Viewer::Device(device) = sight.by {
                        if let Some(value) = sight.view.fields.get(self.field.name) {
                            self.shown(at, device, value, true);
                        }
                        for open in sight.view.conflicts.iter().filter(|c| c.field == self.field.name) {
                            self.shown(at, device, &open.mine, false);
                            open.theirs.iter().for_each(|theirs| self.shown(at, device, theirs, false));
                        }
                    }
                }
                What::Gone(_) => {}
            }
        }
        (self.seen, self.seen_by_delete)
    }

    fn begun(&mut self, at: usize, action: usize) {
        let device = self.history.actions[action].device;
        self.look_again(device, at);
        let known = self.devices.entry(device).or_default();
        known.forget(self.history.forgot(device, at));
        for &delete in self.deletes_of.get(&action).into_iter().flatten() {
            self.seen_by_delete.insert(delete, known.seen.clone());
        }
        for &position in self.writes_of.get(&action).into_iter().flatten() {
            self.seen[position] = known.seen.clone();
            known.seen.certain.insert(position);
            known.seen.possible.insert(position);
            let written = &self.record.effects[self.field.effects[position]].op;
            known.last = written.values().first().map(|value| (*value, 0));
        }
    }

    /// What came to the screen while the action was under way may have been seen as well.
    fn ended(&mut self, at: usize, action: usize) {
        let device = self.history.actions[action].device;
        self.look_again(device, at);
        let Some(known) = self.devices.get(device) else { return };
        for delete in self.deletes_of.get(&action).into_iter().flatten() {
            if let Some(seen) = self.seen_by_delete.get_mut(delete) {
                seen.possible.unite(&known.seen.possible);
            }
        }
        for &position in self.writes_of.get(&action).into_iter().flatten() {
            let possible = &mut self.seen[position].possible;
            possible.unite(&known.seen.possible);
            possible.remove(position);
        }
    }

    /// A screen does not change when somebody writes again what it shows: its user may have seen
    /// that as well.
    fn look_again(&mut self, device: &'t str, at: usize) {
        let Some((value, _)) = self.devices.get(device).and_then(|known| known.last) else { return };
        let writers = self.writers(value, at);
        let possible = &mut self.devices.entry(device).or_default().seen.possible;
        for position in writers {
            possible.unite(&self.seen[position].possible);
            possible.insert(position);
        }
    }

    /// The writes that may have made a value by now.
    fn writers(&self, value: &Value, at: usize) -> Vec<usize> {
        let writers = self.record.writers(self.field, value, at, &self.history.actions);
        let kept = writers.filter(|(_, effect)| !self.history.action_of(effect).refused());
        kept.map(|(position, _)| position).collect()
    }

    fn shown(&mut self, at: usize, device: &'t str, value: &'t Value, remember: bool) {
        let writers = self.writers(value, at);
        let known = self.devices.entry(device).or_default();
        known.forget(self.history.forgot(device, at));
        let now = Some((value, writers.len()));
        if writers.is_empty() || (remember && known.last == now) {
            return;
        }
        if remember {
            known.last = now;
        }
        let mut certain: Option<Bits> = None;
        for position in writers {
            let Seen { certain: theirs, possible } = &self.seen[position];
            known.seen.possible.unite(possible);
            known.seen.possible.insert(position);
            let mut surely = theirs.clone();
            surely.insert(position);
            match &mut certain {
                Some(certain) => certain.intersect(&surely),
                None => certain = Some(surely),
            }
        }
        known.seen.certain.unite(&certain.expect("there is a writer"));
    }
}

impl<'t> History<'t> {
    /// Whether the user who did `observer` knew of `effect` then; both are effects on one record.
    pub(crate) fn knew(&self, record: usize, effect: usize, observer: usize) -> Knew {
        let life = &self.records[record];
        let observation = self.action_of(&life.effects[observer]);
        let (device, at) = (observation.device, observation.begun);
        let seen = seen_by_delete(life, effect, observer);
        let effect = &life.effects[effect];
        let work = self.action_of(effect);
        let forgot = self.forgot(device, at).unwrap_or_default();
        if work.device == device {
            return match work.begun < at {
                true if work.begun < forgot => Knew::Maybe,
                true => Knew::Yes,
                false => Knew::No,
            };
        }
        if work.begun > observation.ended {
            return Knew::No;
        }
        let surely = match &effect.op {
            Op::Put(_) | Op::Resolve(_) | Op::UseTheirs(_) => seen.is_some_and(|(certain, _)| certain),
            Op::Insert(member) => self.saw_insert(life, effect, member, device, forgot..at),
            Op::Add(_) => self.saw_add(life, effect, device, forgot..at),
            Op::Create | Op::Delete | Op::Restore | Op::Remove(_) => false,
        };
        if surely {
            return Knew::Yes;
        }
        // What no answer can have told the device, nor one whose disk it has taken over, and what was
        // not done on such a disk, it did not know.
        let is_copy_of = |of: &str, since: usize| self.hosts.is_own(device, of, since, at);
        let told = self.first_arrival(record, effect).is_some_and(|arrival| {
            self.wire.heard(device, arrival, observation.ended)
                || self
                    .header
                    .devices
                    .keys()
                    .any(|of| is_copy_of(of, arrival) && self.wire.heard(of, arrival, at))
        });
        let copied = is_copy_of(work.device, work.begun);
        if told || copied || seen.is_some_and(|(_, possible)| possible) { Knew::Maybe } else { Knew::No }
    }

    /// When the server first had a request that may carry an effect: one of its device, or of a
    /// copy of that.
    pub(crate) fn first_arrival(&self, record: usize, effect: &Effect<'_>) -> Option<usize> {
        self.senders(effect)
            .filter_map(|(device, from)| {
                let later = self.wire.pushes(device, record).filter(|push| push.sent > from);
                later.filter_map(|push| push.arrived.first().copied()).min()
            })
            .min()
    }

    /// An addition is surely known if it was the only one of its member, and the member was shown.
    fn saw_insert(
        &self,
        life: &RecordHistory<'_>,
        effect: &Effect<'_>,
        member: &str,
        device: &str,
        during: Range<usize>,
    ) -> bool {
        let work = self.action_of(effect);
        let same = life.effects.iter().filter(|other| {
            let run = self.action_of(other);
            other.field == effect.field && other.op == effect.op && !run.refused() && run.begun < during.end
        });
        let only = same.count() == 1;
        let before = life.sights.partition_point(|sight| sight.at < during.end);
        only && life.sights[..before].iter().any(|sight| {
            let set = effect.field.and_then(|field| sight.view.fields.get(field));
            sight.at > work.begun.max(during.start)
                && sight.device() == Some(device)
                && matches!(set, Some(Value::Set(members)) if members.contains(member))
        })
    }

    /// An increment is surely known if the total that was shown is that of all increments.
    fn saw_add(
        &self,
        life: &RecordHistory<'_>,
        effect: &Effect<'_>,
        device: &str,
        during: Range<usize>,
    ) -> bool {
        let work = self.action_of(effect);
        let adds: Vec<(usize, i64)> = life
            .effects
            .iter()
            .filter(|other| other.field == effect.field && other.rule == Some(Rule::Counter))
            .filter(|other| !self.action_of(other).refused())
            .filter_map(|other| match other.op {
                Op::Add(by) => Some((self.action_of(other).begun, by)),
                _ => None,
            })
            .collect();
        let before = life.sights.partition_point(|sight| sight.at < during.end);
        adds.iter().all(|&(_, by)| by > 0)
            && life.sights[..before].iter().any(|sight| {
                let all: i64 = adds
                    .iter()
                    .filter(|(begun, _)| *begun < sight.at)
                    .fold(0, |sum, (_, by)| sum.saturating_add(*by));
                let total = effect.field.and_then(|field| sight.view.fields.get(field));
                sight.at > work.begun.max(during.start)
                    && sight.device() == Some(device)
                    && total == Some(&Value::Int(all))
            })
    }
}

/// Whether a delete had seen a write to the same record: surely, and possibly.
fn seen_by_delete(life: &RecordHistory<'_>, effect: usize, delete: usize) -> Option<(bool, bool)> {
    let field = &life.fields[life.effects[effect].field?];
    let position = field.effects.binary_search(&effect).ok()?;
    let seen = field.seen_by_delete.get(&delete)?;
    Some((seen.certain.contains(position), seen.possible.contains(position)))
}
