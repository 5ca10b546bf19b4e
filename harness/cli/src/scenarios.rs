//! Which scripts were asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use deadzone_contract::Model;
use deadzone_coverage::SITUATIONS;
use deadzone_oracle::ORACLES;
use deadzone_script::{Item, Named, Script, Suite};

use crate::stop::Stop;
use crate::{files, suggest};

/// Every scenario that was there when the binary was built: its file and its text.
const BUILT_IN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/scenarios.rs"));

/// A script and where it is from.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// The file, for people.
    pub(crate) place: String,
    pub(crate) script: Script,
    /// As it is written there.
    text: String,
}

impl Scenario {
    /// Reads a script; everything that is wrong with it is told at once.
    pub(crate) fn read(place: &str, text: &str) -> Result<Scenario, Stop> {
        let bad = |errors| Stop::Script { file: place.to_owned(), errors };
        let script = deadzone_script::parse(text).map_err(bad)?;
        let scenario = Scenario { place: place.to_owned(), script, text: text.to_owned() };
        let oracles = || ORACLES.iter().map(|oracle| oracle.name);
        if let Some((oracle, _)) = scenario.script.violates()
            && !oracles().any(|known| known == oracle)
        {
            let help = Some(suggest::or_listed(oracle, oracles(), "oracles"));
            return Err(scenario.refuse(Named::Violates, &format!("there is no oracle `{oracle}`"), help));
        }
        let situations = || SITUATIONS.iter().map(|situation| situation.name);
        if let Some(name) = scenario.script.reaches()
            && !situations().any(|known| known == name)
        {
            let help = Some(suggest::or_listed(name, situations(), "situations"));
            return Err(scenario.refuse(Named::Reaches, &format!("there is no situation `{name}`"), help));
        }
        Ok(scenario)
    }

    /// Why it cannot run: a name in it is not known here.
    pub(crate) fn refuse(&self, named: Named, message: &str, help: Option<String>) -> Stop {
        let errors = deadzone_script::refuse(&self.text, named, message, help);
        Stop::Script { file: self.place.clone(), errors }
    }

    /// Reads a script from a file.
    pub(crate) fn open(path: &Path) -> Result<Scenario, Stop> {
        Scenario::read(&path.display().to_string(), &files::read(path)?)
    }

    /// What it calls itself.
    pub(crate) fn name(&self) -> &str {
        self.script.name()
    }

    /// Puts it under a model, unless it says one itself. What is so anyway is not written.
    pub(crate) fn put_under(&mut self, model: Option<Model>) {
        if let Some(model) = model.filter(|model| *model != Model::default()) {
            self.script = self.script.under(model);
        }
    }

    /// The comment that it opens with, as one text.
    pub(crate) fn about(&self) -> String {
        let comments = self.script.items.iter().map_while(|item| match item {
            Item::Comment(words) => Some(words.trim()),
            _ => None,
        });
        comments.collect::<Vec<_>>().join(" ")
    }
}

/// Every scenario that comes with the binary, by name.
pub(crate) fn built_in() -> Result<Vec<Scenario>, Stop> {
    let mut scenarios: Vec<Scenario> =
        BUILT_IN.iter().map(|(place, text)| Scenario::read(place, text)).collect::<Result<_, _>>()?;
    scenarios.sort_by(|a, b| a.name().cmp(b.name()));
    Ok(scenarios)
}

/// The scenarios that `what` names (all that are built in where it names none), as far as they are
/// in the suite, by name.
pub(crate) fn select(what: &[String], suite: Option<Suite>) -> Result<Vec<Scenario>, Stop> {
    let mut found = Vec::new();
    if what.is_empty() {
        found = built_in()?;
    }
    for word in what {
        found.extend(named(word)?);
    }
    let looked_at = found.len();
    found.retain(|scenario| in_suite(scenario, suite));
    if found.is_empty() {
        let suite = suite.map_or_else(String::new, |suite| format!(" in suite `{suite}`"));
        return Err(Stop::usage(format!(
            "of what was named ({looked_at} scenarios) nothing is{suite}; without --suite all of it runs"
        )));
    }
    found.sort_by(|a, b| a.name().cmp(b.name()));
    unique(found)
}

/// Nightly includes what runs with every pull request.
fn in_suite(scenario: &Scenario, suite: Option<Suite>) -> bool {
    match suite {
        None => true,
        Some(Suite::Pr) => scenario.script.suite() == Some(Suite::Pr),
        Some(Suite::Nightly) => scenario.script.suite().is_some(),
    }
}

/// The same script may be named twice; two scripts of one name could not be told apart in any
/// report.
fn unique(found: Vec<Scenario>) -> Result<Vec<Scenario>, Stop> {
    let mut by_name: BTreeMap<String, Scenario> = BTreeMap::new();
    for scenario in found {
        match by_name.get(scenario.name()) {
            Some(other) if other.script != scenario.script => {
                return Err(Stop::harness(format!(
                    "{} and {} both call themselves `{}`; give one of them another name",
                    other.place,
                    scenario.place,
                    scenario.name()
                )));
            }
            Some(_) => {}
            None => drop(by_name.insert(scenario.name().to_owned(), scenario)),
        }
    }
    Ok(by_name.into_values().collect())
}

/// The scenarios behind one word of the command line: a built-in name, a file or a folder.
fn named(word: &str) -> Result<Vec<Scenario>, Stop> {
    let is_path = word.contains(['/', '\\']) || word.ends_with(".scn");
    if !is_path {
        let built_in = built_in()?;
        if let Some(scenario) = built_in.iter().find(|scenario| scenario.name() == word) {
            return Ok(vec![scenario.clone()]);
        }
        if !Path::new(word).exists() {
            let help = suggest::help(word, built_in.iter().map(Scenario::name));
            let way_out = "`deadzone list scenarios` names all of them, and a file's name ends in .scn";
            return Err(Stop::usage(format!("there is no scenario `{word}`{help}\n  {way_out}")));
        }
    }
    let path = Path::new(word);
    if !path.is_dir() {
        return Ok(vec![Scenario::open(path)?]);
    }
    let mut found = Vec::new();
    collect(path, &mut found)?;
    if found.is_empty() {
        return Err(Stop::file(path, format!("no file in {word} ends in .scn")));
    }
    found.sort();
    found.iter().map(|file| Scenario::open(file)).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Stop> {
    let unreadable = |error| Stop::file(folder, format!("cannot read {}: {error}", folder.display()));
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        if entry.file_type().map_err(unreadable)?.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "scn") {
            found.push(path);
        }
    }
    Ok(())
}
