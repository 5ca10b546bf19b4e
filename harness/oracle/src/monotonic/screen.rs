//! What one device has been told and has shown of one record.

use std::collections::BTreeMap;

use deadzone_contract::{RecordState, Rule, Value};

use crate::history::{Sight, Told};

/// What one device has been told and has shown of one record.
#[derive(Default)]
pub(super) struct Screen<'h> {
    pub(super) fields: BTreeMap<&'h str, Known<'h>>,
    /// The versions that it was told of so far.
    versions: Option<Versions>,
    /// When it was last told of the record as one that is there.
    pub(super) told: Option<usize>,
    /// When it last showed the record, after that.
    pub(super) shown: Option<usize>,
    /// A delete of the record by the device is done: when the server was first asked, and when the
    /// device heard. What it is told afterwards of the record as one that is there ends that.
    pub(super) deleted: Option<(usize, usize)>,
    /// It was told that the record is gone.
    pub(super) gone: bool,
    /// When it last called the record synced, and had not forgotten since that it is.
    pub(super) synced: Option<usize>,
}

/// The versions that one value came with: the oldest and the newest of them, with the moment at
/// which the oldest was told.
#[derive(Clone, Copy)]
struct Versions {
    oldest: u64,
    newest: u64,
    told: usize,
}

/// What is known of one field.
pub(super) struct Known<'h> {
    rule: Rule,
    by_value: BTreeMap<Option<&'h Value>, Versions>,
    floor: Option<Floor<'h>>,
}

/// What the device has shown at least.
#[derive(Clone, Copy)]
struct Floor<'h> {
    version: u64,
    value: Option<&'h Value>,
    told: usize,
    shown: usize,
}

/// A field that shows older content than before.
pub(super) struct WentBack<'h> {
    /// The newest version that had what is shown; none: none had.
    pub(super) newest: Option<u64>,
    /// The version that had been shown at least, with its value.
    pub(super) floor: u64,
    pub(super) before: Option<&'h Value>,
    /// When that was told, and shown.
    pub(super) told: usize,
    pub(super) shown: usize,
}

impl Versions {
    fn and(self, other: Versions) -> Versions {
        let told = if other.oldest < self.oldest { other.told } else { self.told };
        Versions { oldest: self.oldest.min(other.oldest), newest: self.newest.max(other.newest), told }
    }
}

impl<'h> Screen<'h> {
    /// Takes in what an answer told.
    pub(super) fn tell(&mut self, told: &'h Told<'_>, rule: impl Fn(&str) -> Option<Rule>) {
        let state = &told.state;
        // A hint need not be believed.
        self.gone = state.gone || (told.hinted() && self.gone);
        if !state.gone && self.deleted.is_some_and(|(asked, _)| asked <= told.asked) {
            self.deleted = None;
        }
        if state.removed {
            // It is not for its user's eyes. Where own work keeps it in view, nothing else is left of it.
            self.fields.values_mut().for_each(|known| known.floor = None);
        }
        let Some(version) = state.version else { return };
        if state.gone && state.fields.is_empty() {
            return;
        }
        if !state.gone && !told.hinted() {
            self.told = Some(told.at);
        }
        for name in state.fields.keys() {
            let Some(rule) = rule(name) else { continue };
            let earlier = self.versions;
            self.fields.entry(name).or_insert_with(|| Known {
                rule,
                // Every version before had nothing there.
                by_value: earlier.map(|earlier| (None, earlier)).into_iter().collect(),
                floor: None,
            });
        }
        let this = Versions { oldest: version, newest: version, told: told.at };
        for (name, known) in &mut self.fields {
            let value = nothing_if_empty(known.rule, state.fields.get(*name));
            known.by_value.entry(value).and_modify(|had| *had = had.and(this)).or_insert(this);
        }
        self.versions = Some(self.versions.map_or(this, |had| had.and(this)));
    }

    /// The device shows the record.
    pub(super) fn see(&mut self, sight: &Sight<'_>, forgot: Option<usize>) {
        if self.told.is_some() {
            self.shown = Some(sight.at);
        }
        if self.synced.is_some_and(|synced| forgot.is_some_and(|forgot| synced < forgot)) {
            self.synced = None;
        }
        if sight.view.state == RecordState::Synced {
            self.synced = Some(sight.at);
        }
    }
}

impl<'h> Known<'h> {
    /// Whether the value shown is older than what was shown before; if not, nothing older may be
    /// shown from now on.
    pub(super) fn judge(&mut self, value: Option<&'h Value>, at: usize) -> Option<WentBack<'h>> {
        let value = nothing_if_empty(self.rule, value);
        let had = self.by_value.get(&value).copied();
        if let Some(floor) = self.floor
            && had.map_or(value.is_none(), |had| had.newest < floor.version)
        {
            return Some(WentBack {
                newest: had.map(|had| had.newest),
                floor: floor.version,
                before: floor.value,
                told: floor.told,
                shown: floor.shown,
            });
        }
        if let Some(had) = had
            && self.floor.is_none_or(|floor| floor.version <= had.oldest)
        {
            self.floor = Some(Floor { version: had.oldest, value, told: had.told, shown: at });
        }
        None
    }
}

/// A counter that nobody added to and a set that nobody filled need not be there.
fn nothing_if_empty(rule: Rule, value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| match (rule, value) {
        (Rule::Counter, Value::Int(total)) => *total != 0,
        (Rule::Set, Value::Set(members)) => !members.is_empty(),
        _ => true,
    })
}
