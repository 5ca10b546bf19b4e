//! Planted defects: each does its damage, and nothing else.

use deadzone_server::{ServerPolicy, defect};
use insta::assert_snapshot;

use crate::lab::Lab;
use crate::rules::prepared;
use crate::write::{base, task, update};

fn lab(mistake: &str) -> Lab {
    prepared(Lab::started(|_| (), defect(mistake).expect("listed").policy()))
}

#[test]
fn an_ignored_base_version_overwrites_silently() {
    let lab = lab("base-version-ignored");
    lab.push("ben/laptop", [update(1, "t").set("status", "open", base(0))]);
    assert_snapshot!(lab.push("ana/phone", [update(1, "t").set("status", "done", base(0))]), @"1 done -> t@3 status=done@2 title=Milk includes 1");
    assert_snapshot!(lab.all("ben/laptop"), @r"
    p@1 title=House
    t@3 status=done@2 title=Milk includes 1
    ");
}

#[test]
fn a_page_boundary_in_the_wrong_place_skips_a_row() {
    let pages = |lab: &Lab| {
        lab.push("ana/phone", [task(1, "a"), task(2, "b"), task(3, "c")]);
        lab.pages("ben/laptop", 2).join("\n")
    };
    assert_snapshot!(pages(&lab("page-boundary-skips-rows")), @r"
    p@1 title=House
    t@1 title=Milk
    b@1
    c@1
    ");
    let right = pages(&prepared(Lab::started(|_| (), ServerPolicy::default())));
    assert_snapshot!(right, @r"
    p@1 title=House
    t@1 title=Milk
    a@1
    b@1
    c@1
    ");
}
