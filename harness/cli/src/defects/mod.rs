//! The mistakes that can be planted, each with the oracles that have to catch it.
//!
//! A defect is one wrong decision of the reference client or server: a policy with one field set
//! wrong. Each says beforehand which oracles may catch it, two at most, so that catching it is
//! a test of those oracles.

mod client;
mod server;

use std::fmt;

use deadzone_client::ClientPolicy;
use deadzone_contract::Model;
use deadzone_server::ServerPolicy;
use serde::{Serialize, Serializer};

use client::CLIENT;
use server::SERVER;

/// Where a mistake is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// In the reference client.
    Client,
    /// In the reference server.
    Server,
    /// In both: what was agreed upon is wrong.
    Both,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// A mistake that can be planted.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Defect {
    /// As `--defect` names it.
    pub name: &'static str,
    /// One sentence for somebody who builds the product.
    pub mistake: &'static str,
    /// The document that warns of it, by its number, and its words.
    pub source: &'static str,
    /// The oracles that may catch it: one or two.
    pub oracles: &'static [&'static str],
    /// A scenario that shows it.
    pub scenario: &'static str,
    /// Where it is made, and how.
    #[serde(rename = "side", serialize_with = "side")]
    plant: Plant,
}

#[derive(Clone, Copy, Debug)]
enum Plant {
    Client(fn(&mut ClientPolicy)),
    Server(deadzone_server::Defect),
    /// Both sync by this model, whatever the script declares.
    Model(Model),
}

fn side<S: Serializer>(plant: &Plant, to: S) -> Result<S::Ok, S::Error> {
    plant.side().serialize(to)
}

impl Plant {
    fn side(&self) -> Side {
        match self {
            Plant::Client(_) => Side::Client,
            Plant::Server(_) => Side::Server,
            Plant::Model(_) => Side::Both,
        }
    }
}

impl Defect {
    /// A mistake that the server's own list has.
    const fn of_server(
        defect: deadzone_server::Defect,
        source: &'static str,
        oracles: &'static [&'static str],
        scenario: &'static str,
    ) -> Defect {
        let deadzone_server::Defect { name, mistake, .. } = defect;
        Defect { name, mistake, source, oracles, scenario, plant: Plant::Server(defect) }
    }

    /// Where the mistake is made.
    pub fn side(&self) -> Side {
        self.plant.side()
    }

    /// How a reference client with this mistake decides.
    pub fn client_policy(&self) -> ClientPolicy {
        let mut policy = ClientPolicy::default();
        if let Plant::Client(plant) = self.plant {
            plant(&mut policy);
        }
        policy
    }

    /// How a reference server with this mistake decides.
    pub fn server_policy(&self) -> ServerPolicy {
        match self.plant {
            Plant::Server(defect) => defect.policy(),
            Plant::Client(_) | Plant::Model(_) => ServerPolicy::default(),
        }
    }

    /// The model that a client and a server with this mistake sync by where another is declared.
    pub fn model(&self, declared: Model) -> Model {
        match self.plant {
            Plant::Model(wrong) => wrong,
            Plant::Client(_) | Plant::Server(_) => declared,
        }
    }
}

/// The defect of a name.
pub fn find(name: &str) -> Option<&'static Defect> {
    DEFECTS.iter().find(|defect| defect.name == name)
}

/// The mistake that comes before the first line of code.
const WRONG_MODEL: Defect = Defect {
    name: "wrong-model",
    mistake: "Everything goes by versions, so people are asked about titles that could have been merged.",
    source: "004: Picking the wrong sync model. Both painful for years.",
    oracles: &["justified"],
    scenario: "the-newest-name-stays",
    plant: Plant::Model(Model::A),
};

/// Every mistake that can be planted, those of clients first.
pub const DEFECTS: &[Defect] = &{
    let mut all = [WRONG_MODEL; CLIENT.len() + SERVER.len() + 1];
    let mut at = 0;
    while at < CLIENT.len() + SERVER.len() {
        all[at] = if at < CLIENT.len() { CLIENT[at] } else { SERVER[at - CLIENT.len()] };
        at += 1;
    }
    all
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_defect_changes_one_side_and_is_found_by_its_name() {
        for defect in DEFECTS {
            let client = defect.client_policy() != ClientPolicy::default();
            let server = defect.server_policy() != ServerPolicy::default();
            let model = defect.model(Model::B) != Model::B;
            let sides = (defect.side() == Side::Client, defect.side() == Side::Server);
            assert_eq!((client, server, model), (sides.0, sides.1, defect.side() == Side::Both));
            assert_eq!(find(defect.name).map(|found| found.mistake), Some(defect.mistake));
        }
        assert!(find("none").is_none());
    }

    #[test]
    fn every_defect_declares_one_or_two_oracles_that_exist() {
        let known: BTreeSet<&str> = deadzone_oracle::ORACLES.iter().map(|oracle| oracle.name).collect();
        for defect in DEFECTS {
            assert!((1..=2).contains(&defect.oracles.len()), "{}", defect.name);
            for oracle in defect.oracles {
                assert!(known.contains(oracle), "{}: no oracle {oracle}", defect.name);
            }
        }
    }

    #[test]
    fn every_mistake_of_the_server_is_listed() {
        for defect in deadzone_server::DEFECTS {
            assert!(find(defect.name).is_some_and(|found| found.side() == Side::Server), "{}", defect.name);
        }
    }

    #[test]
    fn names_are_unique_and_sources_name_their_document() {
        let names: BTreeSet<&str> = DEFECTS.iter().map(|defect| defect.name).collect();
        assert_eq!(names.len(), DEFECTS.len());
        for defect in DEFECTS {
            let document = defect.source.split(": ").next().unwrap_or_default();
            assert!(document.len() == 3 && document.starts_with("00"), "{}", defect.source);
            assert!(defect.mistake.ends_with('.'), "{}", defect.mistake);
        }
    }
}
