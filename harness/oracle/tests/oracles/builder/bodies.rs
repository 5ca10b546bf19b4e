//! Bodies of requests and answers in few words.

use std::collections::BTreeMap;

use deadzone_contract::{Rule, Value, rules};
use serde_json::{Value as Json, json};

use super::words::{id, value};

/// A page of a pull: `task/1@3 title=Milk tags=[home]` for a record in version 3, and
/// `-task/1@4` for its end.
pub(crate) fn page(changes: &[&str], more: bool) -> String {
    let change = |words: &&str| {
        let (record, fields) = words.split_once(' ').unwrap_or((words, ""));
        let (name, version) = record.split_once('@').expect("a version");
        let version: u64 = version.parse().expect("a version is a number");
        match name.strip_prefix('-') {
            Some(name) => json!({ "tombstone": { "record": id(name), "version": version } }),
            None => json!({ "record": {
                "record": id(name), "version": version, "fields": server_fields(fields),
            } }),
        }
    };
    let changes: Vec<Json> = changes.iter().map(change).collect();
    json!({ "changes": changes, "next": 9, "more": more }).to_string()
}

fn server_fields(words: &str) -> Json {
    let field = |words: &str| {
        let (name, words) = words.split_once('=').expect("a field has a value");
        let value = value(words);
        let held = match (rules::rule("task", name).expect("a field of a task"), &value) {
            (Rule::Counter, value) => json!({ "counter": { "total": value } }),
            (Rule::Set, Value::Set(members)) => {
                let members: BTreeMap<_, _> = members.iter().map(|member| (member, ["x:1:y"])).collect();
                json!({ "set": { "members": members } })
            }
            (Rule::Version | Rule::Manual | Rule::Custom, value) => {
                json!({ "version": { "value": value, "version": 1 } })
            }
            (Rule::Immutable, value) => json!({ "fixed": { "value": value } }),
            (_, value) => json!({ "lww": { "value": value, "stamp": { "ms": 1, "n": 0, "device": "x" } } }),
        };
        (name.to_owned(), held)
    };
    Json::Object(words.split_whitespace().map(field).collect())
}

/// What a push carries of a record: `title=Milk@7`, `tags+=home`, `tags-=home`, `n+=3`, `create`,
/// `delete`, or nothing in particular.
pub(super) fn mutation(device: &str, name: &str, write: &str) -> Json {
    let op = |field: &str, op: Json| json!({ "record": id(name), "kind": "update", "fields": { field: op } });
    if write.is_empty() {
        return json!({ "record": id(name) });
    }
    if let "create" | "delete" = write {
        return json!({ "record": id(name), "kind": { write: {} } });
    }
    if let Some((field, member)) = write.split_once("+=") {
        return match member.parse::<i64>() {
            Ok(by) => op(field, json!({ "add": { "by": by } })),
            Err(_) => op(field, json!({ "tags": { "add": [member] } })),
        };
    }
    if let Some((field, member)) = write.split_once("-=") {
        return op(field, json!({ "tags": { "remove": { member: ["x:1:y"] } } }));
    }
    let (field, rest) = write.split_once('=').expect("a write has a value");
    let (words, ms) = rest.split_once('@').expect("a write has a stamp");
    let ms: u64 = ms.parse().expect("a stamp is a number");
    let mut mutation = op(field, json!({ "put": { "value": value(words) } }));
    mutation["stamp"] = json!({ "ms": ms, "n": 0, "device": device });
    mutation
}
