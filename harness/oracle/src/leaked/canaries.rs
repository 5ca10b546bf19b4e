//! What tells that something has leaked: words that stand for one row and for nothing else.

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::AhoCorasick;
use deadzone_contract::{Action, Choice, Code, Value, rules};
use deadzone_trace::Event;

use crate::history::{ActionRun, History, Op};

/// A text of a user's that is shorter may stand somewhere by chance.
const TEXT_BYTES_MIN: usize = 6;

/// The words of this contract, of that length, that no user can be told by.
const VOCABULARY: &[&str] = &[
    "access_token",
    "applied",
    "changes",
    "closes",
    "conflict",
    "conflicts",
    "counter",
    "create",
    "deferred",
    "delete",
    "deleted",
    "detail",
    "device",
    "editor",
    "entity",
    "expires_in_ms",
    "fields",
    "included",
    "members",
    "mutations",
    "number",
    "outcome",
    "parent",
    "password",
    "record",
    "refresh",
    "refresh_token",
    "rejected",
    "removed",
    "results",
    "schema_version",
    "server_time_ms",
    "status",
    "theirs",
    "tombstone",
    "update",
    "version",
    "viewer",
    "workspace",
];

/// Every canary of a run.
pub(super) struct Canaries<'t> {
    pub(super) all: Vec<Canary<'t>>,
    by_word: BTreeMap<&'t str, usize>,
    /// Finds those that not everybody may see at every moment; none where there are none.
    finder: Option<AhoCorasick>,
    /// By the number of its pattern.
    patterns: Vec<usize>,
}

/// A word that stands for one row, or for one session.
pub(super) struct Canary<'t> {
    pub(super) word: &'t str,
    pub(super) kind: Kind,
    /// The records that it stands in; one for an identity, none for a token.
    pub(super) records: Vec<usize>,
    /// Whose own word it is.
    pub(super) authors: BTreeSet<&'t str>,
    /// When it came to be.
    pub(super) since: usize,
}

/// What a canary is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The identity of a record.
    Id,
    /// What somebody wrote, and what no prose has in it by chance.
    Phrase,
    /// What somebody wrote, and what prose may have in it.
    Word,
    /// An access or a refresh token.
    Token,
}

impl Kind {
    /// The word that violations use.
    pub(super) fn effect(self) -> &'static str {
        match self {
            Kind::Id => "record",
            Kind::Phrase | Kind::Word => "value",
            Kind::Token => "token",
        }
    }
}

impl<'t> Canaries<'t> {
    pub(super) fn collect(history: &'t History<'t>) -> Canaries<'t> {
        let mut devices = history.header.devices.keys();
        let signs_out = devices.any(|device| history.users.sign_outs(device).next().is_some());
        let users: Vec<&str> = history.rights.users().collect();
        let hidden = |record: usize| !users.iter().all(|user| history.rights.always_sees(user, record));
        let any_hidden = signs_out || (0..history.records.len()).any(hidden);
        let happened = |what: fn(&Event) -> bool| history.entries.iter().any(|entry| what(&entry.event));
        let mut all: Vec<Canary<'t>> = Vec::new();
        if any_hidden || happened(|event| matches!(event, Event::DiskRead { .. })) {
            all.extend(ids(history));
            all.extend(texts(history));
        }
        let mut patterns: Vec<usize> =
            (0..all.len()).filter(|&i| signs_out || hidden(all[i].records[0])).collect();
        let rows = all.len();
        all.extend(tokens(history));
        // Where nothing is hidden, only a cache can mistake one user for another.
        let is_cached = |event: &Event| matches!(event, Event::Delivered { replaced: Some(_), .. });
        if users.len() > 1 && (any_hidden || happened(is_cached)) {
            patterns.extend(rows..all.len());
        }
        let words = patterns.iter().map(|&i| escaped(all[i].word));
        let finder = (!patterns.is_empty()).then(|| AhoCorasick::new(words).ok()).flatten();
        let by_word = all.iter().enumerate().map(|(i, canary)| (canary.word, i)).collect();
        Canaries { all, by_word, finder, patterns }
    }

    /// Whether everybody may see everything, nobody signs out, and nothing is cached.
    pub(super) fn is_idle(&self) -> bool {
        self.finder.is_none()
    }

    /// The canary that a word is.
    pub(super) fn of(&self, word: &str) -> Option<&Canary<'t>> {
        self.by_word.get(word).map(|&i| &self.all[i])
    }

    /// The canaries that stand in a text, each once; `prose`: the text is for people.
    pub(super) fn in_text(&self, text: &str, prose: bool) -> Vec<&Canary<'t>> {
        let Some(finder) = &self.finder else { return Vec::new() };
        let bytes = text.as_bytes();
        let mut found = BTreeSet::new();
        for hit in finder.find_overlapping_iter(text) {
            let i = self.patterns[hit.pattern().as_usize()];
            let before = hit.start().checked_sub(1).and_then(|at| bytes.get(at));
            let after = bytes.get(hit.end());
            let whole = match self.all[i].kind {
                // A word is one where it is all of a string.
                Kind::Word => !prose && before == Some(&b'"') && after == Some(&b'"'),
                Kind::Id | Kind::Phrase | Kind::Token => {
                    !before.is_some_and(u8::is_ascii_alphanumeric)
                        && !after.is_some_and(u8::is_ascii_alphanumeric)
                }
            };
            if whole {
                found.insert(i);
            }
        }
        found.into_iter().map(|i| &self.all[i]).collect()
    }

    /// Whether another word that users wrote has this one in it.
    pub(super) fn is_part_of_another(&self, word: &str) -> bool {
        self.all.iter().any(|other| other.word != word && other.word.contains(word))
    }
}

