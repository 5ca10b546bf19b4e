//! Who is entitled to see what, and when.
//!
//! Entitlement follows from what the script grants and what users write, never from what the
//! server does. What is going on, or is not known to have happened, may have happened: there is
//! a widest and a narrowest reading, and a moment at which somebody *may* see a record, or
//! *surely* does.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::rules::{ASSIGNEE, PRIVATE};
use deadzone_contract::wire::{MemberChange, Role};
use deadzone_contract::{Action, Model, Stamp, Value};
use deadzone_trace::Event;

use super::bodies::{Kind, Outcome};
use super::wire::Class;
use super::{Ending, History};

/// Who is entitled to see what.
#[derive(Debug, Default)]
pub(crate) struct Rights<'t> {
    /// By workspace and user: the roles that are possible from a moment on.
    roles: BTreeMap<(&'t str, &'t str), Vec<(usize, Roles)>>,
    rows: Vec<Row<'t>>,
    /// Of the records that may be private, by their index.
    secrets: BTreeMap<usize, Secret>,
    users: BTreeSet<&'t str>,
    model: Model,
}

/// Roles that somebody may have; none among them: no role.
type Roles = BTreeSet<Option<Role>>;

/// What a record's visibility depends on.
#[derive(Debug, Default)]
struct Row<'t> {
    /// None where nobody knows where it was made.
    workspace: Option<&'t str>,
    /// The record itself or what it hangs under, if that may be private.
    secret: Option<usize>,
}

/// A record that may be private.
#[derive(Debug, Default)]
struct Secret {
    /// From when on it surely is.
    since: Option<usize>,
    /// What was said on the wire of whose it is.
    assignments: Vec<Assignment>,
}

/// One mutation that says whose a record is, in one push.
#[derive(Debug)]
struct Assignment {
    to: Value,
    stamp: Option<Stamp>,
    arrived: usize,
    /// When the server had surely carried it out.
    done: Option<usize>,
    /// When the last word of the server on it was said, if all requests were answered.
    over: Option<usize>,
}

/// What becomes of a role.
enum Step {
    Begins,
    Ends,
    /// It may happen at any time from now on.
    Lingers,
}

/// When, what, and which role.
type Stepped = (usize, Step, Option<Role>);

impl<'t> Rights<'t> {
    pub(super) fn read(history: &History<'t>) -> Rights<'t> {
        let mut rights = Rights { model: history.header.model, ..Rights::default() };
        rights.read_roles(history);
        rights.users.extend(history.header.devices.values().map(String::as_str));
        rights.users.extend(history.actions.iter().map(|run| run.user));
        rights.read_rows(history);
        if !rights.secrets.is_empty() {
            rights.read_assignments(history);
        }
        rights
    }

    fn read_roles(&mut self, history: &History<'t>) {
        let mut steps: BTreeMap<(&'t str, &'t str), Vec<Stepped>> = BTreeMap::new();
        let mut step = |at, change: &'t MemberChange, step| {
            let of = (change.workspace.as_str(), change.user.as_str());
            steps.entry(of).or_default().push((at, step, change.role));
        };
        for (at, entry) in history.entries.iter().enumerate() {
            match &entry.event {
                Event::Granting(change) => step(at, change, Step::Begins),
                Event::Granted(change) => step(at, change, Step::Ends),
                Event::GrantFailed { change, .. } => step(at, change, Step::Lingers),
                _ => {}
            }
        }
        for run in history.actions.iter().filter(|run| !run.refused()) {
            let Action::SetRole { workspace, member, role, .. } = run.act else { continue };
            let steps = steps.entry((workspace, member)).or_default();
            steps.push((run.begun, Step::Begins, *role));
            let end = if run.ending == Ending::Saved { Step::Ends } else { Step::Lingers };
            steps.push((run.ended, end, *role));
            // A copy of the request may still be under way.
            let copies = history.wire.requests().iter().filter(|request| {
                let during = run.begun < request.sent && request.sent < run.ended;
                request.class == Class::Members && request.device == run.device && during
            });
            let late = copies.flat_map(|request| &request.arrived).filter(|&&at| at > run.ended);
            steps.extend(late.map(|&at| (at, Step::Lingers, *role)));
        }
        for (workspace, user, role) in &history.header.grants {
            self.roles.entry((workspace, user)).or_insert_with(|| vec![(0, Roles::new())])[0]
                .1
                .insert(Some(*role));
        }
        for (of, mut steps) in steps {
            steps.sort_by_key(|(at, _, _)| *at);
            let roles = self.roles.entry(of).or_insert_with(|| vec![(0, Roles::from([None]))]);
            follow(roles, steps);
        }
        self.users = self.roles.keys().map(|&(_, user)| user).collect();
    }

