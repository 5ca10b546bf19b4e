//! The words of the language, each list once, for parsing, checking and suggesting alike.

use deadzone_contract::wire::Role;
use deadzone_contract::{Badge, Rule};

use crate::limits::NAME_BYTES_MAX;

/// The host that every device talks to.
pub(crate) const SERVER: &str = "server";

/// What a declaration begins with.
pub(crate) const DECLARATIONS: &[&str] =
    &["scenario", "suite", "seed", "client", "defect", "digest", "violates", "set", "workspace", "device"];

/// What a step begins with, if not with the names of devices or hosts.
pub(crate) const STEPS: &[&str] = &["fault", "end", "heal", "settle", "expect", "wait"];

/// What users do on devices.
pub(crate) const USER_VERBS: &[&str] = &["create", "set", "add", "delete", "discard", "retry", "resolve"];

/// What happens to hosts.
pub(crate) const HOST_VERBS: &[&str] = &["sync", "offline", "online", "kill", "power", "restart"];

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
    "jump",
];

/// Kinds of requests.
pub(crate) const CLASSES: &[&str] = &["push", "pull", "sign-in", "request"];

/// The badges that can be expected.
pub(crate) const BADGES: &[(&str, Badge)] = &[
    ("synced", Badge::Synced),
    ("syncing", Badge::Syncing),
    ("offline", Badge::Offline),
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

/// How a script writes a role.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Editor => "editor",
        Role::Admin => "admin",
    }
}

/// What a rule lets users do to a field, as help for those who tried something else.
pub(crate) fn change_help(field: &str, rule: Rule) -> String {
    match rule {
        Rule::Lww | Rule::Version => {
            format!("`{field}` is replaced: {field}=word, or {field}=\"some words\"")
        }
        Rule::Set => format!("`{field}` is a set: {field}+=member adds to it, {field}-=member takes away"),
        Rule::Counter => format!("`{field}` is a counter: {field}+=3 adds to it, {field}-=3 subtracts"),
    }
}

/// What can be expected of a field, as help for those who tried something else.
pub(crate) fn claim_help(field: &str, rule: Rule) -> String {
    match rule {
        Rule::Lww | Rule::Version => {
            format!("`{field}` holds words: {field}=word, or {field}=\"some words\"")
        }
        Rule::Set => format!("`{field}` holds a set: {field}=[home, urgent], or {field}=[]"),
        Rule::Counter => format!("`{field}` holds a whole number: {field}=3"),
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
