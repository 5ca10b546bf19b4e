//! The workspaces that this device keeps.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::app::App;
use crate::policy::Scope;
use crate::pull;
use crate::store::{Result, Tx};

impl App {
    fn scope(&self) -> Option<&Vec<String>> {
        self.start.scope.as_ref().filter(|_| self.policy.scope == Scope::Honoured)
    }

    /// Whether this device keeps a workspace.
    pub(crate) fn is_in_scope(&self, workspace: &str) -> bool {
        self.scope().is_none_or(|scope| scope.iter().any(|kept| kept == workspace))
    }
}

/// What a request for changes says of the scope: nothing where everything is kept.
pub(crate) fn query(app: &App) -> String {
    let Some(scope) = app.scope() else { return String::new() };
    let names = scope.iter().map(|name| encoded(name)).collect::<Vec<_>>();
    format!("&scope={}", names.join(","))
}

/// Everything is pulled anew where the scope was another before. What is not kept any more leaves
/// the database as soon as no work on it waits.
pub(crate) fn adopt(app: &App, tx: &mut Tx<'_>, is_new: bool) -> Result<()> {
    let present: Option<BTreeSet<String>> = app.start.scope.clone().map(|scope| scope.into_iter().collect());
    if tx.meta.scope != present {
        tx.meta.scope = present;
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