    fn read_rows(&mut self, history: &History<'t>) {
        for (index, record) in history.records.iter().enumerate() {
            let place = history.place(record);
            let seen = record.sights.first().map(|sight| sight.view.workspace.as_str());
            let workspace = place.map(|place| place.workspace).or(seen);
            let hides = record.fields.get(PRIVATE).is_some_and(|field| {
                let yes = |value: &&Value| **value == Value::text(YES);
                record.effects_on(field).any(|(_, write)| {
                    !history.action_of(write).refused() && write.op.values().iter().any(yes)
                })
            });
            if hides {
                self.secrets.insert(index, Secret::default());
            }
            self.rows.push(Row { workspace, secret: hides.then_some(index) });
        }
        if self.secrets.is_empty() {
            return;
        }
        for index in 0..history.records.len() {
            self.rows[index].secret = self.hidden_by(history, index);
        }
    }

    /// The record itself, or the nearest one above it, that may be private.
    fn hidden_by(&self, history: &History<'t>, index: usize) -> Option<usize> {
        /// Deeper than any declared entity hangs, so that a strange trace makes no circle.
        const DEPTH_MAX: usize = 8;
        let mut at = Some(index);
        for _ in 0..DEPTH_MAX {
            let here = at?;
            if self.secrets.contains_key(&here) {
                return Some(here);
            }
            at = history.parent(here);
        }
        None
    }

    fn read_assignments(&mut self, history: &History<'t>) {
        for push in history.wire.requests().iter().filter(|request| request.class == Class::Push) {
            let Some(&arrived) = push.arrived.first() else { continue };
            for (position, mutation) in push.mutations.iter().enumerate() {
                let Some(secret) = mutation.record.and_then(|record| self.secrets.get_mut(&record)) else {
                    continue;
                };
                // What lost in a conflict stands nowhere; who decides for it writes it once more.
                let lost = |field: &str| {
                    let opened = push.answers.iter().flat_map(|answer| &answer.content.opened);
                    opened.into_iter().any(|(of, open)| *of == position && open.field == field)
                };
                let applied = |field: &str, outcome: &Outcome| match outcome {
                    Outcome::Done { refused } => !refused.contains_key(field) && !lost(field),
                    Outcome::Rejected(_) | Outcome::Open => false,
                };
                let done = |field: &str| {
                    push.outcomes(position).find(|(_, outcome)| applied(field, outcome)).map(|(at, _)| at)
                };
                let hides = mutation.fields.get(PRIVATE).and_then(|op| op.value());
                if hides == Some(&Value::text(YES)) {
                    let done = done(PRIVATE);
                    secret.since = secret.since.into_iter().chain(done).min();
                }
                let Some(to) = mutation.fields.get(ASSIGNEE).and_then(|op| op.value()) else { continue };
                // What a server forgot it need not know any more.
                let damages = history.hosts.damages(super::SERVER);
                let kept = |done: &usize| damages.iter().all(|damage| damage.at < *done);
                let done = done(ASSIGNEE).filter(kept);
                let last = push.outcomes(position).last().map(|(at, _)| at);
                let over = last.filter(|_| push.outcomes(position).count() >= push.arrived.len());
                let refused = over.is_some() && done.is_none();
                if !refused {
                    let (to, stamp) = (to.clone(), mutation.stamp.clone());
                    secret.assignments.push(Assignment { to, stamp, arrived, done, over });
                }
            }
        }
        // What was made private from the beginning was never anything else, unless the server
        // refused just that.
        for (&index, secret) in &mut self.secrets {
            let record = &history.records[index];
            let born_so = record.fields.get(PRIVATE).is_some_and(|field| {
                record.effects_on(field).any(|(_, write)| {
                    Some(write.action) == record.creator && write.op.values().contains(&&Value::text(YES))
                })
            });
            let refused = history.wire.requests().iter().any(|push| {
                push.mutations.iter().enumerate().any(|(position, mutation)| {
                    mutation.record == Some(index)
                        && mutation.kind == Kind::Create
                        && push.outcomes(position).any(|(_, outcome)| {
                            matches!(outcome, Outcome::Done { refused } if refused.contains_key(PRIVATE))
                        })
                })
            });
            if born_so && !refused {
                secret.since = Some(0);
            }
        }
    }

