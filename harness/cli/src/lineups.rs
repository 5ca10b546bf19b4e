//! Who can stand in a world.

use std::collections::BTreeMap;
use std::sync::Arc;

use deadzone_client::ReferenceClient;
use deadzone_client_tiny::TinyClient;
use deadzone_contract::{Client, Model, Server};
use deadzone_script::Named;
use deadzone_server::ReferenceServer;
use deadzone_world::Lineup;

use crate::defects::{self, DEFECTS, Defect, Side};
use crate::suggest;

/// The client that runs where nobody names one.
pub(crate) const DEFAULT: &str = "reference";
/// What `--defect` says for "without one".
pub(crate) const NO_DEFECT: &str = "none";

/// Why nobody of these names can stand in a world.
#[derive(Clone, Debug)]
pub(crate) struct Unfit {
    /// The names that do not fit, that which is wrong first.
    pub(crate) blamed: &'static [Named],
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Unfit {
    /// In one sentence.
    pub(crate) fn text(&self) -> String {
        let help = self.help.as_ref().map_or_else(String::new, |help| format!("; {help}"));
        format!("{}{help}", self.message)
    }
}

/// Who can stand in a world, by the name that `--client` gives it: a client, and the server that
/// it talks to.
#[derive(Clone)]
pub struct Lineups(BTreeMap<String, Entry>);

#[derive(Clone, Default)]
struct Entry {
    /// None: the reference client, in which mistakes can be planted.
    client: Option<Arc<dyn Client>>,
    /// None: the reference server, in which mistakes can be planted.
    server: Option<Arc<dyn Server>>,
}

impl Default for Lineups {
    fn default() -> Lineups {
        Lineups::new()
    }
}

impl Lineups {
    /// The clients that come with the harness, `reference` and `tiny`, both against the
    /// reference server.
    pub fn new() -> Lineups {
        let reference = (DEFAULT.to_owned(), Entry::default());
        Lineups([reference].into()).client(TinyClient)
    }

    /// Adds a client, under its own name, against the reference server. The last one of a name
    /// counts.
    #[must_use]
    pub fn client(mut self, client: impl Client + 'static) -> Lineups {
        let name = client.name().to_owned();
        self.0.insert(name, Entry { client: Some(Arc::new(client)), server: None });
        self
    }

    /// Adds a server under a name of its own, with the reference client against it. The last one
    /// of a name counts.
    #[must_use]
    pub fn server(mut self, name: &str, server: impl Server + 'static) -> Lineups {
        self.0.insert(name.to_owned(), Entry { client: None, server: Some(Arc::new(server)) });
        self
    }

    /// Adds a client and the server that it talks to, under a name of their own. The last one of
    /// a name counts.
    #[must_use]
    pub fn pair(
        mut self,
        name: &str,
        client: impl Client + 'static,
        server: impl Server + 'static,
    ) -> Lineups {
        let entry = Entry { client: Some(Arc::new(client)), server: Some(Arc::new(server)) };
        self.0.insert(name.to_owned(), entry);
        self
    }

    /// The lineup of these names.
    pub(crate) fn find(&self, client: &str, defect: Option<&str>, model: Model) -> Result<Lineup, Unfit> {
        let entry = self.0.get(client).ok_or_else(|| Unfit {
            blamed: &[Named::Client],
            message: format!("there is no client `{client}`"),
            help: suggest::nearest(client, self.0.keys().map(String::as_str)),
        })?;
        let defect = defect.map(find_defect).transpose()?;
        if let Some(defect) = defect {
            let own = match defect.side() {
                Side::Client => entry.client.is_some(),
                Side::Server => entry.server.is_some(),
                Side::Both => entry.client.is_some() || entry.server.is_some(),
            };
            if own {
                let (name, side) = (defect.name, defect.side());
                return Err(Unfit {
                    blamed: &[Named::Defect, Named::Client],
                    message: format!(
                        "`{name}` is a mistake of the reference {side}, which does not run with client `{client}`"
                    ),
                    help: None,
                });
            }
        }
        Ok(entry.lineup(defect, model))
    }
}

impl Entry {
    fn lineup(&self, defect: Option<&Defect>, model: Model) -> Lineup {
        let client = self.client.clone();
        let server = self.server.clone();
        let lived = defect.map_or(model, |defect| defect.model(model));
        Lineup {
            client: client.unwrap_or_else(|| {
                let policy = defect.map(Defect::client_policy).unwrap_or_default();
                Arc::new(ReferenceClient::new(policy).in_model(lived))
            }),
            server: server.unwrap_or_else(|| {
                let policy = defect.map(Defect::server_policy).unwrap_or_default();
                Arc::new(ReferenceServer::new(policy).in_model(lived))
            }),
            model,
            defect: defect.map(|defect| defect.name.to_owned()),
        }
    }
}

pub(crate) fn find_defect(name: &str) -> Result<&'static Defect, Unfit> {
    defects::find(name).ok_or_else(|| Unfit {
        blamed: &[Named::Defect],
        message: format!("there is no defect `{name}`"),
        help: Some(suggest::or_listed(name, DEFECTS.iter().map(|defect| defect.name), "defects")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_is_planted_only_where_its_side_is_the_reference() {
        let lineups = Lineups::new().server("mine", ReferenceServer::default());
        let error =
            |client, defect| lineups.find(client, Some(defect), Model::B).err().map(|unfit| unfit.text());
        assert_eq!(error("reference", "no-idempotency-number"), None);
        assert_eq!(error("tiny", "base-version-ignored"), None);
        assert_eq!(error("mine", "no-idempotency-number"), None);
        for (client, defect) in [("tiny", "no-idempotency-number"), ("mine", "base-version-ignored")] {
            let text = error(client, defect).expect("it cannot be planted");
            assert!(text.contains("is a mistake of the reference"), "{text}");
        }
    }

    #[test]
    fn the_last_client_of_a_name_counts() {
        let lineups = Lineups::new().client(ReferenceClient::default());
        let planted = lineups.find("reference", Some("no-idempotency-number"), Model::B);
        assert!(planted.is_err(), "the stranger's client of that name has no switches");
    }
}
