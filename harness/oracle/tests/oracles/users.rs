//! Users over time: sign-outs, other users of a device, rights that are taken away, scopes, and apps
//! that are too old.

use std::collections::BTreeMap;

use crate::builder::*;
use deadzone_contract::RecordState::{Failed, Saved};
use deadzone_contract::RecordView;
use deadzone_contract::wire::Role;
use deadzone_trace::{Event, Exchange};
use insta::assert_snapshot;

const JUDGES: [&str; 6] = ["lost", "invented", "duplicated", "converged", "monotonic", "honest"];

fn t(title: &str) -> RecordView {
    task("task/1", &[title])
}

/// The phone made a task, and the server has it.
fn synced() -> Run {
    run()
        .does("phone", "task/1", create(&["title=T"]))
        .shows("phone", in_state(Saved, t("title=T")))
        .shows("phone", in_state(deadzone_contract::RecordState::Syncing, t("title=T")))
        .pushes("phone", "e1", &["task/1 create"])
        .shows("phone", t("title=T"))
}

/// The world settles without the phone; the others show what the server has.
fn rest(run: Run, records: &[RecordView]) -> Run {
    let run = run.exempt("phone").settles().audit("ana", records).audit("ben", records);
    let run = run.look("tablet", records, &[]).look("laptop", records, &[]);
    run.look_with_queue("phone", &[], 0).finish()
}

#[test]
fn a_sign_out_leaves_nothing_behind_and_loses_nothing() {
    let out = synced().signs_out("phone", "a2", false).gone("phone", "task/1");
    rest(out.clone(), &[t("title=T")]).passes_all(&JUDGES);
    rest(out, &[]).violates("lost at-end create");
    // What had not been sent is asked for: without `anyway` the device must refuse.
    let edited = synced().does("phone", "a2", edit("task/1", &["title=U"]));
    let out = edited.signs_out("phone", "a3", false).gone("phone", "task/1");
    rest(out.clone(), &[t("title=T")]).violates("lost at-end lww put");
    rest(out, &[t("title=U")]).passes_all(&JUDGES);
    let refused = synced().begin("phone", "a2", deadzone_contract::Action::SignOut { anyway: false });
    refused.refused("a2").gone("phone", "task/1").violates("lost record-gone create");
}

#[test]
fn a_forced_sign_out_throws_pending_work_away() {
    let edited = synced().does("phone", "a2", edit("task/1", &["title=U"]));
    let out = edited.clone().signs_out("phone", "a3", true).gone("phone", "task/1");
    rest(out.clone(), &[t("title=T")]).passes_all(&JUDGES);
    // What never left must not come back; what had left may.
    rest(out, &[t("title=U")]).violates("invented discarded-work lww put");
    let left = edited.clone().sends("phone", "e2", &["task/1 title=U@1"]).arrives("e2");
    rest(left.signs_out("phone", "a3", true).gone("phone", "task/1"), &[t("title=U")]).passes_all(&JUDGES);
    // Nobody knows whether a sign-out that died on the way has happened.
    let died = edited.begin("phone", "a3", deadzone_contract::Action::SignOut { anyway: true });
    let died = died.restarts("phone").indefinite("a3");
    rest(died.clone(), &[t("title=T")]).passes_all(&["lost", "invented"]);
    rest(died, &[t("title=U")]).passes_all(&["lost", "invented"]);
}

#[test]
fn a_sign_out_that_the_storage_interrupts_has_happened_in_part() {
    let asked = synced().begin("phone", "a2", deadzone_contract::Action::SignOut { anyway: false });
    let run = asked.refused_because("a2", deadzone_contract::Code::Storage).gone("phone", "task/1");
    rest(run, &[t("title=T")]).passes_all(&["lost", "converged", "monotonic"]);
}

#[test]
fn the_next_user_begins_anew() {
    let out = synced().signs_out("phone", "a2", false).gone("phone", "task/1").signs_in("phone", "a3", "ben");
    // The device shows it as it comes, with the badge of a record that it did not make.
    let shown = out.clone().pulls_page("phone", "e3", &["task/1@1 title=T"]).shows("phone", t("title=T"));
    shown.clone().ends_with(&[t("title=T")]).passes_all(&JUDGES);
    let own = out.shows("phone", in_state(Saved, t("title=T")));
    own.violates("honest illegal-start saved");
    // It is compared with what ben may see.
    let other = [task("task/2", &["title=Hers"])];
    let end = |phone: &[RecordView]| {
        let run = shown.clone().settles().audit("ana", &other).audit("ben", &[t("title=T")]);
        let run = run.look("tablet", &other, &[]).look("laptop", &[t("title=T")], &[]);
        run.look("phone", phone, &[]).finish()
    };
    end(&[t("title=T")]).passes("converged");
    end(&other).violates("converged missing-on-device record");
}

