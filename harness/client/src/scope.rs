//! What this device keeps: some workspaces, and some kinds of records.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::app::App;
use crate::policy::Scope;
use crate::pull;
use crate::store::{Result, Tx};

/// A list of names that a device keeps to; none: everything.
type List = Option<Vec<String>>;

impl App {
    /// A list as far as this device keeps to it.
    fn honoured<'a>(&self, list: &'a List) -> Option<&'a Vec<String>> {
        list.as_ref().filter(|_| self.policy.scope == Scope::Honoured)
    }

    /// Whether this device keeps records of an entity in a workspace.
    pub(crate) fn is_in_scope(&self, workspace: &str, entity: &str) -> bool {
        let keeps = |list, name| self.honoured(list).is_none_or(|kept| kept.iter().any(|kept| kept == name));
        keeps(&self.start.scope, workspace) && keeps(&self.start.entities, entity)
    }
}

/// What a request for changes says of the scope: nothing where everything is kept.
pub(crate) fn query(app: &App) -> String {
    let says = |name: &str, list: &List| {
        let kept = app.honoured(list)?.iter().map(|name| encoded(name)).collect::<Vec<_>>();
        Some(format!("&{name}={}", kept.join(",")))
    };
    let parts = [says("scope", &app.start.scope), says("entities", &app.start.entities)];
    parts.into_iter().flatten().collect()
}

/// Everything is pulled anew where the scope was another before. What is not kept any more leaves
/// the database as soon as no work on it waits.
pub(crate) fn adopt(app: &App, tx: &mut Tx<'_>, is_new: bool) -> Result<()> {
    let set = |list: &List| list.clone().map(BTreeSet::from_iter);
    let present = (set(&app.start.scope), set(&app.start.entities));
    if (&tx.meta.scope, &tx.meta.entities) != (&present.0, &present.1) {
        (tx.meta.scope, tx.meta.entities) = present;
        if !is_new {
            pull::pull_anew(app, tx)?;
        }
    }
    Ok(())
}

/// A name as it may stand in a query.
fn encoded(name: &str) -> String {
    name.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => write!(encoded, "%{byte:02X}").expect("a string takes everything"),
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn no_name_breaks_out_of_its_place() {
        for (name, expected) in
            [("home-2_x", "home-2_x"), ("a,b&c=d", "a%2Cb%26c%3Dd"), ("büro", "b%C3%BCro")]
        {
            assert_eq!(encoded(name), expected);
        }
    }
}