/// The identities of records.
fn ids<'t>(history: &'t History<'t>) -> impl Iterator<Item = Canary<'t>> {
    let records = history.records.iter().enumerate();
    let known =
        records.filter(|(index, record)| history.rights.class(*index).is_some() && !record.id.0.is_empty());
    known.map(|(index, record)| {
        let creator = record.creator.map(|creator| doers(history, &history.actions[creator]));
        Canary {
            word: &record.id.0,
            kind: Kind::Id,
            records: vec![index],
            authors: creator.unwrap_or_default(),
            since: record.timeline.first().map_or(0, |&(at, _)| at),
        }
    })
}

/// As JSON has it between its quotes.
fn escaped(word: &str) -> String {
    let quoted = serde_json::to_string(word).expect("words are JSON");
    quoted[1..quoted.len() - 1].to_owned()
}

/// What users wrote, where it was written in rows of one visibility only.
fn texts<'t>(history: &History<'t>) -> Vec<Canary<'t>> {
    let mut texts: BTreeMap<&'t str, Canary<'t>> = BTreeMap::new();
    let mut common: BTreeSet<&'t str> = names(history);
    for (index, record) in history.records.iter().enumerate() {
        for effect in &record.effects {
            let run = history.action_of(effect);
            for text in written(&effect.op).filter(|text| text.len() >= TEXT_BYTES_MIN) {
                let class = history.rights.class(index);
                let canary = texts.entry(text).or_insert_with(|| Canary {
                    word: text,
                    kind: kind_of(text),
                    records: Vec::new(),
                    authors: BTreeSet::new(),
                    since: run.begun,
                });
                if is_authors_own(run.act) {
                    canary.authors.extend(doers(history, run));
                }
                canary.since = canary.since.min(run.begun);
                let others = canary.records.last().map(|&other| history.rights.class(other));
                if class.is_none() || others.is_some_and(|other| other != class) {
                    common.insert(text);
                }
                if canary.records.last() != Some(&index) {
                    canary.records.push(index);
                }
            }
        }
    }
    texts.retain(|text, _| !common.contains(text) && !is_vocabulary(text));
    texts.into_values().collect()
}

fn written<'a, 't>(op: &'a Op<'t>) -> impl Iterator<Item = &'t str> + use<'a, 't> {
    let values = match op {
        Op::Put(values) | Op::Resolve(values) if values.len() == 1 => values.as_slice(),
        _ => &[],
    };
    let texts = values.iter().filter_map(|value| match value {
        Value::Text(text) => Some(text.as_str()),
        _ => None,
    });
    let member = match op {
        // Who takes a word away has said it as well, whether it was there or not.
        Op::Insert(member) | Op::Remove(member) => Some(*member),
        _ => None,
    };
    texts.chain(member)
}

/// Who may have done what was done on a device: a sign-in that a crash cut short leaves it open whose
/// the device is.
fn doers<'t>(history: &History<'t>, run: &ActionRun<'t>) -> BTreeSet<&'t str> {
    let users: BTreeSet<&str> = history.users.at(run.device, run.begun).into_iter().flatten().collect();
    if users.is_empty() { BTreeSet::from([run.user]) } else { users }
}

/// Whether what an action writes are its user's own words. Undos, copies and decisions for one side
/// write what somebody wrote before.
fn is_authors_own(act: &Action) -> bool {
    match act {
        Action::Create { .. } | Action::Edit { .. } => true,
        Action::Resolve { choice, .. } => matches!(choice, Choice::Merge(_)),
        _ => false,
    }
}

fn kind_of(text: &str) -> Kind {
    let tells = |c: char| c == ' ' || c.is_ascii_digit() || !c.is_ascii();
    if text.contains(tells) { Kind::Phrase } else { Kind::Word }
}

/// What everybody is called.
fn names<'t>(history: &History<'t>) -> BTreeSet<&'t str> {
    let header = history.header;
    let grants = header.grants.iter().flat_map(|(workspace, user, _)| [workspace.as_str(), user.as_str()]);
    let devices = header.devices.iter().flat_map(|(device, user)| [device.as_str(), user.as_str()]);
    grants.chain(devices).chain(history.rights.users()).collect()
}

fn is_vocabulary(text: &str) -> bool {
    let declared = rules::ENTITIES.iter().any(|entity| {
        entity.name == text
            || entity.fields.iter().any(|field| field.name == text || field.name_before == Some(text))
    });
    declared || VOCABULARY.contains(&text) || Code::named(text).is_some()
}

/// The tokens that the server handed out, each with the users that it may have been meant for.
fn tokens<'t>(history: &'t History<'t>) -> Vec<Canary<'t>> {
    let mut tokens = Vec::new();
    for request in history.wire.requests() {
        for answer in &request.answers {
            for token in &answer.content.tokens {
                let users = history.users.at(request.device, request.sent).into_iter().flatten();
                tokens.push(Canary {
                    word: token,
                    kind: Kind::Token,
                    records: Vec::new(),
                    authors: users.collect(),
                    since: answer.at,
                });
            }
        }
    }
    tokens
}