#[test]
fn content_from_before_a_sign_out_is_no_measure() {
    let told = synced().pulls_page("phone", "e2", &["task/1@2 title=U"]).shows("phone", t("title=U"));
    let older = |run: Run| run.pulls_page("phone", "e3", &["task/1@1 title=T"]).shows("phone", t("title=T"));
    let ana = told.clone().does("tablet", "a9", edit("task/1", &["title=U"]));
    older(ana.signs_out("phone", "a2", false).signs_in("phone", "a3", "ana")).passes("monotonic");
    let laptop = told.pulls_page("laptop", "e4", &["task/1@2 title=U"]).shows("laptop", t("title=U"));
    let back = laptop.pulls_page("laptop", "e5", &["task/1@1 title=T"]).shows("laptop", t("title=T"));
    back.violates("monotonic went-back lww value");
}

#[test]
fn a_user_without_rights_keeps_unsent_words_in_the_tray() {
    let edited = synced().shows("laptop", t("title=T")).does("laptop", "a2", edit("task/1", &["title=U"]));
    let revoked = edited.grants("ben", None).gone("laptop", "task/1");
    let end = |laptop: &[RecordView], tray: &[_]| {
        let run = revoked.clone().settles().audit("ana", &[t("title=T")]).audit("ben", &[]);
        let run = run.look("phone", &[t("title=T")], &[]).look("tablet", &[t("title=T")], &[]);
        run.look("laptop", laptop, tray).finish()
    };
    end(&[in_state(Failed, t("title=U"))], &[item("task/1", Failed)]).passes_all(&["lost", "converged"]);
    end(&[], &[]).violates("lost at-end lww put");
    end(&[t("title=T")], &[]).violates("converged extra-on-device record");
    // Who still has the rights keeps the record.
    let kept = synced().shows("laptop", t("title=T")).does("laptop", "a2", edit("task/1", &["title=U"]));
    kept.clone().gone("laptop", "task/1").violates("lost record-gone lww put");
    let viewer = kept.grants("ben", Some(Role::Viewer));
    viewer.gone("laptop", "task/1").violates("lost record-gone lww put");
}

#[test]
fn what_tells_of_lost_rights_may_come_when_they_are_back() {
    let asks = |run: Run| run.asks("laptop", "e2", "/sync?since=0").arrives("e2");
    let back = |run: Run| run.grants("ben", None).grants("ben", Some(Role::Editor));
    let edited = |run: Run| run.does("laptop", "a2", edit("task/1", &["title=U"]));
    let told = |run: Run| {
        let removed = r#"{"changes":[{"removed":{"record":"id:task/1"}}],"next":2,"more":false}"#;
        run.answered_with("e2", removed).delivered("e2").gone("laptop", "task/1")
    };
    let shown = || synced().shows("laptop", t("title=T"));
    let late = told(edited(back(asks(shown()))));
    let tray = [item("task/1", Failed)];
    let end = late.settles().audit("ana", &[t("title=T")]).audit("ben", &[t("title=T")]);
    let end = end.look("phone", &[t("title=T")], &[]).look("tablet", &[t("title=T")], &[]);
    let end = end.look("laptop", &[in_state(Failed, t("title=U"))], &tray).finish();
    end.passes_all(&["lost", "monotonic"]);
    // Whoever asked afterwards has no such answer to expect.
    told(asks(edited(back(shown())))).violates("lost record-gone lww put");
    // Nor is it an answer that says nothing of it.
    let silent = |run: Run| run.answered_with("e2", &page(&[], false)).delivered("e2");
    silent(edited(back(asks(shown())))).gone("laptop", "task/1").violates("lost record-gone lww put");
}

#[test]
fn a_record_may_vanish_with_the_right_to_see_it() {
    let told = synced().pulls_page("laptop", "e2", &["task/1@1 title=T"]).shows("laptop", t("title=T"));
    told.clone().gone("laptop", "task/1").violates("monotonic vanished record");
    let asked = Event::Granting(member("ben", None));
    told.clone().then("world", asked.clone()).gone("laptop", "task/1").passes("monotonic");
    let why = "no answer".to_owned();
    let failed = Event::GrantFailed { change: member("ben", None), why };
    told.clone().then("world", asked).then("world", failed).gone("laptop", "task/1").passes("monotonic");
    told.grants("cem", None).gone("laptop", "task/1").violates("monotonic vanished record");
}

