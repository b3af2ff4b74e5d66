//! What the pages show is true: examples are accepted, links lead somewhere, commands exist.

use std::{
    fs,
    path::{Path, PathBuf},
};

use event::wire::root_from_json;
use tests::blocks;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().into()
}

/// Pages for people, by their path from the repository.
fn pages() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !name.starts_with('.') && name != "target" && name != "blotter-data"
            {
                folders.push(path);
            } else if name.ends_with(".md") {
                let from_root = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push((from_root, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

#[test]
fn links_between_pages_lead_to_files() {
    let mut looked_up = 0;
    for (path, text) in pages() {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let from = root().join(&path).parent().unwrap().join(target);
            assert!(from.exists(), "{path} links to {link}, which is nowhere");
            looked_up += 1;
        }
    }
    assert!(looked_up > 10, "only {looked_up} links were looked up");
}

#[test]
fn what_a_foreign_producer_is_told_to_send_is_accepted() {
    let page = fs::read_to_string(root().join("schemas/README.md")).unwrap();
    let examples: Vec<_> = blocks(&page).into_iter().filter(|b| b.language == "json").collect();
    assert!(!examples.is_empty());
    for example in examples {
        for line in example.text.lines() {
            let value = serde_json::from_str(line).unwrap();
            root_from_json(&value).unwrap_or_else(|error| panic!("{error}: {line}"));
        }
    }
}

#[test]
fn tasks_the_pages_name_are_tasks_of_xtask() {
    let tasks = fs::read_to_string(root().join("xtask/src/main.rs")).unwrap();
    let mut looked_up = 0;
    for (path, text) in pages() {
        for task in text.split("cargo xtask ").skip(1) {
            let name: String = task.chars().take_while(char::is_ascii_alphabetic).collect();
            assert!(name.is_empty() || tasks.contains(&format!("[\"{name}\"")), "{path}: {name}");
            looked_up += 1;
        }
    }
    assert!(looked_up > 5, "only {looked_up} tasks were looked up");
}

#[test]
fn readme_shows_two_commands() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let blocks = blocks(&readme);
    let commands: Vec<_> = blocks.iter().flat_map(tests::Block::commands).take(2).collect();
    assert_eq!(commands, ["cargo run --release -- demo", "cargo xtask test"]);
}

/// A line without what is of one run on one machine: a rate, and how often something was made durable.
fn without_measures(line: &str) -> String {
    let line = match line.rsplit_once("; ") {
        Some((line, rate)) if rate.ends_with(" records/s") => line,
        _ => line,
    };
    match line.strip_prefix("sound: ").and_then(|line| line.split_once(" entries, ")) {
        Some((_, events)) => format!("sound: {events}"),
        None => line.to_owned(),
    }
}

/// Whether a line shown on a page is one that was printed: `…` at its end stands for more of it, and a
/// rate is of the machine it was measured on.
fn is_printed(shown: &str, printed: &str) -> bool {
    if let Some(begin) = shown.strip_suffix('…') {
        return printed.lines().any(|line| line.starts_with(begin));
    }
    printed.lines().any(|line| without_measures(line) == without_measures(shown))
}

#[test]
fn readme_shows_what_the_demo_and_questions_about_it_print() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let desk = tests::Desk::new();
    let mut printed = desk.run(&["demo"]).exits(0).stdout;
    let mut shown = 0;
    // What is asked of a reader's own data, `DIR`, cannot be asked here.
    for block in blocks(&readme).into_iter().filter(|block| !block.text.contains(" DIR\n")) {
        if block.language == "text" {
            for line in block.text.lines().filter(|line| !line.is_empty() && *line != "…") {
                assert!(is_printed(line, &printed), "the demo does not print: {line}");
                shown += 1;
            }
        }
        for command in block.commands().filter(|command| command.starts_with("blotter ")) {
            let words: Vec<_> = command.split(' ').skip(1).collect();
            printed.push_str(&desk.run(&words).exits(0).stdout);
        }
        for line in block.text.lines().filter(|_| block.language == "console") {
            if !line.starts_with("$ ") && !line.is_empty() && line != "…" {
                assert!(is_printed(line, &printed), "nothing prints: {line}");
                shown += 1;
            }
        }
    }
    assert!(shown > 30, "only {shown} lines were looked up");
}
