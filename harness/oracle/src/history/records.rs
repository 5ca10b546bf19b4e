//! Everything about one record, in the order of time.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::{
    Action, ConflictView, FieldChange, Model, RecordId, RecordState, RecordView, Rule, Value, rules,
};

use super::actions::{self, Op};
use super::hosts::Hosts;
use super::knowledge::Seen;
use super::{ActionRun, History, Status, Void, undo};

/// Everything about one record.
pub(crate) struct RecordHistory<'t> {
    pub(crate) id: &'t RecordId,
    /// The action that made it; none: nobody is known to have made it.
    pub(crate) creator: Option<usize>,
    /// What it is a copy of, as its device showed that, where it was made anew.
    pub(crate) copy_of: Option<&'t RecordView>,
    /// The script's name for it.
    pub(crate) name: Option<&'t str>,
    /// The actions on it, its creation among them, in the order in which they began.
    pub(crate) actions: Vec<usize>,
    /// Everywhere that it was visible, in order.
    pub(crate) sights: Vec<Sight<'t>>,
    /// When which device stopped showing it.
    pub(crate) gones: Vec<(usize, &'t str)>,
    /// What was done to it, in the order in which the actions began.
    pub(crate) effects: Vec<Effect<'t>>,
    /// What was done to its fields.
    pub(crate) fields: BTreeMap<&'t str, FieldHistory<'t>>,
    /// Actions and sights in one order.
    pub(crate) timeline: Vec<(usize, What)>,
}

/// What happened at a moment in a record's life; the numbers are indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// An action on it began.
    Begun(usize),
    /// An action on it ended.
    Ended(usize),
    /// It was seen: an index into its sights.
    Seen(usize),
    /// A device stopped showing it: an index into `gones`.
    Gone(usize),
}

/// A record as it was visible at one moment.
pub(crate) struct Sight<'t> {
    pub(crate) at: usize,
    pub(crate) by: Viewer<'t>,
    pub(crate) view: &'t RecordView,
    /// The device has failed work on it, which may or may not show in its values.
    pub(crate) troubled: bool,
}

/// Where a record was visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Viewer<'t> {
    /// On a device, which showed it by itself or was looked at as a whole.
    Device(&'t str),
    /// On the server, asked on behalf of this user.
    Server(&'t str),
}

impl<'t> Sight<'t> {
    /// The device that showed it; none for the server.
    pub(crate) fn device(&self) -> Option<&'t str> {
        match self.by {
            Viewer::Device(device) => Some(device),
            Viewer::Server(_) => None,
        }
    }

    /// Whether it is only a farewell to what its user just threw away.
    pub(crate) fn discarded(&self) -> bool {
        self.view.state == RecordState::Discarded
    }
}

/// What an action does to one record or one of its fields.
#[derive(Debug)]
pub(crate) struct Effect<'t> {
    pub(crate) action: usize,
    pub(crate) field: Option<&'t str>,
    pub(crate) rule: Option<Rule>,
    pub(crate) op: Op<'t>,
    /// What its action did is not certain.
    pub(crate) guessed: bool,
    pub(crate) status: Status,
    /// When its own device's user threw it away.
    pub(crate) void: Option<Void>,
    /// When its device's disk forgot it before the server had it.
    pub(crate) destroyed: Option<usize>,
}

/// What was done to one field.
pub(crate) struct FieldHistory<'t> {
    pub(crate) name: &'t str,
    /// None where the field is not declared.
    pub(crate) rule: Option<Rule>,
    /// Something was done to it that its rule does not provide for.
    pub(crate) opaque: bool,
    /// Indices of effects, in order. What is said of a *position* is said of an index into this.
    pub(crate) effects: Vec<usize>,
    /// Positions by the values that they may write.
    pub(crate) by_value: BTreeMap<&'t Value, Vec<usize>>,
    /// Positions of what adds or removes a member, by the member.
    pub(crate) by_member: BTreeMap<&'t str, Vec<usize>>,
    /// By position: what the writer had seen of this field. Empty but for writes.
    pub(crate) seen: Vec<Seen>,
    /// By the index of a delete's effect: what the deleter had seen of this field.
    pub(crate) seen_by_delete: BTreeMap<usize, Seen>,
}