/// A private task of ana's, whom nobody but she sees.
fn private() -> Run {
    run().does("phone", "task/1", create(&["title=T", "private=yes", "assignee=ana"])).pushes(
        "phone",
        "e1",
        &["task/1 create"],
    )
}

#[test]
fn a_private_task_is_for_its_assignee_and_admins() {
    let own = task("task/1", &["title=T", "private=yes", "assignee=ana"]);
    let assigned =
        |run: Run| run.sends("phone", "e2", &["task/1 assignee=ana@1"]).arrives("e2").answered("e2");
    let end = |run: Run, bens: &[RecordView]| {
        let run = run.settles().audit("ana", std::slice::from_ref(&own)).audit("ben", bens);
        let run = run.look("phone", std::slice::from_ref(&own), &[]);
        run.look("tablet", std::slice::from_ref(&own), &[]).look("laptop", bens, &[]).finish()
    };
    end(assigned(private()), &[]).passes_all(&["lost", "converged"]);
    // An admin sees it, so its absence is a loss.
    let admin = assigned(private()).grants("ben", Some(Role::Admin));
    end(admin.clone(), &[]).violates("lost at-end create");
    end(admin, std::slice::from_ref(&own)).passes_all(&["lost", "converged"]);
    let open = run().does("phone", "task/1", create(&["title=T", "assignee=ana"]));
    end(open, &[]).violates("lost at-end create");
}

#[test]
fn what_nobody_may_see_must_at_least_have_reached_the_server() {
    let private = || run().does("phone", "task/1", create(&["title=T", "private=yes"]));
    private().ends_with(&[]).violates("lost at-end create");
    let sent = |carries: &[&str]| private().pushes("phone", "e1", carries).gone("phone", "task/1");
    sent(&["task/1 create", "task/1 title=T@1", "task/1 private=yes@1"]).ends_with(&[]).passes("lost");
    let part = sent(&["task/1 create"]).ends_with(&[]);
    assert_eq!(part.verdict("lost"), "unknown\nunknown: nobody may see task/1");
}

#[test]
fn a_device_holds_what_it_subscribes_to() {
    let mut run = run();
    let scopes = BTreeMap::from([("laptop".to_owned(), vec!["home".to_owned()])]);
    run.header().scopes = scopes;
    let work = ("work".to_owned(), "ben".to_owned(), Role::Editor);
    run.header().grants.push(work);
    let project = create_in("work", "project", None, &["title=P"]);
    let run = run.does("phone", "project/1", project).settles();
    let mut p = of("project", None, task("project/1", &["title=P"]));
    p.workspace = "work".to_owned();
    let run = run.audit("ana", &[]).audit("ben", std::slice::from_ref(&p)).look("phone", &[], &[]);
    let run = run.look("tablet", &[], &[]);
    run.clone().look("laptop", &[], &[]).finish().passes("converged");
    run.look("laptop", &[p], &[]).finish().violates("converged out-of-scope record");
}

