//! From a seed to a script.
//!
//! [`script`] draws a plan and writes it out: a world, a workload over everything that users can
//! do, and a swarm of faults; then everything is healed, and the world has to settle. Seed N gives
//! the same script on every machine, whichever others were asked for.
//!
//! A plan says *that* somebody edits something; the writer decides *who* and *what*, from what is
//! true at that point of the script: who is up and signed in, who may write where, what a device
//! can have heard of. So every plan gives a legal script, and so does every plan that `proptest`
//! makes of it when it simplifies. What cannot be known without running it (whether an edit made a
//! conflict that could be resolved) is left to the run: lines that came to nothing are pruned.
//!
//! | Module | Holds |
//! |---|---|
//! | `plan` | plans, and the strategies that draw them |
//! | `theme` | what a seed is about, so that rare situations are not rare |
//! | `world` | users, roles, devices and numbers |
//! | `model` | what is true at a point of the script, as far as it can be told |
//! | `writer` | the script, line by line |
//! | `work`, `people`, `hosts`, `faults` | what users write, what becomes of accounts and rights, what happens to machines, what the nemesis does |
//! | `plays` | several steps in a row that lead to what is rare |

mod faults;
mod hosts;
mod model;
mod people;
mod plan;
mod plays;
mod theme;
mod words;
mod work;
mod world;
mod writer;

use deadzone_script::Script;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

pub use plan::{Plan, plans};

/// The script of a seed. Every step has its label written, so that lines can go without moving
/// what is drawn for the others.
pub fn script(seed: u64) -> Script {
    plan(seed).script(&format!("search-{seed}"))
}

/// The plan of a seed.
fn plan(seed: u64) -> Plan {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    plans().new_tree(&mut runner).expect("nothing is filtered out").current()
}