impl<'t> RecordHistory<'t> {
    pub(crate) fn new(id: &'t RecordId) -> RecordHistory<'t> {
        RecordHistory {
            id,
            creator: None,
            copy_of: None,
            name: None,
            actions: Vec::new(),
            sights: Vec::new(),
            gones: Vec::new(),
            effects: Vec::new(),
            fields: BTreeMap::new(),
            timeline: Vec::new(),
        }
    }

    /// The effects on a field, with their positions.
    pub(crate) fn effects_on<'a>(
        &'a self,
        field: &'a FieldHistory<'t>,
    ) -> impl DoubleEndedIterator<Item = (usize, &'a Effect<'t>)> {
        field.effects.iter().enumerate().map(|(position, &effect)| (position, &self.effects[effect]))
    }

    /// The writes that may have put `value` into a field, begun before `at`.
    pub(crate) fn writers<'a>(
        &'a self,
        field: &'a FieldHistory<'t>,
        value: &Value,
        at: usize,
        actions: &'a [ActionRun<'t>],
    ) -> impl Iterator<Item = (usize, &'a Effect<'t>)> {
        let positions = field.by_value.get(value).map(Vec::as_slice).unwrap_or_default();
        positions
            .iter()
            .map(|&position| (position, &self.effects[field.effects[position]]))
            .take_while(move |(_, effect)| actions[effect.action].begun < at)
    }

    /// What adds a member to a set or removes it, in order.
    pub(crate) fn on_member<'a>(
        &'a self,
        field: &'a FieldHistory<'t>,
        member: &str,
    ) -> impl Iterator<Item = (usize, &'a Effect<'t>)> {
        let positions = field.by_member.get(member).map(Vec::as_slice).unwrap_or_default();
        positions.iter().map(|&position| {
            let index = field.effects[position];
            (index, &self.effects[index])
        })
    }

    /// The conflicts of a field that a device showed last before `at`.
    fn conflicts_shown(&self, device: &str, field: &str, at: usize) -> Vec<&'t ConflictView> {
        let before = self.sights.partition_point(|sight| sight.at < at);
        let last = self.sights[..before].iter().rev().find(|sight| sight.device() == Some(device));
        last.map(|sight| sight.view.conflicts.iter().filter(|c| c.field == field).collect())
            .unwrap_or_default()
    }
}

/// Works out the effects of every action on every record, and each record's timeline.
pub(crate) fn lay_out(history: &mut History<'_>) {
    for (i, action) in history.actions.iter().enumerate() {
        for record in action.record.into_iter().chain(action.made_anew) {
            history.records[record].actions.push(i);
        }
        if let (Some(made), Some(old)) = (action.made_anew, action.record) {
            let sights = &history.records[old].sights;
            let before = &sights[..sights.partition_point(|sight| sight.at < action.ended)];
            let last = before.iter().rev().find(|sight| sight.device() == Some(action.device));
            history.records[made].copy_of = last.map(|sight| sight.view);
        }
    }
    let (actions, hosts, model) = (&history.actions, &history.hosts, history.header.model);
    for record in &mut history.records {
        for i in record.actions.clone() {
            add_effects(record, i, actions, hosts, model);
        }
        let mut timeline = Vec::with_capacity(record.sights.len() + 2 * record.actions.len());
        timeline.extend(record.sights.iter().enumerate().map(|(i, sight)| (sight.at, What::Seen(i))));
        timeline.extend(record.gones.iter().enumerate().map(|(i, &(at, _))| (at, What::Gone(i))));
        for &i in &record.actions {
            timeline.push((actions[i].begun, What::Begun(i)));
            timeline.push((actions[i].ended, What::Ended(i)));
        }
        timeline.sort_unstable();
        record.timeline = timeline;
    }
}

