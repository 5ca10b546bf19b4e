//! The words of the language, each list once, for parsing, checking and suggesting alike.

use deadzone_contract::wire::Role;
use deadzone_contract::{Badge, Rule};

use crate::limits::NAME_BYTES_MAX;
use crate::{DiskOperation, Survivors};

/// The host that every device talks to.
pub(crate) const SERVER: &str = "server";

/// What a declaration begins with.
pub(crate) const DECLARATIONS: &[&str] = &[
    "scenario",
    "suite",
    "seed",
    "client",
    "model",
    "defect",
    "digest",
    "violates",
    "reaches",
    "set",
    "workspace",
    "device",
];

/// What a step begins with, if not with the names of devices or hosts.
pub(crate) const STEPS: &[&str] = &["fault", "end", "heal", "settle", "expect", "wait", "grant", "revoke"];

/// What users do on devices.
pub(crate) const USER_VERBS: &[&str] = &[
    "create", "set", "add", "delete", "discard", "retry", "resolve", "undo", "repair", "make", "remove",
    "sign",
];

/// What happens to hosts.
pub(crate) const HOST_VERBS: &[&str] = &[
    "sync", "offline", "online", "kill", "power", "restart", "suspend", "resume", "second", "backup",
    "restore", "wipe", "clone", "upgrade", "require",
];

/// What a power loss leaves.
pub(crate) const SURVIVORS: &[(&str, Survivors)] = &[
    ("lose-all", Survivors::LoseAll),
    ("keep-all", Survivors::KeepAll),
    ("torn-prefix", Survivors::TornPrefix),
    ("subset", Survivors::Subset(0)),
];

/// Operations of a disk that can be made to fail.
pub(crate) const DISK_OPERATIONS: &[(&str, DiskOperation)] =
    &[("read", DiskOperation::Read), ("write", DiskOperation::Write), ("sync", DiskOperation::Sync)];

/// The word of a value in a list of both.
pub(crate) fn word_of<T: PartialEq>(list: &[(&'static str, T)], value: &T) -> &'static str {
    let found = list.iter().find(|(_, listed)| listed == value);
    found.map(|(word, _)| *word).expect("every value of the language has a word")
}

/// The words of a list.
pub(crate) fn words_in<T>(list: &[(&'static str, T)]) -> Vec<&'static str> {
    list.iter().map(|(word, _)| *word).collect()
}

/// What a fault begins with.
pub(crate) const FAULTS: &[&str] = &[
    "lose",
    "delay",
    "deliver",
    "execute",
    "answer",
    "partition",
    "cut",
    "loss",
    "latency",
    "bandwidth",
    "reset",
    "close",
    "kill",
    "power",
    "fill",
    "fail",
    "lie",
    "flip",
    "cache",
    "jump",
];

/// What the operator's alert does.
pub(crate) const FIRING: &str = "firing";
pub(crate) const SILENT: &str = "silent";

/// Kinds of requests.
pub(crate) const CLASSES: &[&str] = &["push", "pull", "sign-in", "hint", "request"];

/// The badges that can be expected.
pub(crate) const BADGES: &[(&str, Badge)] = &[
    ("synced", Badge::Synced),
    ("syncing", Badge::Syncing),
    ("offline", Badge::Offline),
    ("stale", Badge::Stale),
    ("error", Badge::Error),
];

/// The roles of members.
pub(crate) const ROLES: &[(&str, Role)] =
    &[("viewer", Role::Viewer), ("editor", Role::Editor), ("admin", Role::Admin)];

/// Words that neither a device nor a label may take: they mean something at the head of a step,
/// or name a host of the trace.
pub(crate) fn is_reserved(word: &str) -> bool {
    [DECLARATIONS, STEPS, USER_VERBS, HOST_VERBS].iter().any(|list| list.contains(&word))
        || [SERVER, "world", "at", "everywhere"].contains(&word)
}

/// Whether these can stand in a script as one word: a letter, then letters, digits, `-` and `_`.
pub(crate) fn is_word(words: &str) -> bool {
    words.len() <= NAME_BYTES_MAX && deadzone_contract::value::is_word(words)
}

/// What a rule lets users do to a field, as help for those who tried something else.
pub(crate) fn change_help(field: &str, rule: Rule) -> String {
    match rule {
        Rule::Set => format!("`{field}` is a set: {field}+=member adds to it, {field}-=member takes away"),
        Rule::Counter => format!("`{field}` is a counter: {field}+=3 adds to it, {field}-=3 subtracts"),
        _ => format!("`{field}` is replaced: {field}=word, or {field}=\"some words\""),
    }
}

/// What can be expected of a field, as help for those who tried something else.
pub(crate) fn claim_help(field: &str, rule: Rule) -> String {
    match rule {
        Rule::Set => format!("`{field}` holds a set: {field}=[home, urgent], or {field}=[]"),
        Rule::Counter => format!("`{field}` holds a whole number: {field}=3"),
        _ => format!("`{field}` holds words: {field}=word, or {field}=\"some words\""),
    }
}

/// `a`, `b` or `c`.
pub(crate) fn either(words: &[&str]) -> String {
    match words {
        [] => String::from("nothing"),
        [word] => format!("`{word}`"),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(|word| format!("`{word}`")).collect();
            format!("{} or `{last}`", first.join(", "))
        }
    }
}
