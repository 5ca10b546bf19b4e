//! `leaked`: what stands on disks.

use crate::builder::*;
use deadzone_contract::RecordState::{Failed, Modified};
use deadzone_trace::Event;
use insta::assert_snapshot;

/// A task that both know, with a text of ana's and one of ben's.
fn shared() -> Run {
    run()
        .does("phone", "task/1", create(&["title=Buy 7 rings"]))
        .does("laptop", "a2", edit("task/1", &["description=Call 9 guests"]))
        .pushes("phone", "e1", &["task/1 create"])
}

#[test]
fn no_token_stands_on_a_disk() {
    let run = run().refreshes("phone", "e1", "hers");
    run.clone().disk_holds("phone", &["other-access"]).passes("leaked");
    run.clone().disk_holds("server", &["hers-refresh"]).violates("leaked token-on-disk token");
    assert_snapshot!(run.disk_holds("phone", &["hers-refresh"]).verdict("leaked"), @r"
    fail
    token-on-disk token: a token that the server handed out stands on phone's disk
      expected: tokens in the store for secrets only
      evidence: answered e1, disk-read phone
    ");
}

#[test]
fn after_a_sign_out_nothing_of_before_is_left() {
    let out = || shared().signs_out("phone", "a3", false);
    out().disk_holds("phone", &[]).passes("leaked");
    assert_snapshot!(out().disk_holds("phone", &["id:task/1"]).verdict("leaked"), @r"
    fail
    on-disk-after-sign-out record: phone, in the hands of nobody, still has task/1 of home on its disk
      expected: nothing of what is not for its user, but his own words in the tray
      evidence: invoked task/1, invoked a3, disk-read phone
    ");
    out().disk_holds("phone", &["Buy 7 rings"]).violates("leaked on-disk-after-sign-out value");
    // Before, and on another device, it is where it belongs.
    shared().disk_holds("phone", &["id:task/1", "Buy 7 rings"]).passes("leaked");
    out().disk_holds("tablet", &["id:task/1", "Buy 7 rings"]).passes("leaked");
    // Words of other texts, and words that any database has in it, tell nothing.
    let longer = shared().does("tablet", "a4", edit("task/1", &["title=Buy 7 rings!"]));
    longer.signs_out("phone", "a5", false).disk_holds("phone", &["Buy 7 rings"]).passes("leaked");
    let word = shared().does("phone", "a4", edit("task/1", &["title=pending"]));
    word.signs_out("phone", "a5", true).disk_holds("phone", &["pending"]).passes("leaked");
}

#[test]
fn the_next_user_has_what_is_for_him() {
    let switched = || shared().signs_out("phone", "a3", false).signs_in("phone", "a4", "ben");
    switched().disk_holds("phone", &["id:task/1", "Buy 7 rings"]).passes("leaked");
    let revoked = shared().grants("ben", None).signs_out("phone", "a3", false).signs_in("phone", "a4", "ben");
    revoked.disk_holds("phone", &["Buy 7 rings"]).violates("leaked on-disk-after-sign-out value");
    // What ben wrote himself is no secret from him.
    let revoked = shared().grants("ben", None).signs_out("phone", "a3", false).signs_in("phone", "a4", "ben");
    revoked.disk_holds("phone", &["Call 9 guests"]).passes("leaked");
}

#[test]
fn what_a_backup_brings_back_is_not_what_the_sign_out_left() {
    let restored = shared().signs_out("phone", "a3", false).goes_down("phone").forgets("phone", 0);
    let restored = restored.then("phone", Event::Restored { backup: "monday".to_owned() }).comes_up("phone");
    restored.disk_holds("phone", &["id:task/1"]).passes("leaked");
    let died = shared().begin("phone", "a3", deadzone_contract::Action::SignOut { anyway: true });
    died.restarts("phone").indefinite("a3").disk_holds("phone", &["id:task/1"]).passes("leaked");
}

/// Ben is taken out, and his laptop has pulled since.
fn revoked() -> Run {
    shared().grants("ben", None).pulls_page("laptop", "e2", &[]).wait_ms(2_000)
}

#[test]
fn after_a_revocation_only_own_words_in_the_tray_are_left() {
    revoked().disk_holds("laptop", &[]).passes("leaked");
    assert_snapshot!(revoked().disk_holds("laptop", &["Buy 7 rings"]).verdict("leaked"), @r#"
    fail
    on-disk-after-revocation value: laptop, in the hands of ben, still has "Buy 7 rings" from task/1 of home on its disk
      expected: nothing of what is not for its user, but his own words in the tray
      evidence: invoked task/1, granted ben, disk-read laptop
    "#);
    revoked().disk_holds("laptop", &["Call 9 guests"]).violates("leaked on-disk-after-revocation value");
    let listed = |run: Run| run.then("laptop", Event::Tray { items: vec![item("task/1", Failed)] });
    let own = ["id:task/1", "Call 9 guests"];
    listed(revoked()).disk_holds("laptop", &own).passes("leaked");
    listed(revoked())
        .disk_holds("laptop", &["Buy 7 rings"])
        .violates("leaked on-disk-after-revocation value");
    let waits = revoked().shows("laptop", in_state(Modified, task("task/1", &[])));
    waits.clone().disk_holds("laptop", &own).passes("leaked");
    waits
        .gone("laptop", "task/1")
        .disk_holds("laptop", &own)
        .violates("leaked on-disk-after-revocation record");
}

#[test]
fn what_an_undo_wrote_are_not_its_users_words() {
    let shown = shared().shows("laptop", task("task/1", &["title=Buy 7 rings"]));
    let run = shown.does("laptop", "a5", edit("task/1", &["title=Sell 8 rings"]));
    let undone = run.undoes("laptop", "a6", "task/1", &["title=Buy 7 rings"]);
    let revoked = undone.grants("ben", None).pulls_page("laptop", "e2", &[]).wait_ms(2_000);
    let listed = revoked.then("laptop", Event::Tray { items: vec![item("task/1", Failed)] });
    listed.clone().disk_holds("laptop", &["Sell 8 rings"]).passes("leaked");
    listed.disk_holds("laptop", &["Buy 7 rings"]).violates("leaked on-disk-after-revocation value");
}

#[test]
fn a_device_that_has_not_synced_since_cannot_know() {
    let asked = shared().grants("ben", None);
    asked.clone().disk_holds("laptop", &["Buy 7 rings"]).passes("leaked");
    // It has just pulled: give it the time that it needs to save.
    let pulled = asked.pulls_page("laptop", "e2", &[]);
    pulled.disk_holds("laptop", &["Buy 7 rings"]).passes("leaked");
    let before = shared().pulls_page("laptop", "e2", &[]).grants("ben", None).wait_ms(2_000);
    before.disk_holds("laptop", &["Buy 7 rings"]).passes("leaked");
}
