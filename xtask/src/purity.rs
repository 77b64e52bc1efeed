//! Proves by reading that the machines below the drivers touch no clock, no system randomness and
//! no std.

use std::path::{Path, PathBuf};

use crate::tally::Tally;

/// The floors that must stay pure.
const FLOORS: [&str; 4] = ["core", "rtc", "kvs", "service/core"];

/// What gives an impurity away. Each is looked for outside comments.
const FORBIDDEN: [(&str, &str); 13] = [
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
    (
        "RandomState",
        "a map whose order differs from run to run (use BTreeMap or Vec)",
    ),
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
            let manifest = std::fs::read_to_string(krate.join("Cargo.toml")).unwrap_or_default();
            for number in impure_dependencies(&manifest) {
                let place = krate.join("Cargo.toml");
                findings.push(format!(
                    "{}:{number}: a dependency with std or system randomness",
                    place.display()
                ));
            }
            let mut files = Vec::new();
            rust_files(&krate.join("src"), &mut files);
            for file in files {
                let text = std::fs::read_to_string(&file)
                    .map_err(|e| format!("cannot read {}: {e}", file.display()))?;
                for (number, meaning) in scan(&text) {
                    findings.push(format!("{}:{number}: {meaning}", file.display()));
                }
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

/// Line numbers and what is wrong there.
fn scan(text: &str) -> Vec<(usize, &'static str)> {
    let mut findings = Vec::new();
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    let mut exempt_next = false;
    for (at, line) in lines.iter().enumerate() {
        let for_tests = line.starts_with("#[cfg(test)]");
        if for_tests && opens_inline_tests(lines.get(at + 1..).unwrap_or(&[])) {
            break;
        }
        if for_tests || line.starts_with("#[cfg(feature = \"std\")]") {
            exempt_next = true;
            continue;
        }
        if line.starts_with("//") {
            continue;
        }
        let code = line.split(" // ").next().unwrap_or(line);
        if !exempt_next {
            let found = FORBIDDEN
                .iter()
                .filter(|(word, _)| contains_word(code, word));
            findings.extend(found.map(|(_, meaning)| (at + 1, *meaning)));
        }
        exempt_next = false;
    }
    findings
}

/// Whether the lines after a `#[cfg(test)]` open an inline test module, which ends a file.
fn opens_inline_tests(after: &[&str]) -> bool {
    let item = after.iter().find(|line| !line.starts_with("#["));
    item.is_some_and(|line| line.starts_with("mod ") && line.ends_with('{'))
}

/// Lines of a manifest's `[dependencies]` that turn on std or name a source of randomness.
fn impure_dependencies(manifest: &str) -> Vec<usize> {
    let mut inside = false;
    let mut found = Vec::new();
    for (at, line) in manifest.lines().enumerate() {
        if line.starts_with('[') {
            inside = line.starts_with("[dependencies");
        } else if inside
            && (line.contains("\"std\"")
                || line.contains("getrandom")
                || line.starts_with("rand ="))
        {
            found.push(at + 1);
        }
    }
    found
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

    #[test]
    fn every_impurity_is_found_where_it_stands() {
        let text = "use core::fmt;\nlet t = Instant::now();\nlet m: HashMap<u8, u8>;\n";
        let lines: Vec<usize> = scan(text).iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 3]);
        for (word, _) in FORBIDDEN {
            assert!(!scan(word).is_empty(), "{word}");
        }
    }

    #[test]
    fn comments_and_tests_are_exempt() {
        let text = "//! std::fmt\n#[cfg(test)]\nextern crate std;\nlet a = 1; // Instant::now\n\
            #[cfg(test)]\n#[expect(x)]\nmod tests {\n    use std::vec::Vec;\n}\n";
        assert_eq!(scan(text), []);
        let text = "#[cfg(test)]\nmod tests;\nuse std::vec::Vec;\n";
        assert_eq!(scan(text).len(), 1);
    }

    #[test]
    fn dependencies_with_std_are_found_but_not_those_of_tests() {
        let manifest = "[features]\nx = [\"std\"]\n[dependencies]\na = { features = [\"std\"] }\n\
            getrandom = \"0.4\"\n[dev-dependencies]\nb = { features = [\"std\"] }\n";
        assert_eq!(impure_dependencies(manifest), [4, 5]);
    }
}
