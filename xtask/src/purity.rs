//! Proves by reading that the machines below the drivers touch no clock, no system randomness and
//! no std.

use std::path::{Path, PathBuf};

use crate::tally::Tally;

/// The floors that must stay pure.
const FLOORS: [&str; 4] = ["core", "rtc", "kvs", "service/core"];

/// What gives an impurity away. Each is looked for outside comments.
const FORBIDDEN: [(&str, &str); 12] = [
    ("std::", "std (use core or alloc)"),
    (
        "extern crate std",
        "std (allowed only under cfg(test) or a `std` feature)",
    ),
    ("Instant::now", "a clock read (take `now` as an argument)"),
    ("SystemTime", "a wall clock (take a UnixTime)"),
    ("UNIX_EPOCH", "a wall clock (take a UnixTime)"),
    ("getrandom", "system randomness (take an Rng)"),
    ("OsRng", "system randomness (take an Rng)"),
    ("thread_rng", "system randomness (take an Rng)"),
    ("SysRng", "system randomness (take an Rng)"),
    ("rand::rng", "system randomness (take an Rng)"),
    ("thread::", "threads (drivers own them)"),
    (
        "HashMap",
        "a map whose order differs from run to run (use BTreeMap or Vec)",
    ),
];

/// Checks every source file of the pure floors; tests are exempt.
pub(crate) fn check() -> Result<Tally, String> {
    let mut findings = Vec::new();
    let mut crates = 0;
    for floor in FLOORS {
        for krate in crates_under(Path::new(floor)) {
            crates += 1;
            let root = std::fs::read_to_string(krate.join("src/lib.rs")).unwrap_or_default();
            for law in ["#![no_std]", "#![forbid(unsafe_code)]"] {
                if !root.contains(law) {
                    findings.push(format!("{}: lib.rs lacks {law}", krate.display()));
                }
            }
            let mut files = Vec::new();
            rust_files(&krate.join("src"), &mut files);
            for file in files {
                scan(&file, &mut findings);
            }
        }
    }
    if findings.is_empty() {
        println!("purity: {crates} crates read no clock, no system randomness and no std");
        return Ok(Tally {
            passed: crates,
            ..Tally::default()
        });
    }
    Err(format!(
        "these lines break purity:\n  {}",
        findings.join("\n  ")
    ))
}

/// The crates directly under (or at) a floor.
pub(crate) fn crates_under(floor: &Path) -> Vec<PathBuf> {
    if floor.join("Cargo.toml").exists() {
        return vec![floor.to_owned()];
    }
    let mut crates: Vec<PathBuf> = std::fs::read_dir(floor)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    crates.retain(|path| path.join("Cargo.toml").exists());
    crates.sort();
    crates
}

fn rust_files(dir: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if name != "tests" {
                rust_files(&path, out);
            }
        } else if name.ends_with(".rs") && name != "tests.rs" && !name.ends_with("_tests.rs") {
            out.push(path);
        }
    }
}

fn scan(file: &Path, findings: &mut Vec<String>) {
    let Ok(text) = std::fs::read_to_string(file) else {
        return;
    };
    let mut exempt_next = false;
    for (number, line) in text.lines().enumerate() {
        let code = line.trim_start();
        if code.starts_with("#[cfg(test)]") && text_after_is_inline_tests(&text, number) {
            return;
        }
        if code.starts_with("#[cfg(test)]") || code.starts_with("#[cfg(feature = \"std\")]") {
            exempt_next = true;
            continue;
        }
        if code.starts_with("//") {
            continue;
        }
        let code = code.split(" // ").next().unwrap_or(code);
        if !exempt_next {
            for (word, meaning) in FORBIDDEN {
                if contains_word(code, word) {
                    findings.push(format!("{}:{}: {meaning}", file.display(), number + 1));
                }
            }
        }
        exempt_next = false;
    }
}

/// Whether the `#[cfg(test)]` on this line opens an inline test module, which ends a file.
fn text_after_is_inline_tests(text: &str, number: usize) -> bool {
    text.lines().nth(number + 1).is_some_and(|next| {
        let next = next.trim_start();
        next.starts_with("mod ") && next.ends_with('{')
    })
}

fn contains_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code.get(..at).and_then(|head| head.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_inside_another_is_no_finding() {
        assert!(contains_word("use std::fmt;", "std::"));
        assert!(!contains_word("use no_std::fmt;", "std::"));
        assert!(!contains_word("MyHashMap::new()", "HashMap"));
    }
}
