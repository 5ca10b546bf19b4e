//! Planted defects: what each of them does over the wire, beside what is right.

use bytes::Bytes;
use deadzone_contract::Parameters;
use deadzone_contract::wire::Role;
use deadzone_server::{DEFECTS, ServerPolicy};
use http::Method;

use crate::hints;
use crate::lab::Lab;
use crate::rules::prepared;
use crate::write::{base, delete, project, task, update};

/// Something that happens to a server with a project `p` and a task `t`.
struct Play {
    defect: &'static str,
    parameters: fn(&mut Parameters),
    /// What is seen of it.
    play: fn(&mut Lab) -> String,
    /// Where no mistake is made.
    right: &'static str,
    /// With the mistake.
    wrong: &'static str,
}

const AS_THEY_ARE: fn(&mut Parameters) = |_| ();

/// One for each mistake, in the order in which they are listed.
const PLAYS: &[Play] = &[
    Play {
        defect: "base-version-ignored",
        parameters: AS_THEY_ARE,
        play: |lab| {
            lab.push("ben/laptop", [update(1, "t").set("status", "open", base(0))]);
            lab.push("ana/phone", [update(1, "t").set("status", "done", base(0))])
        },
        right: "1 done status: phone:1:status mine=done theirs=open@1 -> t@3 status=open@1 title=Milk \
                [status: phone:1:status mine=done theirs=open@1] includes 1",
        wrong: "1 done -> t@3 status=done@2 title=Milk includes 1",
    },
    Play {
        defect: "page-boundary-skips-rows",
        parameters: AS_THEY_ARE,
        play: |lab| {
            lab.push("ana/phone", [task(1, "a"), task(2, "b"), task(3, "c")]);
            lab.pages("ben/laptop", 2).join(" | ")
        },
        right: "p@1 title=House\nt@1 title=Milk | a@1\nb@1 | c@1",
        wrong: "p@1 title=House\nt@1 title=Milk | b@1\nc@1",
    },
    Play {
        defect: "answer-before-commit",
        parameters: AS_THEY_ARE,
        play: |lab| {
            lab.run_tasks();
            let answer = lab.push("ana/phone", [update(1, "t").put("title", "Oat milk")]);
            lab.restart();
            format!("{answer}\n{}", lab.pull("ana/phone", "since=1"))
        },
        right: "1 done -> t@2 title=\"Oat milk\" includes 1\nt@2 title=\"Oat milk\" includes 1\n\
                next=3 more=false",
        wrong: "1 done -> t@2 title=\"Oat milk\" includes 1\nt@1 title=Milk\nnext=2 more=false",
    },
    Play {
        defect: "answer-store-forgets-too-early",
        parameters: AS_THEY_ARE,
        play: |lab| {
            let once = || lab.push("ana/phone", [update(1, "t").add("completed_count", 1)]);
            once();
            lab.pass(60_000);
            once()
        },
        right: "1 done -> t@2 completed_count=1 title=Milk includes 1",
        wrong: "1 done -> t@3 completed_count=2 title=Milk includes 1",
    },
    Play {
        defect: "answers-replayed-to-another-user",
        parameters: AS_THEY_ARE,
        play: |lab| {
            lab.push("ana/tablet", [task(3, "a").put("title", "Bread")]);
            let answer = lab.push("ben/tablet", [task(3, "b").put("title", "Beer")]);
            format!("{answer}\n{}", lab.pull("ben/tablet", "since=3"))
        },
        right: "3 number-reused (number 3 came before with another content) -> nothing\nnext=3 more=false",
        wrong: "3 done -> nothing\nnext=3 more=false",
    },
    Play {
        defect: "replay-not-filtered-by-present-rights",
        parameters: AS_THEY_ARE,
        play: |lab| {
            let once = |lab: &Lab| lab.push("ben/laptop", [update(1, "t").put("title", "Oat milk")]);
            once(lab);
            lab.grant("home", "ben", None);
            lab.push("ana/phone", [update(9, "t").put("title", "Gin")]);
            once(lab)
        },
        right: "1 done -> nothing",
        wrong: "1 done -> t@3 title=Gin includes 1",
    },
    Play {
        defect: "timestamp-cursor",
        parameters: AS_THEY_ARE,
        play: |lab| {
            lab.push("ana/phone", [task(1, "a"), task(2, "b"), task(3, "c")]);
            let pages = lab.pages("ben/laptop", 2).join(" | ");
            let since = lab.try_pull("ben/laptop", "since=0").unwrap().next;
            lab.set_back(1);
            lab.push("ana/phone", [task(4, "d")]);
            let page = lab.try_pull("ben/laptop", &format!("since={since}")).unwrap();
            format!("{pages}\nand {} later", page.changes.len())
        },
        right: "p@1 title=House\nt@1 title=Milk | a@1\nb@1 | c@1\nand 1 later",
        wrong: "p@1 title=House\nt@1 title=Milk | \nand 0 later",
    },
    Play {
        defect: "hard-delete",
        parameters: AS_THEY_ARE,
        play: |lab| {
            lab.push("ana/phone", [delete(1, "p", base(1)), delete(2, "t", base(1))]);
            let told = lab.pull("ben/laptop", "since=2");
            format!("{told}\n{}", lab.push("ben/laptop", [update(1, "t").put("title", "Oat milk")]))
        },
        right: "p@2 deleted\nt@2 deleted\nnext=4 more=false\n1 done -> t@3 title=\"Oat milk\" includes 1",
        wrong: "next=2 more=false\n1 unknown-record (there is no such record) -> nothing",
    },
    Play {
        defect: "tombstone-collected-too-early",
        parameters: AS_THEY_ARE,
        play: |lab| {
            lab.push("ana/phone", [delete(1, "t", base(1))]);
            lab.pass(60_000);
            lab.pull("ben/laptop", "since=2")
        },
        right: "t@2 deleted\nnext=3 more=false",
        wrong: "next=3 more=false",
    },
    Play {
        defect: "delta-not-filtered-by-workspace",
        parameters: AS_THEY_ARE,
        play: |lab| {
            lab.push("ana/phone", [task(1, "s").put("private", "yes").put("assignee", "ana")]);
            lab.pull("eve/pad", "since=0")
        },
        right: "next=3 more=false",
        wrong: "p@1 title=House\nt@1 title=Milk\nnext=3 more=false",
    },
    Play {
        defect: "entities-ignored",
        parameters: |p| p.hint_hold = 10_000,
        play: |lab| {
            let query = "since=1&entities=project";
            format!("{} | {}", lab.pull("ben/laptop", query), hints::told(lab, "ben/laptop", query))
        },
        right: "next=2 more=false | held",
        wrong: "t@1 title=Milk\nnext=2 more=false | t@1 title=Milk\nsince=1 next=2",
    },
    Play {
        defect: "private-rows-not-filtered",
        parameters: AS_THEY_ARE,
        play: |lab| {
            lab.push("ana/phone", [task(1, "s").put("private", "yes").put("assignee", "ana")]);
            format!("{}\n{}", lab.pull("ben/laptop", "since=2"), lab.pull("eve/pad", "since=2"))
        },
        right: "next=3 more=false\nnext=3 more=false",
        wrong: "s@1 assignee=ana private=yes for ever\nnext=3 more=false\nnext=3 more=false",
    },
    Play {
        defect: "conflict-body-not-filtered",
        parameters: AS_THEY_ARE,
        play: |lab| lab.push("eve/pad", [update(1, "t").put("title", "x")]),
        right: "1 unknown-record (there is no such record) -> nothing",
        wrong: "1 unknown-record (there is no such record) -> t@1 title=Milk",
    },
    Play {
        defect: "hints-not-filtered",
        parameters: |parameters| parameters.hint_hold = 10_000,
        play: |lab| hints::told(lab, "eve/pad", "since=0"),
        right: "held",
        wrong: "p@1 title=House\nt@1 title=Milk\nsince=0 next=2",
    },
    Play {
        defect: "cacheable-answers",
        parameters: AS_THEY_ARE,
        play: |lab| {
            let answer = lab.send(lab.request("ana/phone", Method::GET, "/sync?since=0", Bytes::new()));
            format!("{:?}", answer.headers().get("cache-control"))
        },
        right: r#"Some("private, no-store")"#,
        wrong: "None",
    },
    Play {
        defect: "revocation-not-sent-as-removed",
        parameters: AS_THEY_ARE,
        play: |lab| {
            lab.grant("home", "ben", None);
            lab.pull("ben/laptop", "since=2")
        },
        right: "p removed\nt removed\nnext=4 more=false",
        wrong: "next=2 more=false",
    },
    Play {
        defect: "no-version-handshake",
        parameters: AS_THEY_ARE,
        play: |lab| {
            lab.push("ana/phone", [update(1, "t").set("due", "monday", base(0))]);
            let edit = update(1, "t").set("deadline", "friday", base(1));
            let told = [lab.pull("ben/laptop/3", "since=2"), lab.push("ben/laptop/3", [edit])];
            format!("{}\n{}", told.join("\n"), lab.try_pull("ben/laptop/2", "").is_ok())
        },
        right: "t@2 deadline=monday@1 title=Milk\nnext=3 more=false\n\
                1 done -> t@3 deadline=friday@2 title=Milk includes 1\nfalse",
        wrong: "t@2 due=monday@1 title=Milk\nnext=3 more=false\n\
                1 invalid (a task has no field `deadline`) -> t@2 due=monday@1 title=Milk\ntrue",
    },
    Play {
        defect: "far-future-stamps-accepted",
        parameters: |parameters| parameters.stamp_ahead = 100,
        play: |lab| lab.push("ana/phone", [update(1, "t").put("title", "2100").at(4_000_000_000_000)]),
        right: "1 stamp-ahead (the stamp is 4000000000000 ms ahead of the server's clock; stamp anew) \
                -> t@1 title=Milk",
        wrong: "1 done -> t@2 title=\"2100\" includes 1",
    },
    Play {
        defect: "limits-count-requests",
        parameters: |parameters| parameters.push_limit = 3,
        play: |lab| lab.push("ana/tablet", [update(3, "t"), update(4, "t")]),
        right: "3 done -> t@2 title=Milk includes 3\n4 deferred -> nothing",
        wrong: "3 done -> t@2 title=Milk includes 3\n4 done -> t@3 title=Milk includes 4",
    },
    Play {
        defect: "partial-batch-reported-as-whole",
        parameters: |parameters| parameters.push_limit = 3,
        play: |lab| {
            let add = |number| update(number, "t").add("completed_count", 1);
            let answer = lab.push("ana/tablet", [add(3), add(4)]);
            format!("{answer}\n{}", lab.pull("ben/laptop", "since=2"))
        },
        right: "3 done -> t@2 completed_count=1 title=Milk includes 3\n4 deferred -> nothing\n\
                t@2 completed_count=1 title=Milk\nnext=3 more=false",
        wrong: "3 done -> t@2 completed_count=1 title=Milk includes 3\n4 done -> nothing\n\
                t@2 completed_count=1 title=Milk\nnext=3 more=false",
    },
];

