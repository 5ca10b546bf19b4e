//! The mistakes that can be planted, each with the oracles that have to catch it.
//!
//! A defect is one wrong decision of the reference client or server: a policy with one field set
//! wrong. Each says beforehand which oracles may catch it, two at most, so that catching it is
//! a test of those oracles.

use std::fmt;

use deadzone_client::{
    Answering, ClientPolicy, Commits, Counters, CursorSaved, Discard, ForeignAnswer, Idempotency, Integrity,
    Numbers, PendingEdits, Reconnect, RemoteConflicts, Removal, Saving, Stamps, SyncedShown,
};
use deadzone_server::{ServerPolicy, policy};
use serde::{Serialize, Serializer};

/// Where a mistake is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// In the reference client.
    Client,
    /// In the reference server.
    Server,
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
}

fn side<S: Serializer>(plant: &Plant, to: S) -> Result<S::Ok, S::Error> {
    plant.side().serialize(to)
}

impl Plant {
    fn side(&self) -> Side {
        match self {
            Plant::Client(_) => Side::Client,
            Plant::Server(_) => Side::Server,
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
            Plant::Client(_) => ServerPolicy::default(),
        }
    }
}

/// The defect of a name.
pub fn find(name: &str) -> Option<&'static Defect> {
    DEFECTS.iter().find(|defect| defect.name == name)
}