    /// Everybody whom the trace names.
    pub(crate) fn users(&self) -> impl Iterator<Item = &'t str> {
        self.users.iter().copied()
    }

    /// The roles that a user may have in a workspace at some moment of a span, ends included.
    fn roles(&self, workspace: &str, user: &str, from: usize, to: usize) -> Roles {
        let Some(spans) = self.roles.get(&(workspace, user)) else { return Roles::from([None]) };
        let first = spans.partition_point(|(at, _)| *at <= from).saturating_sub(1);
        let during = spans[first..].iter().take_while(|(at, _)| *at <= to);
        during.flat_map(|(_, roles)| roles).copied().collect()
    }

    /// Whether a user is surely a member of a workspace at every moment of a span.
    pub(crate) fn is_member(&self, user: &str, workspace: &str, from: usize, to: usize) -> bool {
        self.roles(workspace, user, from, to).iter().all(Option::is_some)
    }

    /// Whether a user may be entitled to see a record at some moment of a span, ends included.
    pub(crate) fn may_see(&self, user: &str, record: usize, from: usize, to: usize) -> bool {
        let Some(row) = self.rows.get(record) else { return true };
        let Some(workspace) = row.workspace else { return true };
        let roles = self.roles(workspace, user, from, to);
        let hidden = row.secret.and_then(|secret| self.secrets.get(&secret));
        let hidden = hidden.filter(|secret| secret.since.is_some_and(|since| since <= from));
        match hidden {
            _ if roles.iter().all(Option::is_none) => false,
            None => true,
            Some(secret) => {
                roles.contains(&Some(Role::Admin))
                    || self.owners(secret, from, to).contains(&Some(&Value::text(user)))
            }
        }
    }

    /// Whether a user may be entitled to see a record at every moment, for all that anybody says.
    pub(crate) fn always_sees(&self, user: &str, record: usize) -> bool {
        let Some(row) = self.rows.get(record) else { return true };
        let spans = row.workspace.map(|workspace| self.roles.get(&(workspace, user)));
        let enters =
            |spans: &Vec<(usize, Roles)>| spans.iter().all(|(_, roles)| roles.iter().any(Option::is_some));
        row.secret.is_none() && spans.is_none_or(|spans| spans.is_some_and(enters))
    }

    /// What decides who may see a record: its workspace, and the private record that hides it.
    /// None where nobody knows.
    pub(crate) fn class(&self, record: usize) -> Option<(&'t str, Option<usize>)> {
        let row = self.rows.get(record)?;
        Some((row.workspace?, row.secret))
    }

    /// When what a user may do in the workspace of a record was last changed before `at`.
    pub(crate) fn last_change(&self, user: &str, record: usize, at: usize) -> Option<usize> {
        let spans = self.roles.get(&(self.rows.get(record)?.workspace?, user))?;
        let before = &spans[..spans.partition_point(|(since, _)| *since < at)];
        before.last().map(|(since, _)| *since).filter(|&since| since > 0)
    }

    /// Whether a user is surely entitled to see a record at every moment of a span.
    pub(crate) fn surely_sees(&self, user: &str, record: usize, from: usize, to: usize) -> bool {
        let Some(row) = self.rows.get(record) else { return false };
        let Some(workspace) = row.workspace else { return false };
        let roles = self.roles(workspace, user, from, to);
        let hidden = row.secret.and_then(|secret| self.secrets.get(&secret));
        roles.iter().all(Option::is_some)
            && hidden.is_none_or(|secret| {
                roles.iter().all(|role| *role == Some(Role::Admin))
                    || self.owners(secret, from, to) == BTreeSet::from([Some(&Value::text(user))])
            })
    }

    /// Whose a private record may be at some moment of a span.
    fn owners<'a>(&self, secret: &'a Secret, from: usize, to: usize) -> BTreeSet<Option<&'a Value>> {
        let done = || secret.assignments.iter().filter(|one| one.done.is_some_and(|done| done < from));
        let begun = secret.assignments.iter().filter(|one| one.arrived <= to);
        let stands = |one: &&Assignment| !done().any(|other| self.replaces(other, one));
        let owners = begun.filter(stands).map(|one| Some(&one.to));
        owners.chain(done().next().is_none().then_some(None)).collect()
    }

    /// Whether of two assignments one surely stands in the place of the other.
    fn replaces(&self, one: &Assignment, other: &Assignment) -> bool {
        match self.model {
            Model::B => match (&one.stamp, &other.stamp) {
                (Some(one), Some(other)) => one > other,
                _ => false,
            },
            Model::A => other.over.is_some_and(|over| over < one.arrived),
        }
    }
}

/// With this value a task is private.
const YES: &str = "yes";

/// Follows what becomes of a role: the roles that are possible after each step.
fn follow(roles: &mut Vec<(usize, Roles)>, steps: Vec<Stepped>) {
    let mut possible = roles.last().map(|(_, roles)| roles.clone()).unwrap_or_default();
    let mut lingering = Roles::new();
    // What has begun and not ended; whether something else went on meanwhile.
    let mut open: Vec<(Option<Role>, bool)> = Vec::new();
    for (at, step, role) in steps {
        match step {
            Step::Begins => {
                let crowded = !open.is_empty();
                open.iter_mut().for_each(|(_, crowded)| *crowded = true);
                open.push((role, crowded));
                possible.insert(role);
            }
            Step::Ends => {
                let begun = open.iter().position(|(begun, _)| *begun == role).map(|i| open.remove(i));
                if begun.is_none_or(|(_, crowded)| !crowded) {
                    possible.clone_from(&lingering);
                }
                possible.insert(role);
            }
            Step::Lingers => {
                open.retain(|(begun, _)| *begun != role);
                lingering.insert(role);
                possible.insert(role);
            }
        }
        roles.push((at, possible.clone()));
    }
}