#[test]
fn each_mistake_does_its_damage() {
    let listed: Vec<_> = DEFECTS.iter().map(|defect| defect.name).collect();
    assert_eq!(PLAYS.iter().map(|play| play.defect).collect::<Vec<_>>(), listed);
    for (play, defect) in PLAYS.iter().zip(DEFECTS) {
        let seen = |policy: ServerPolicy| (play.play)(&mut prepared(Lab::started(play.parameters, policy)));
        assert_eq!(seen(ServerPolicy::default()), play.right, "without {}", play.defect);
        assert_eq!(seen(defect.policy()), play.wrong, "with {}", play.defect);
    }
}

/// No mistake shows where nothing is done that it is about.
#[test]
fn each_mistake_is_one_and_does_nothing_else() {
    let everyday = |policy: ServerPolicy| {
        let lab = prepared(Lab::started(|_| (), policy));
        lab.grant("home", "eve", Some(Role::Editor));
        // Numbers that no other user has given.
        let push = lab.push(
            "ben/laptop",
            [
                project(11, "q").put("title", "Garden"),
                update(12, "t").set("status", "open", base(0)).add("completed_count", 1).tags(["urgent"], []),
                update(13, "t").set("priority", "high", base(0)).put("created_at", "monday"),
            ],
        );
        lab.pass(1);
        let again = lab.push(
            "ben/laptop",
            [update(12, "t").set("status", "open", base(0)).add("completed_count", 1).tags(["urgent"], [])],
        );
        let all = lab.all("eve/pad");
        let mut all: Vec<_> = all.lines().collect();
        // Two changes of one millisecond come in any order where cursors are times.
        all.sort_unstable();
        format!("{push}\n{again}\n{}", all.join("\n"))
    };
    let right = everyday(ServerPolicy::default());
    for defect in DEFECTS {
        assert_eq!(everyday(defect.policy()), right, "{}", defect.name);
    }
}
