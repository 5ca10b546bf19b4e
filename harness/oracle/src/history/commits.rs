//! Which effects an answer of the server called done, whether it arrived or not.
//!
//! Asked only of devices whose disk forgot something: what the server has is not lost with it.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::RecordId;
use deadzone_trace::Event;
use serde_json::{Map, Value as Json};

use super::wire::Request;
use super::{Effect, History, Op};

/// What a device, and the copies of it, sent of its work.
pub(super) struct Commits {
    by_record: BTreeMap<usize, Vec<Carried>>,
}

/// One mutation in one push.
struct Carried {
    /// When it left the device itself; none: a copy of it sent it.
    own: Option<usize>,
    /// When a mutation of this number first left its device.
    first_sent: usize,
    kind: Json,
    fields: Map<String, Json>,
    /// When the server called it done, and what it refused of it all the same.
    done: Option<(usize, BTreeSet<String>)>,
}

impl Commits {
    /// Reads everything that a device and its copies pushed.
    pub(super) fn of(history: &History<'_>, device: &str) -> Commits {
        let mut commits = Commits { by_record: BTreeMap::new() };
        let mut first_sent: BTreeMap<(&str, usize, u64), usize> = BTreeMap::new();
        let copies: BTreeMap<&str, usize> = history.hosts.copies_of(device).collect();
        let of_its_work = |push: &&Request<'_>| {
            push.device == device || copies.get(push.device).is_some_and(|&copied| copied < push.sent)
        };
        for push in history.wire.requests().iter().filter(of_its_work) {
            let Event::Sent { body, .. } = &history.entries[push.sent].event else { continue };
            let Some(Json::Array(mutations)) = member(body, "mutations") else { continue };
            let results = push.answered.iter().filter_map(|&at| match &history.entries[at].event {
                Event::Answered { body, .. } => Some((at, member(body, "results")?)),
                _ => None,
            });
            let results: Vec<(usize, Json)> = results.collect();
            for (i, mutation) in mutations.into_iter().enumerate() {
                let Some(record) = record_of(&mutation).and_then(|id| history.record(&id)) else { continue };
                let first = match mutation.get("number").and_then(Json::as_u64) {
                    Some(number) => *first_sent.entry((push.device, record, number)).or_insert(push.sent),
                    None => push.sent,
                };
                let fields = mutation.get("fields").and_then(Json::as_object).cloned().unwrap_or_default();
                let kind = mutation.get("kind").cloned().unwrap_or_default();
                let done = results.iter().find_map(|(at, results)| Some((*at, refused_of(results.get(i)?)?)));
                let own = (push.device == device).then_some(push.sent);
                let carried = Carried { own, first_sent: first, kind, fields, done };
                commits.by_record.entry(record).or_default().push(carried);
            }
        }
        commits
    }

    /// When the server first called an effect done that its device's disk forgot at `forgot`: what
    /// the device sent afterwards is other work, however much it looks like it.
    pub(super) fn done(
        &self,
        history: &History<'_>,
        record: usize,
        effect: &Effect<'_>,
        forgot: usize,
    ) -> Option<usize> {
        let begun = history.action_of(effect).begun;
        let carried = self.by_record.get(&record).into_iter().flatten();
        let carried = carried.filter(|carried| {
            carried.own.is_none_or(|sent| sent < forgot) && carried.first_sent > begun && carried.is(effect)
        });
        let done = carried.filter_map(|carried| carried.done.as_ref());
        done.filter(|(_, refused)| effect.field.is_none_or(|field| !refused.contains(field)))
            .map(|(at, _)| *at)
            .min()
    }
}

impl Carried {
    /// Whether it does what an effect does.
    fn is(&self, effect: &Effect<'_>) -> bool {
        let op = effect.field.and_then(|field| self.fields.get(field));
        let put = || op.and_then(|op| op.get("put").or_else(|| op.get("write"))?.get("value"));
        let tags = |which: &str| op.and_then(|op| op.get("tags")?.get(which));
        match &effect.op {
            Op::Create => self.kind.get("create").is_some(),
            Op::Delete => self.kind.get("delete").is_some(),
            Op::Put(values) | Op::Resolve(values) => {
                put().is_some_and(|put| values.iter().any(|value| is(put, value)))
            }
            Op::UseTheirs(_) => op.is_some(),
            Op::Add(by) => {
                let added = op.and_then(|op| op.get("add")?.get("by"));
                added.or_else(put).and_then(Json::as_i64) == Some(*by)
            }
            Op::Insert(name) => {
                let added = tags("add").and_then(Json::as_array);
                added.is_some_and(|added| added.iter().any(|added| added.as_str() == Some(name)))
            }
            Op::Remove(name) => tags("remove").and_then(|removed| removed.get(name)).is_some(),
        }
    }
}

fn is(json: &Json, value: &deadzone_contract::Value) -> bool {
    serde_json::from_value::<deadzone_contract::Value>(json.clone()).is_ok_and(|read| read == *value)
}

/// The fields that a result refuses although it calls its mutation done; none where it does not.
fn refused_of(result: &Json) -> Option<BTreeSet<String>> {
    let done = result.get("outcome")?.get("done")?;
    let fields = done.get("fields").and_then(Json::as_object).into_iter().flatten();
    let refused = fields.filter(|(_, result)| result.get("rejected").is_some());
    Some(refused.map(|(field, _)| field.clone()).collect())
}

fn member(body: &str, name: &str) -> Option<Json> {
    serde_json::from_str::<Json>(body).ok()?.get_mut(name).map(Json::take)
}

fn record_of(mutation: &Json) -> Option<RecordId> {
    Some(RecordId(mutation.get("record")?.as_str()?.to_owned()))
}
