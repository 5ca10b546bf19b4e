//! `intact`.

use crate::builder::*;
use deadzone_trace::Event;
use insta::assert_snapshot;

const TORN: Option<&str> = Some("page 3 is never used");

/// The phone has a database with something in it, and goes down.
fn crashed() -> Run {
    run().does("phone", "task/1", create(&["title=T"])).goes_down("phone")
}

#[test]
fn a_database_passes_its_check() {
    let run = crashed().checked("phone", None).comes_up("phone");
    run.passes("intact");
    run.goes_down("phone").checked("phone", None).comes_up("phone").passes("intact");
}

#[test]
fn a_crash_broke_a_database() {
    assert_snapshot!(crashed().checked("phone", TORN).verdict("intact"), @r"
    fail
    damaged device: app.db on phone does not pass its check after a crash: page 3 is never used
      expected: an intact database: nothing outside the model damaged this one
      evidence: host-down phone, database-checked phone
    ");
    let server = run().goes_down("server").checked("server", TORN);
    assert_snapshot!(server.verdict("intact"), @r"
    fail
    damaged server: app.db on server does not pass its check after a crash: page 3 is never used
      expected: an intact database: nothing outside the model damaged this one
      evidence: host-down server, database-checked server
    ");
}

#[test]
fn damage_outside_the_model_excuses_it_until_the_app_has_recovered() {
    let damaged = crashed().forgets("phone", 0).checked("phone", TORN);
    damaged.passes("intact");
    // It crashes again before it has recovered.
    let again = damaged.clone().comes_up("phone").goes_down("phone").checked("phone", TORN);
    again.passes("intact");
    let passed = again.comes_up("phone").goes_down("phone").checked("phone", None).comes_up("phone");
    passed.passes("intact");
    let later = passed.goes_down("phone").checked("phone", TORN);
    assert!(later.verdict("intact").starts_with("fail\ndamaged device: app.db on phone"));
    // It synced and went on with a damaged database.
    let synced = damaged.comes_up("phone").pulls_page("phone", "e1", &[]).wait_ms(3_000);
    let blind = synced.goes_down("phone").checked("phone", TORN);
    assert!(blind.verdict("intact").starts_with("fail\ndamaged device: app.db on phone"));
}

#[test]
fn damage_of_another_disk_or_after_the_check_excuses_nothing() {
    let other = crashed().forgets("tablet", 0).checked("phone", TORN);
    assert!(other.verdict("intact").starts_with("fail"));
    let after = crashed().checked("phone", TORN).forgets("phone", 0);
    assert!(after.verdict("intact").starts_with("fail"));
}

#[test]
fn a_crash_without_a_check_is_unknown_where_there_are_disks() {
    crashed().comes_up("phone").passes("intact");
    let survived = Event::DiskSurvived { outcome: "lose-all".to_owned() };
    let unchecked = crashed().then("phone", survived.clone()).comes_up("phone");
    assert_snapshot!(unchecked.verdict("intact"), @r"
    unknown
    unknown: phone came up after a crash, and nobody had checked its disk
    ");
    // Where nothing was ever kept, there is nothing to check.
    run().goes_down("tablet").then("tablet", survived).comes_up("tablet").passes("intact");
    crashed().then("phone", Event::Wiped).comes_up("phone").passes("intact");
}

#[test]
fn a_sign_out_that_crashes_leaves_no_database_to_check() {
    let used = run().does("phone", "task/1", create(&["title=T"])).checked("laptop", None);
    let died = |act| used.clone().begin("phone", "a2", act).restarts("phone").indefinite("a2");
    died(deadzone_contract::Action::SignOut { anyway: true }).passes("intact");
    assert!(died(edit("task/1", &["title=U"])).verdict("intact").starts_with("unknown"));
    // Whoever signs in then has one.
    let again = died(deadzone_contract::Action::SignOut { anyway: true }).does("phone", "a3", sign_in("ben"));
    assert!(again.restarts("phone").verdict("intact").starts_with("unknown"));
}
