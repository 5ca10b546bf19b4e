//! Texts in canonical form are printed as they were; others are brought into it.

use deadzone_script::parse;

/// Parses a text that has to be right.
fn script(text: &str) -> deadzone_script::Script {
    parse(text).unwrap_or_else(|errors| panic!("{}", errors.render("test.scn", false)))
}

#[track_caller]
fn is_canonical(text: &str) {
    assert_eq!(script(text).to_string(), text);
}

#[test]
fn the_lost_answer_is_canonical() {
    is_canonical(
        r#"# The answer to a push is lost after the server committed it, and the phone crashes.
# The task must exist once and count once. (004: the response was lost, so the client retries)
scenario answer-lost-after-commit
suite    nightly

workspace home: ana editor, ben editor
device    phone:  ana
device    laptop: ben

phone   create project/p title="House"
phone   create task/1 in project/p title="Buy milk"
phone   add 1 to task/1 completed_count
fault   lose the answer to phone's next push
phone   sync
phone   kill
phone   restart
heal
settle

expect  task/1 once, completed_count=1 everywhere
"#,
    );
}

#[test]
fn concurrent_edits_are_canonical() {
    let text = r#"# Both edit the same task on the plane. The title merges, the status must be asked about.
scenario concurrent-edits-on-two-devices
suite    pr

workspace home: ana editor
device    laptop: ana
device    phone:  ana

laptop  create project/p title="House"
laptop  create task/1 in project/p title="Draft" status=open
settle

laptop, phone  offline
laptop  set task/1 title="Final" status=done
wait    2h
phone   set task/1 tags+=urgent status=blocked
laptop, phone  online
settle

expect  task/1 title="Final" tags=[urgent] everywhere
expect  conflict task/1.status shown on laptop, phone
laptop  resolve task/1.status keep mine
settle
expect  no conflicts
"#;
    is_canonical(text);
}

/// Everything that is accepted in another form than it is printed.
#[test]
fn other_forms_are_brought_into_the_canonical_one() {
    let text = "\u{feff}scenario   x\r
  suite pr\r
\tset sync_every 90s
workspace home:ana editor,ben viewer
workspace work: ana admin
device phone :ana drift -20ppm
device laptop: ben clock -0s
device old-tablet: ana clock 120m drift 7ppm
#no space
#
   #   three spaces
\t
phone create project/p in home title = \"house\" status=\"open\"
phone create task/1 in project/p tags+=\"home\" tags+=\"Two words\" completed_count+=-3
phone set task/1 completed_count+=1
phone set task/1 completed_count-=2
phone set task/1 title=\"a\\u{62}c\" completed_count-=-2
1 times: laptop set task/1 title=\"#\"
2 time within 1000ms: laptop create comment/c# in task/1 body=\"1	2\\n3\"
f1 : at 1500ms fault lose phone's 1st push
fault latency phone 1s..1000ms
fault bandwidth phone 2000KB/s
fault reset phone's connection after 1 bytes
fault jump phone's clock by 24h
at 0.5m settle
expect task/1 , title=abc, tags=[home, \"Two words\"] , everywhere
expect task/1 once on laptop,phone
";
    assert_eq!(
        script(text).to_string(),
        r##"scenario x
suite    pr
set       sync_every 1m30s
workspace home: ana editor, ben viewer
workspace work: ana admin
device    phone:  ana drift -20ppm
device    laptop: ben
device    old-tablet: ana clock +2h drift 7ppm
# no space
#
#   three spaces

phone   create project/p in home title=house status=open
phone   create task/1 in project/p tags+=home tags+="Two words" completed_count-=3
phone   add 1 to task/1 completed_count
phone   add -2 to task/1 completed_count
phone   set task/1 title=abc completed_count+=2
1 time: laptop  set task/1 title="#"
2 times within 1s: laptop  create comment/c# in task/1 body="1\t2\n3"
f1:  at 1.5s fault  lose phone's next push
fault   latency phone 1s
fault   bandwidth phone 2MB/s
fault   reset phone's connection after 1 byte
fault   jump phone's clock by +1d
at 30s settle
expect  task/1 title=abc tags=["Two words", home] everywhere
expect  task/1 once on laptop, phone
"##
    );
}

#[test]
fn line_ends_neither_vanish_nor_multiply() {
    let with = |tail: &str| script(&format!("scenario x{tail}")).to_string();
    assert_eq!(with(""), "scenario x\n");
    assert_eq!(with("\n"), "scenario x\n");
    assert_eq!(with("\r\n\r\n"), "scenario x\n\n");
    assert_eq!(with("\n\n  \n"), "scenario x\n\n\n");
}
