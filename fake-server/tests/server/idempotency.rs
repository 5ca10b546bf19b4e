//! A mutation takes effect once, however often it arrives.

use insta::assert_snapshot;

use crate::lab::Lab;
use crate::rules::{lab, prepared};
use crate::write::{base, delete, task, update};

#[test]
fn a_repeated_mutation_gets_its_answer_with_the_state_of_today() {
    let lab = lab();
    let once = update(1, "t").add("completed_count", 1).tags(["urgent"], []);
    lab.push("ana/phone", [once.clone()]);
    lab.push("ben/laptop", [update(1, "t").add("completed_count", 10)]);
    assert_snapshot!(lab.push("ana/phone", [once.clone(), once]), @r"
    1 done -> t@3 completed_count=11 tags=[urgent by phone:1:urgent] title=Milk includes 1
    1 done -> t@3 completed_count=11 tags=[urgent by phone:1:urgent] title=Milk includes 1
    ");
}

#[test]
fn a_repeated_create_makes_nothing() {
    let lab = lab();
    assert_snapshot!(lab.push("ana/phone", [task(1, "u"), task(1, "u")]), @r"
    1 done -> u@1 includes 1
    1 done -> u@1 includes 1
    ");
}

#[test]
fn a_repeated_conflict_is_told_as_it_stands_now() {
    let lab = lab();
    lab.push("ben/laptop", [update(1, "t").set("status", "open", base(0))]);
    let once = update(1, "t").set("status", "done", base(0));
    lab.push("ana/phone", [once.clone()]);
    lab.push("ben/laptop", [update(2, "t").set("status", "waiting", base(1))]);
    assert_snapshot!(lab.push("ana/phone", [once.clone()]), @"1 done status: phone:1:status mine=done theirs=waiting@2 -> t@4 status=waiting@2 title=Milk [status: phone:1:status mine=done theirs=waiting@2] includes 1");
    lab.push("ana/tablet", [update(3, "t").close("status", "phone:1:status")]);
    assert_snapshot!(lab.push("ana/phone", [once]), @"1 done -> t@5 status=waiting@2 title=Milk includes 1");
}

#[test]
fn what_changed_nothing_is_not_carried_out_later() {
    let lab = lab();
    lab.push("ben/laptop", [update(1, "t").set("status", "done", base(0))]);
    let agreed = update(1, "t").set("status", "done", base(0));
    let outdated = update(2, "t").put("title", "old").at(0);
    lab.push("ana/phone", [agreed.clone(), outdated.clone()]);
    lab.push("ben/laptop", [update(2, "t").set("status", "open", base(1)), delete(3, "t", base(5))]);
    // Carried out again, the first would open a conflict and the second undelete the record.
    assert_snapshot!(lab.push("ana/phone", [agreed, outdated]), @r"
    1 done -> t@6 status=open@2 title=Milk includes 2 under a tombstone
    2 done -> t@6 status=open@2 title=Milk includes 2 under a tombstone
    ");
}

#[test]
fn a_number_with_another_content_is_a_copy_of_the_device() {
    let lab = lab();
    lab.push("ana/phone", [update(1, "t").put("title", "A")]);
    // The stamp is no part of the content: the same work may have to be stamped anew.
    assert_snapshot!(lab.push("ana/phone", [
        update(1, "t").put("title", "B"),
        update(1, "t").put("title", "A").at(77),
        task(1, "u"),
    ]), @r"
    1 number-reused (number 1 came before with another content) -> t@2 title=A includes 1
    1 done -> t@2 title=A includes 1
    1 number-reused (number 1 came before with another content) -> nothing
    ");
    // Another device counts for itself.
    assert_snapshot!(lab.push("ana/tablet", [update(3, "t").put("title", "B")]), @"3 done -> t@3 title=B includes 3");
}

#[test]
fn an_answer_is_for_its_user_only() {
    let lab = lab();
    let once = update(1, "t").put("title", "A");
    lab.push("ana/phone", [once.clone()]);
    assert_snapshot!(lab.push("ben/phone", [once.clone()]), @"1 number-reused (number 1 came before with another content) -> t@2 title=A includes 1");
    assert_snapshot!(lab.push("eve/phone", [once]), @"1 number-reused (number 1 came before with another content) -> nothing");
}

#[test]
fn a_number_that_was_another_users_stays_taken_when_its_answer_is_forgotten() {
    let lab = prepared(Lab::with(|p| p.tombstone_horizon = 1_000));
    lab.push("ana/phone", [update(5, "t").put("title", "A")]);
    lab.pass(1_000);
    let push = |who: &str| lab.push(who, [update(5, "t").put("title", "A"), update(4, "t")]);
    assert_snapshot!(push("ben/phone"), @r"
    5 number-reused (number 5 came before with another content) -> t@2 title=A includes 5
    4 number-reused (number 4 came before with another content) -> t@2 title=A includes 5
    ");
    assert_snapshot!(push("ana/phone"), @r"
    5 key-expired (the answers of that time are gone; nobody can say whether it took effect) -> t@2 title=A includes 5
    4 key-expired (the answers of that time are gone; nobody can say whether it took effect) -> t@2 title=A includes 5
    ");
}

#[test]
fn a_replay_shows_only_what_its_user_may_see_today() {
    let lab = lab();
    lab.push("ben/laptop", [update(1, "t").set("status", "open", base(0))]);
    let once = update(1, "t").set("status", "done", base(0)).put("title", "A");
    lab.push("ana/phone", [once.clone()]);
    lab.grant("home", "ana", None);
    assert_snapshot!(lab.push("ana/phone", [once]), @"1 done status: unknown-record -> nothing");
}

#[test]
fn a_rejected_mutation_is_judged_anew() {
    let lab = lab();
    let early = update(1, "u").put("title", "A");
    assert_snapshot!(lab.push("ana/phone", [early.clone(), task(2, "u"), early]), @r"
    1 unknown-record (there is no such record) -> nothing
    2 done -> u@1 includes 2
    1 done -> u@2 title=A includes 2
    ");
}

#[test]
fn a_number_whose_answer_is_forgotten_is_never_carried_out() {
    let lab = prepared(Lab::with(|p| p.tombstone_horizon = 1_000));
    let old = update(5, "t").add("completed_count", 1);
    lab.push("ana/phone", [old.clone()]);
    lab.pass(999);
    assert_snapshot!(lab.push("ana/phone", [old.clone()]), @"5 done -> t@2 completed_count=1 title=Milk includes 5");
    lab.pass(1);
    assert_snapshot!(lab.push("ana/phone", [
        old,
        update(4, "t").add("completed_count", 1),
        update(6, "t").add("completed_count", 1),
    ]), @r"
    5 key-expired (the answers of that time are gone; nobody can say whether it took effect) -> t@2 completed_count=1 title=Milk includes 5
    4 key-expired (the answers of that time are gone; nobody can say whether it took effect) -> t@2 completed_count=1 title=Milk includes 5
    6 done -> t@3 completed_count=2 title=Milk includes 6
    ");
    // Other devices are not concerned.
    assert_snapshot!(lab.push("ana/watch", [update(1, "t").add("completed_count", 1)]), @"1 done -> t@4 completed_count=3 title=Milk includes 1");
}

#[test]
fn a_low_number_that_is_forgotten_later_does_not_bring_higher_ones_back() {
    let lab = prepared(Lab::with(|p| p.tombstone_horizon = 1_000));
    let high = update(9, "t").add("completed_count", 1);
    lab.push("ana/phone", [high.clone()]);
    lab.pass(500);
    lab.push("ana/phone", [update(3, "t").add("completed_count", 1)]);
    lab.pass(500);
    lab.pull("ana/phone", "");
    lab.pass(500);
    assert!(lab.push("ana/phone", [high]).starts_with("9 key-expired"));
}

#[test]
fn one_request_forgets_no_more_than_its_share() {
    let lab = prepared(Lab::with(|p| p.tombstone_horizon = 1_000));
    lab.push("ana/phone", (1..=100).map(|number| update(number, "t").add("completed_count", 1)));
    lab.pass(1_000);
    let stored = || lab.anchor.query_row("SELECT count(*) FROM answers", [], |r| r.get::<_, u64>(0)).unwrap();
    for left in [102, 70, 38, 6, 0, 0] {
        assert_eq!(stored(), left);
        lab.pull("ana/phone", "since=0");
    }
}