fn add_effects<'t>(
    record: &mut RecordHistory<'t>,
    i: usize,
    actions: &[ActionRun<'t>],
    hosts: &Hosts<'t>,
    model: Model,
) {
    let action = &actions[i];
    let entity = entity_of(record, actions).and_then(rules::entity);
    let rule = |field: &str| entity?.field(field)?.rule_in(model);
    let add_changes = |record: &mut RecordHistory<'t>, changes: &'t [FieldChange], creates| {
        for change in changes {
            let rule = rule(&change.field);
            let (ops, fits) = actions::ops_of(&change.change, rule, creates);
            for op in ops {
                add_to_field(record, &change.field, effect(i, Some(&change.field), rule, op), fits);
            }
        }
    };
    match action.act {
        Action::Create { changes, .. } => {
            record.effects.push(effect(i, None, None, Op::Create));
            add_changes(record, changes, true);
        }
        Action::Edit { changes, .. } => add_changes(record, changes, false),
        Action::Retry { .. } if record.creator == Some(i) => {
            record.effects.push(effect(i, None, None, Op::Create));
            let copied = record.copy_of;
            for (field, value) in copied.iter().flat_map(|view| &view.fields) {
                let rule = rule(field);
                for op in actions::ops_of_value(value, rule) {
                    add_to_field(record, field, effect(i, Some(field), rule, op), true);
                }
            }
        }
        Action::Undo { .. } if !action.undid.is_empty() => add_changes(record, action.undid, false),
        Action::Undo { .. } if !action.refused() => {
            let (opposites, certain) = undo::opposites(record, actions, hosts, i);
            for (field, op) in opposites {
                let rule = field.and_then(&rule);
                let effect = Effect { guessed: !certain, ..effect(i, field, rule, op) };
                match field {
                    Some(field) => add_to_field(record, field, effect, true),
                    None => record.effects.push(effect),
                }
            }
        }
        Action::Delete { .. } => record.effects.push(effect(i, None, None, Op::Delete)),
        Action::Resolve { field, choice, .. } => {
            let shown = record.conflicts_shown(action.device, field, action.begun);
            let earlier: BTreeSet<_> = record
                .fields
                .get(field.as_str())
                .map(|history| history.by_value.keys().copied().collect())
                .unwrap_or_default();
            let op = actions::op_of_choice(choice, &shown, earlier);
            let rule = rule(field);
            let fits = !matches!(rule, Some(Rule::Counter | Rule::Set));
            add_to_field(record, field, effect(i, Some(field), rule, op), fits);
        }
        _ => {}
    }
}

/// The entity of a record, from its creation or else from its first sight.
pub(crate) fn entity_of<'t>(record: &RecordHistory<'t>, actions: &[ActionRun<'t>]) -> Option<&'t str> {
    let created = record.creator.and_then(|creator| match actions[creator].act {
        Action::Create { entity, .. } => Some(entity.as_str()),
        _ => None,
    });
    let copied = record.copy_of.map(|view| view.entity.as_str());
    created.or(copied).or_else(|| record.sights.first().map(|sight| sight.view.entity.as_str()))
}

fn effect<'t>(action: usize, field: Option<&'t str>, rule: Option<Rule>, op: Op<'t>) -> Effect<'t> {
    Effect { action, field, rule, op, guessed: false, status: Status::Must, void: None, destroyed: None }
}

fn add_to_field<'t>(record: &mut RecordHistory<'t>, name: &'t str, effect: Effect<'t>, fits: bool) {
    let index = record.effects.len();
    let field = record.fields.entry(name).or_insert_with(|| FieldHistory {
        name,
        rule: effect.rule,
        opaque: false,
        effects: Vec::new(),
        by_value: BTreeMap::new(),
        by_member: BTreeMap::new(),
        seen: Vec::new(),
        seen_by_delete: BTreeMap::new(),
    });
    field.opaque |= !fits;
    for value in effect.op.values() {
        let positions = field.by_value.entry(value).or_default();
        if positions.last() != Some(&field.effects.len()) {
            positions.push(field.effects.len());
        }
    }
    if let Op::Insert(member) | Op::Remove(member) = effect.op {
        field.by_member.entry(member).or_default().push(field.effects.len());
    }
    field.effects.push(index);
    record.effects.push(effect);
}