#[test]
fn a_device_holds_the_entities_that_it_subscribes_to() {
    let both = |declared: &[&str], more: fn(Run) -> Run| {
        let mut run = run();
        let declared = declared.iter().map(|name| (*name).to_owned()).collect();
        run.header().entities = BTreeMap::from([("laptop".to_owned(), declared)]);
        let project = create_in("home", "project", None, &["title=P"]);
        let run = run.does("phone", "project/1", project).does("phone", "task/1", create(&["title=T"]));
        let all = [of("project", None, task("project/1", &["title=P"])), t("title=T")];
        let run = more(run).settles().audit("ana", &all).audit("ben", &all);
        (run.look("phone", &all, &[]).look("tablet", &all, &[]), all)
    };
    // By the header alone, whatever the device shows.
    let (run, [project, task]) = both(&["project"], |run| run);
    let sees = |records: &[RecordView]| run.clone().look("laptop", records, &[]).finish();
    sees(std::slice::from_ref(&project)).passes("converged");
    sees(&[]).violates("converged missing-on-device record");
    assert_snapshot!(sees(&[project.clone(), task]).verdict("converged"), @r"
    fail
    out-of-scope record: laptop shows task/1, a task of home, to which it does not subscribe
      expected: no task of home on laptop
      evidence: viewed laptop
    ");
    // Also what is its own: a device makes nothing that it does not keep.
    let (made, _) = both(&["project"], |run| run.does("laptop", "task/2", create(&["title=U"])));
    let own = crate::builder::task("task/2", &["title=U"]);
    let kept = made.clone().look("laptop", &[project.clone(), own.clone()], &[]).finish();
    kept.violates("converged out-of-scope record");
    let waiting = in_state(Saved, own);
    made.look("laptop", &[project, waiting], &[]).finish().passes("converged");
    let (run, all) = both(&["project", "task"], |run| run);
    run.clone().look("laptop", &all, &[]).finish().passes("converged");
    run.look("laptop", &all[..1], &[]).finish().violates("converged missing-on-device record");
}

#[test]
fn everywhere_is_where_somebody_subscribes_to_it() {
    let claim = |entities: &[&str]| {
        let mut run = synced();
        let declared = entities.iter().map(|name| (*name).to_owned()).collect();
        run.header().entities = BTreeMap::from([("laptop".to_owned(), declared)]);
        let held = [t("title=T")];
        let run = run.audit("ana", &held).audit("ben", &held).look("phone", &held, &[]);
        run.look("tablet", &held, &[]).look("laptop", &[], &[]).expects(deadzone_trace::Claim::Record {
            name: "task/1".to_owned(),
            once: true,
            fields: Vec::new(),
            place: deadzone_trace::Place::Everywhere,
        })
    };
    claim(&["project"]).passes("expected");
    claim(&["project", "task"]).violates("expected record claim");
}

#[test]
fn devices_that_cannot_converge_are_named() {
    let exchange = Exchange("e2".to_owned());
    let body = r#"{"status":426,"code":"client-too-old","detail":"upgrade"}"#.to_owned();
    let too_old = |run: Run| {
        run.sends("laptop", "e2", &["task/1 title=U@1"]).arrives("e2").then(
            "server",
            Event::Answered {
                exchange: exchange.clone(),
                copy: 1,
                status: 426,
                headers: Vec::new(),
                body: body.clone(),
            },
        )
    };
    let end = |run: Run| {
        let run = run.exempt("phone").settles().audit("ana", &[t("title=T")]).audit("ben", &[t("title=T")]);
        run.look("tablet", &[t("title=T")], &[]).look("laptop", &[], &[]).look("phone", &[], &[]).finish()
    };
    let judgement = end(too_old(synced())).judge();
    let verdict = judgement.verdict("converged").expect("an oracle");
    assert_eq!(verdict.exempt, ["laptop: too old for the server", "phone: signed out"]);
    end(too_old(synced())).passes("converged");
    end(synced()).violates("converged missing-on-device record");
    end(too_old(synced()).pulls("laptop", "e3")).violates("converged missing-on-device record");
}

#[test]
fn an_older_app_speaks_its_own_words() {
    let mut run = run();
    run.header().apps = BTreeMap::from([("laptop".to_owned(), 3)]);
    let all = task("task/1", &["title=T", "due=friday", "priority=high"]);
    let old = task("task/1", &["title=T", "deadline=friday"]);
    let run = run.does("phone", "task/1", create(&["title=T", "due=friday", "priority=high"])).settles();
    let run = run.audit("ana", std::slice::from_ref(&all)).audit("ben", std::slice::from_ref(&all));
    let run =
        run.look("phone", std::slice::from_ref(&all), &[]).look("tablet", std::slice::from_ref(&all), &[]);
    run.clone().look("laptop", &[old], &[]).finish().passes_all(&["lost", "invented", "converged"]);
    let less = task("task/1", &["title=T", "priority=high"]);
    run.clone().look("laptop", &[less], &[]).finish().violates("converged fields-differ version value");
    // The newest app has no such excuse.
    let less = task("task/1", &["title=T", "due=friday"]);
    let upgraded = run.then("laptop", Event::Upgraded { to: 4 }).look("laptop", &[less], &[]).finish();
    upgraded.violates("converged fields-differ custom value");
}

#[test]
fn everywhere_is_where_somebody_may_see_it() {
    let claim = |run: Run, bens: &[RecordView]| {
        let run = run.audit("ana", &[t("title=T")]).audit("ben", bens).look("phone", &[t("title=T")], &[]);
        let run = run.look("tablet", &[t("title=T")], &[]).look("laptop", bens, &[]);
        run.expects(deadzone_trace::Claim::Record {
            name: "task/1".to_owned(),
            once: true,
            fields: Vec::new(),
            place: deadzone_trace::Place::Everywhere,
        })
    };
    claim(synced(), &[]).violates("expected record claim");
    claim(synced().grants("ben", None), &[]).passes("expected");
    claim(synced().signs_out("laptop", "a9", false), &[t("title=T")]).passes("expected");
}
