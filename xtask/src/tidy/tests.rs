//! Each check goes red for the one thing it is for.

use super::{
    Rules, Source, codes,
    directions::{self, Member},
    errors, invariants, purity, words,
};

fn file(path: &str, text: &str) -> Source {
    Source { path: path.into(), text: text.into() }
}

fn rules() -> Rules {
    Rules::read().expect("xtask/tidy.toml")
}

fn member(name: &str, inside: &[&str], outside: &[&str]) -> Member {
    let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    Member { name: name.into(), inside: owned(inside), outside: owned(outside), in_tests: vec![] }
}

#[test]
fn dependency_against_the_direction_is_named() {
    let check = |member| directions::check(&[member], &rules());
    assert!(check(member("agent", &["event", "guard"], &[])).is_empty());
    assert!(check(member("agent", &["bus"], &[]))[0].contains("agent: must not know bus"));
    assert!(check(member("gateway", &["blotter"], &[]))[0].contains("must not know blotter"));
    assert!(check(member("agent", &[], &["sled"]))[0].contains("must not use sled"));
    assert!(check(member("utils", &[], &[])).iter().any(|p| p.contains("says nothing")));
    assert!(check(member("novel", &[], &[]))[0].contains("no line in xtask/tidy.toml"));
    let knowing = Member { in_tests: vec!["blotter".into()], ..member("agent", &[], &[]) };
    assert!(check(knowing)[0].contains("not even in tests"));
}

#[test]
fn impurity_is_named() {
    let rules = Rules { pure: vec!["event".into()], ..Rules::default() };
    let lib = "#![no_std]\n#![deny(clippy::float_arithmetic)]\n";
    let check = |text: &str| {
        purity::check(&[file("crates/event/src/lib.rs", &format!("{lib}{text}"))], &rules)
    };
    assert!(check("#[cfg(test)]\nextern crate std;\n// f64 in a comment\n").is_empty());
    assert!(check("#[cfg(test)]\nmod tests {\nfn f(_: f64) {}\n}\n").is_empty());
    assert_eq!(check("extern crate std;\n").len(), 1);
    assert_eq!(check("fn f(_: f64) {}\n").len(), 1);
    let bare = [file("crates/event/src/lib.rs", "")];
    assert_eq!(purity::check(&bare, &rules).len(), 2);
    assert_eq!(purity::check(&[], &rules).len(), 1);
}

#[test]
fn words_that_have_no_place_are_named_with_their_line() {
    let rules = rules();
    let word = &rules.banned_words[0];
    let path = &rules.banned_paths[0];
    let bad = format!("fine\nleft {word} here\nin {path}main\n{}\n", words_test_macro());
    let found = words::check(&[file("crates/x/src/a.rs", &bad)], &rules);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].starts_with("crates/x/src/a.rs:2:"), "{found:?}");
    let allowed = format!("#![{}wrap_used)]\n", "allow(clippy::un");
    assert_eq!(words::check(&[file("crates/x/src/a.rs", &allowed)], &rules).len(), 1);
    assert!(words::check(&[file("crates/x/tests/a.rs", &allowed)], &rules).is_empty());
}

fn words_test_macro() -> String {
    format!("{}!()", "todo")
}

#[test]
fn file_that_is_too_long_is_named() {
    let rules = rules();
    let long = [file("crates/x/src/a.rs", &"x\n".repeat(501))];
    assert_eq!(words::lengths(&long, &rules).len(), 1);
    assert!(words::lengths(&[file("crates/x/src/a.rs", &"x\n".repeat(500))], &rules).is_empty());
}

#[test]
fn invariant_whose_test_is_nowhere_is_named() {
    let page = |rows: &str| {
        file("docs/invariants.md", &format!("| id | holds | test |\n|---|---|---|\n{rows}"))
    };
    let code = || file("crates/x/src/tests.rs", "#[test]\nfn money_is_kept() {}\n");
    let good = [page("| P-1 | money is kept | `money_is_kept` |\n| P-2 | later | - |\n"), code()];
    assert!(invariants::check(&good).is_empty());
    assert!(invariants::proven(&good).contains("2 invariants, 1 named"));
    let lost = [page("| P-1 | money is kept | `money_is_lost` |\n"), code()];
    assert!(invariants::check(&lost)[0].contains("`money_is_lost`, which is nowhere"));
    let twice = [page("| P-1 | a | - |\n| P-1 | b | - |\n")];
    assert!(invariants::check(&twice)[0].contains("twice"));
    assert_eq!(invariants::check(&[]).len(), 1);
}

const ENUM: &str = "/// It is gone.\n/// For good.\n#[error(\"E1234 {path} is \\\n    gone\")]\n";

#[test]
fn codes_are_read_with_message_and_meaning() {
    let found = codes(&[file("crates/event/src/a.rs", ENUM)]);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].code.as_str(), found[0].member.as_str()), ("E1234", "event"));
    assert_eq!(found[0].message, "{path} is gone");
    assert_eq!(found[0].meaning, "It is gone. For good.");
}

#[test]
fn code_without_page_advice_or_uniqueness_is_named() {
    let mut tree = vec![file("crates/event/src/a.rs", ENUM)];
    let found = errors::check(&tree).join("\n");
    assert!(
        found.contains("E1xxx.md: missing") && found.contains("E1234: says not what to do"),
        "{found}"
    );
    tree.push(file("docs/errors/advice.toml", "E1234 = \"look\"\nE1999 = \"old\"\n"));
    for (path, text) in crate::errors::pages(&codes(&tree), &crate::errors::advice(&tree)) {
        tree.push(Source { path, text });
    }
    assert_eq!(errors::check(&tree), ["E1999: advice for a code that nothing uses"]);
    tree.push(file("crates/event/src/b.rs", ENUM));
    assert!(errors::check(&tree)[0].contains("E1234: stands at two places"));
}
