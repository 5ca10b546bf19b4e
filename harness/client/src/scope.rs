//! What this device keeps: some workspaces, and some kinds of records.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::app::App;
use crate::policy::Scope;
use crate::pull;
use crate::store::{Result, Tx};

impl App {
    /// The lists that it keeps to, as a query calls them; one that is not there restricts nothing.
    fn scope(&self) -> impl Iterator<Item = (&'static str, &Vec<String>)> {
        let lists = [("scope", &self.start.scope), ("entities", &self.start.entities)];
        let honoured = self.policy.scope == Scope::Honoured;
        lists.into_iter().filter(move |_| honoured).filter_map(|(name, list)| Some((name, list.as_ref()?)))
    }

    /// Whether this device keeps records of an entity in a workspace.
    pub(crate) fn is_in_scope(&self, workspace: &str, entity: &str) -> bool {
        self.scope().all(|(list, kept)| {
            let name = if list == "scope" { workspace } else { entity };
            kept.iter().any(|kept| kept == name)
        })
    }
}

/// What a request for changes says of the scope: nothing where everything is kept.
pub(crate) fn query(app: &App) -> String {
    app.scope().fold(String::new(), |query, (list, kept)| {
        let names = kept.iter().map(|name| encoded(name)).collect::<Vec<_>>();
        format!("{query}&{list}={}", names.join(","))
    })
}

/// Everything is pulled anew where the scope was another before. What is not kept any more leaves
/// the database as soon as no work on it waits.
pub(crate) fn adopt(app: &App, tx: &mut Tx<'_>, is_new: bool) -> Result<()> {
    let set = |list: &Option<Vec<String>>| list.clone().map(BTreeSet::from_iter);
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
