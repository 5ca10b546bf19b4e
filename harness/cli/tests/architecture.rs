//! What the workspace must not become: edges between crates go one way, and `unsafe` stays where
//! it is declared.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// A crate, what it may depend on, and what it may depend on in its tests besides.
type Allowed = (&'static str, &'static [&'static str], &'static [&'static str]);

/// Every crate of the workspace. A new one is added here with the edges that it needs.
const ALLOWED: &[Allowed] = &[
    (
        "deadzone",
        &[
            "deadzone-client",
            "deadzone-client-tiny",
            "deadzone-contract",
            "deadzone-coverage",
            "deadzone-oracle",
            "deadzone-reports",
            "deadzone-script",
            "deadzone-search",
            "deadzone-server",
            "deadzone-trace",
            "deadzone-world",
        ],
        &[],
    ),
    ("deadzone-client", &["deadzone-contract"], &["deadzone-disk"]),
    ("deadzone-client-tiny", &["deadzone-contract"], &[]),
    ("deadzone-contract", &[], &[]),
    ("deadzone-coverage", &["deadzone-contract", "deadzone-trace"], &[]),
    ("deadzone-disk", &[], &[]),
    ("deadzone-net", &[], &[]),
    ("deadzone-oracle", &["deadzone-contract", "deadzone-trace"], &[]),
    (
        "deadzone-reports",
        &["deadzone-contract", "deadzone-coverage", "deadzone-oracle", "deadzone-trace"],
        &[],
    ),
    ("deadzone-script", &["deadzone-contract", "deadzone-trace"], &[]),
    ("deadzone-search", &["deadzone-contract", "deadzone-script"], &[]),
    ("deadzone-server", &["deadzone-contract"], &["deadzone-disk"]),
    ("deadzone-trace", &["deadzone-contract"], &[]),
    (
        "deadzone-world",
        &["deadzone-contract", "deadzone-disk", "deadzone-net", "deadzone-script", "deadzone-trace"],
        // A world without anybody in it shows little.
        &["deadzone-client", "deadzone-client-tiny", "deadzone-server"],
    ),
];

/// What no edit of the table above may bring about, not even by a detour: who never depends on
/// whom, and what would be lost.
const NEVER: &[(&str, &[&str], &str)] = &[
    (
        "deadzone-oracle",
        &[
            "deadzone-world",
            "deadzone-client",
            "deadzone-client-tiny",
            "deadzone-server",
            "deadzone-net",
            "deadzone-disk",
        ],
        "an oracle that shares code with what it judges shares its mistakes",
    ),
    (
        "deadzone-coverage",
        &["deadzone-oracle", "deadzone-world", "deadzone-client", "deadzone-client-tiny", "deadzone-server"],
        "coverage reads a trace and neither judges nor runs",
    ),
    (
        "deadzone-reports",
        &["deadzone-world", "deadzone-net", "deadzone-disk"],
        "a report reads a trace and runs nothing",
    ),
    ("deadzone-client", &["deadzone-server"], "client and server know the contract, not each other"),
    ("deadzone-client-tiny", &["deadzone-server", "deadzone-client"], "the second client is a stranger"),
    ("deadzone-server", &["deadzone-client", "deadzone-client-tiny"], "a server knows no client"),
    (
        "deadzone-world",
        &["deadzone-client", "deadzone-client-tiny", "deadzone-server", "deadzone-oracle"],
        "a world knows clients and servers by the seam alone, and never judges",
    ),
    ("deadzone-script", &["deadzone-world", "deadzone-net", "deadzone-disk"], "a script is data"),
    ("deadzone-search", &["deadzone-world"], "what a candidate shows is asked of the caller"),
];

/// Crates whose sources may contain `unsafe`.
const MAY_BE_UNSAFE: &[&str] = &["deadzone-disk"];

fn packages() -> Vec<Package> {
    let metadata = MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo tells about its workspace");
    metadata.packages
}

/// The crates of the workspace that a crate names as dependencies, with the kinds.
fn edges(package: &Package, members: &BTreeSet<String>) -> Vec<(String, DependencyKind)> {
    let dependencies = package.dependencies.iter();
    dependencies.filter(|one| members.contains(&one.name)).map(|one| (one.name.clone(), one.kind)).collect()
}

#[test]
fn edges_go_one_way() {
    let packages = packages();
    let members: BTreeSet<String> = packages.iter().map(|package| package.name.to_string()).collect();
    let listed: BTreeSet<String> = ALLOWED.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(members, listed, "the crates of the workspace, and those that are listed here");
    let mut wrong = Vec::new();
    for package in &packages {
        let (name, allowed, in_tests) =
            ALLOWED.iter().find(|(name, ..)| package.name.as_str() == *name).expect("checked above");
        for (to, kind) in edges(package, &members) {
            let fine = allowed.contains(&to.as_str())
                || (kind == DependencyKind::Development && in_tests.contains(&to.as_str()));
            if !fine {
                wrong.push(format!("{name} -> {to} ({kind})"));
            }
        }
    }
    assert!(wrong.is_empty(), "edges that nobody allowed: {}", wrong.join(", "));
}

#[test]
fn the_allowed_edges_keep_what_they_are_for() {
    let direct: BTreeMap<&str, &[&str]> = ALLOWED.iter().map(|(name, to, _)| (*name, *to)).collect();
    for (from, never, why) in NEVER {
        let mut reached: BTreeSet<&str> = BTreeSet::new();
        let mut next = vec![*from];
        while let Some(name) = next.pop() {
            for to in direct[name] {
                if reached.insert(to) {
                    next.push(to);
                }
            }
        }
        for to in *never {
            assert!(!reached.contains(to), "{from} must not depend on {to}: {why}");
        }
    }
    let dependents =
        ALLOWED.iter().filter(|(_, to, tests)| to.contains(&"deadzone") || tests.contains(&"deadzone"));
    assert_eq!(dependents.count(), 0, "nobody depends on the command line");
}

#[test]
fn unsafe_code_stays_where_it_is_declared() {
    let mut found = Vec::new();
    for package in packages() {
        if MAY_BE_UNSAFE.contains(&package.name.as_str()) {
            continue;
        }
        let root = package.manifest_path.parent().expect("a manifest is in a folder");
        for file in sources(root.as_std_path()) {
            let text = fs::read_to_string(&file).expect("a source is text");
            let lines = text.lines().zip(1..).filter(|(line, _)| says_unsafe(line));
            found.extend(lines.map(|(_, number)| format!("{}:{number}", file.display())));
        }
    }
    assert!(found.is_empty(), "unsafe code outside {MAY_BE_UNSAFE:?}: {}", found.join(", "));
}

/// Whether a line of code, comments and texts aside, has the keyword in it or lifts the ban.
fn says_unsafe(line: &str) -> bool {
    let line = line.replace("\\\"", "");
    let code = line.split("//").next().unwrap_or_default();
    // What stands in quotes is no code: every other piece.
    let code: String = code.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| word == "unsafe" || word == "unsafe_code")
}

/// The Rust sources below a folder, build results and other crates aside.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a crate can be read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            if !path.join("Cargo.toml").exists() && path.file_name().is_some_and(|name| name != "target") {
                found.extend(sources(&path));
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_keyword_is_found_in_code_and_only_there() {
    for (line, found) in [
        ("    unsafe { read(at) }", true),
        ("pub unsafe fn read() {}", true),
        ("#![allow(unsafe_code)]", true),
        ("let unsafely = 1; // unsafe", false),
        ("let text = \"unsafe\";", false),
        ("/// unsafe code is banned", false),
    ] {
        assert_eq!(says_unsafe(line), found, "{line}");
    }
}