/// Every mistake that can be planted.
pub const DEFECTS: &[Defect] = &[
    Defect {
        name: "no-idempotency-number",
        mistake: "Mutations carry nothing that identifies them, so the server carries out a repeated request again.",
        source: "004: No idempotency keys. Duplicates everywhere on flaky networks.",
        oracles: &["duplicated"],
        scenario: "answer-lost-after-commit",
        plant: Plant::Client(|policy| policy.idempotency = Idempotency::None),
    },
    Defect {
        name: "new-number-on-each-retry",
        mistake: "Every attempt gets a new number, so the server cannot know a retry from new work.",
        source: "004: replays of the same UUID return the original response (NOT a duplicate write)",
        oracles: &["duplicated"],
        scenario: "request-delivered-twice",
        plant: Plant::Client(|policy| policy.idempotency = Idempotency::NumberedWhenSent),
    },
    Defect {
        name: "row-dropped-when-sent",
        mistake: "Work leaves the queue when it is sent, so a request that gets lost takes the work with it.",
        source: "004: On 2xx: removes from queue; updates the cache with the server response",
        oracles: &["lost"],
        scenario: "answer-lost-after-commit",
        plant: Plant::Client(|policy| policy.removal = Removal::WhenSent),
    },
    Defect {
        name: "counter-sent-as-absolute-value",
        mistake: "A device sends the total that it sees, which overwrites what others counted meanwhile.",
        source: "004: Counters: increment-based CRDTs",
        oracles: &["lost"],
        scenario: "counter-incremented-on-three-devices",
        plant: Plant::Client(|policy| policy.counters = Counters::Total),
    },
    Defect {
        name: "wall-clock-instead-of-hlc",
        mistake: "Edits are stamped with the device's clock, so a slow clock loses against what its user had seen.",
        source: "001: LWW without HLC: clock skew = wrong winner.",
        oracles: &["lost"],
        scenario: "fast-clock-never-beats-a-write-that-had-seen-it",
        plant: Plant::Client(|policy| policy.stamps = Stamps::WallClock),
    },
    Defect {
        name: "synced-shown-too-early",
        mistake: "A record is shown as synced when its request leaves, before the server has it.",
        source: "003: Users need to know whether their work is saved locally, syncing, failed, or completed.",
        oracles: &["honest"],
        scenario: "offline-write-then-reconnect",
        plant: Plant::Client(|policy| policy.synced = SyncedShown::WhenSent),
    },
    Defect {
        name: "discarded-work-comes-back",
        mistake: "Discarding hides work from the screen but leaves it in the queue, so it is sent after all.",
        source: "004: user can retry or discard",
        oracles: &["invented"],
        scenario: "discard-after-a-lost-answer",
        plant: Plant::Client(|policy| policy.discard = Discard::FromScreen),
    },
    Defect {
        name: "never-resumes-on-reconnect",
        mistake: "When the network comes back nothing happens until the app is started again.",
        source: "001: No retry policy: failed sync stays failed. (Exponential backoff; resume on connectivity.)",
        oracles: &["settled"],
        scenario: "concurrent-edits-on-two-devices",
        plant: Plant::Client(|policy| policy.reconnect = Reconnect::StayQuiet),
    },
    Defect {
        name: "conflict-dropped-on-second-device",
        mistake: "A conflict is shown only on the device that caused it, so its user cannot decide on another.",
        source: "004: user sees the conflict UI on both clients (or auto-merge if rules allow)",
        oracles: &["converged"],
        scenario: "concurrent-edits-on-two-devices",
        plant: Plant::Client(|policy| policy.remote_conflicts = RemoteConflicts::Drop),
    },
    Defect {
        name: "panics-on-unknown-answer",
        mistake: "An answer that is not the server's, such as a proxy's error page, crashes the app.",
        source: "004: real users hit airplane mode, captive portals, and tunnels",
        oracles: &["alive"],
        scenario: "captive-portal-says-200",
        plant: Plant::Client(|policy| policy.foreign_answer = ForeignAnswer::Panic),
    },
    Defect {
        name: "cursor-saved-before-page",
        mistake: "A pull's cursor is saved before its page, so a crash in between skips the page for ever.",
        source: "004: GET /sync?since=<timestamp> returns: Records updated since the timestamp",
        oracles: &["converged"],
        scenario: "pull-interrupted-between-pages",
        plant: Plant::Client(|policy| policy.cursor = CursorSaved::BeforePage),
    },
    Defect {
        name: "record-and-queue-in-two-transactions",
        mistake: "A record changes before the queue hears of it, so a crash in between leaves a change that is shown and never sent.",
        source: "004: Writes happen optimistically locally AND are queued for replay when online",
        oracles: &["converged"],
        scenario: "crash-in-the-middle-of-saving",
        plant: Plant::Client(|policy| policy.saving = Saving::TwoTransactions),
    },
    Defect {
        name: "action-waits-for-network",
        mistake: "A user hears that an action is saved only when a round of syncing is over.",
        source: "000: Design for local success first: let the network be an optimization, not a precondition for work.",
        oracles: &["available"],
        scenario: "flapping-network-for-an-hour",
        plant: Plant::Client(|policy| policy.answering = Answering::AfterRound),
    },
    Defect {
        name: "pull-overwrites-pending-edit",
        mistake: "What a pull brings takes the place of an edit that was saved meanwhile and is still to be sent.",
        source: "001: No conflict UX for high-stakes data: silent loss. (Manual resolution; never silently overwrite.)",
        oracles: &["lost"],
        scenario: "database-restored-from-backup",
        plant: Plant::Client(|policy| policy.pending_edits = PendingEdits::Overwritten),
    },
    Defect {
        name: "numbers-reused-after-restore",
        mistake: "A restored database goes on with numbers that were given before, and new work is taken for old.",
        source: "004: replays of the same UUID return the original response (NOT a duplicate write)",
        oracles: &["lost"],
        scenario: "database-restored-from-backup",
        plant: Plant::Client(|policy| policy.numbers = Numbers::Reused),
    },
    Defect {
        name: "integrity-check-skipped",
        mistake: "A damaged database is believed: what nobody wrote is shown, sent and built upon.",
        source: "003: The application must protect it until the server confirms it has been accepted.",
        oracles: &["converged", "invented"],
        scenario: "bits-flipped-on-the-disk",
        plant: Plant::Client(|policy| policy.integrity = Integrity::Trusted),
    },
    Defect {
        name: "commits-not-synced",
        mistake: "Syncing is switched off because it is slow, so a power loss takes what was saved, or leaves a torn database.",
        source: "002: Local-first store with WAL: write operations happen to an append-only local log",
        oracles: &["intact", "monotonic"],
        scenario: "power-lost-again-and-again",
        plant: Plant::Client(|policy| policy.commits = Commits::Unsynced),
    },
    Defect::of_server(
        policy::BASE_VERSION_IGNORED,
        "004: On mismatch: 409 conflict; client must reconcile",
        &["lost"],
        "server-returns-409",
    ),
    Defect::of_server(
        policy::PAGE_BOUNDARY_SKIPS_ROWS,
        "004: Pagination if delta exceeds [1000 records]",
        &["converged"],
        "pull-interrupted-between-pages",
    ),
    Defect::of_server(
        policy::ANSWER_BEFORE_COMMIT,
        "004: Mid-sync crashes do not produce duplicate records or lost mutations.",
        &["lost"],
        "server-goes-down-right-after-its-answer",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_defect_changes_one_side_and_is_found_by_its_name() {
        for defect in DEFECTS {
            let client = defect.client_policy() != ClientPolicy::default();
            let server = defect.server_policy() != ServerPolicy::default();
            assert_eq!((client, server), (defect.side() == Side::Client, defect.side() == Side::Server));
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
