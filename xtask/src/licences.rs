//! Checks the licence of every crate in the lock files against `deny.toml`'s list, without a tool
//! that would take minutes to build. `cargo deny check` reads the same file.

use std::collections::BTreeSet;

use crate::shell;
use crate::tally::Tally;

/// Fails on a package whose licence expression the allowed licences do not satisfy.
pub(crate) fn check() -> Result<Tally, String> {
    let allowed = allowed()?;
    let mut seen = BTreeSet::new();
    let mut bad = Vec::new();
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        let args = [
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--manifest-path",
            manifest,
        ];
        let metadata = shell::output("cargo", &args).ok_or_else(|| {
            format!(
                "`cargo {}` failed; is Cargo.lock up to date?",
                args.join(" ")
            )
        })?;
        let found = packages(&metadata);
        if found.is_empty() {
            return Err(format!(
                "found no package in cargo's metadata of {manifest}"
            ));
        }
        for (name, version, licence) in found {
            let package = format!("{name} {version}");
            // The fuzz crate itself is no part of anything that is handed on.
            let ours = name == "fuzz" && licence.is_empty();
            if seen.insert(package.clone()) && !ours && !satisfied(&licence, &allowed) {
                bad.push(format!("{package}: {licence:?}"));
            }
        }
    }
    if bad.is_empty() {
        println!("licences: {} packages, all allowed", seen.len());
        Ok(Tally::one(true))
    } else {
        Err(format!(
            "licences not in deny.toml's list:\n  {}",
            bad.join("\n  ")
        ))
    }
}

fn allowed() -> Result<BTreeSet<String>, String> {
    let text = std::fs::read_to_string("deny.toml").map_err(|e| format!("deny.toml: {e}"))?;
    let list = text
        .split("allow = [")
        .nth(1)
        .and_then(|rest| rest.split(']').next());
    let list = list.ok_or("deny.toml has no `allow = [...]` list")?;
    Ok(list
        .split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect())
}

/// Name, version and licence expression of each package, in cargo's fixed key order.
fn packages(metadata: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    // A dependency's object begins with its name too, but goes on with `source`.
    for part in metadata.split("{\"name\":\"").skip(1) {
        let Some((name, rest)) = part.split_once("\",\"version\":\"") else {
            continue;
        };
        let Some((version, rest)) = rest.split_once('"').filter(|_| !name.contains('"')) else {
            continue;
        };
        let Some((_, rest)) = rest.split_once("\"license\":") else {
            continue;
        };
        let licence = rest
            .strip_prefix('"')
            .and_then(|rest| rest.split('"').next());
        found.push((name.into(), version.into(), licence.unwrap_or("").into()));
    }
    found
}

/// Evaluates an SPDX expression: `OR` of `AND` of licences and parentheses, `/` being an old `OR`.
fn satisfied(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    any(&mut words, allowed) == Some(true) && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> Option<bool> {
    let mut good = all(words, allowed)?;
    while words.next_if_eq(&"OR").is_some() {
        good |= all(words, allowed)?;
    }
    Some(good)
}

fn all(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> Option<bool> {
    let mut good = term(words, allowed)?;
    while words.next_if_eq(&"AND").is_some() {
        good &= term(words, allowed)?;
    }
    Some(good)
}

fn term(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> Option<bool> {
    let first = words.next()?;
    if first == "(" {
        let good = any(words, allowed)?;
        return (words.next()? == ")").then_some(good);
    }
    let mut licence = first.to_owned();
    if words.next_if_eq(&"WITH").is_some() {
        licence = format!("{first} WITH {}", words.next()?);
    }
    Some(allowed.contains(&licence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_evaluated_with_their_precedence() {
        let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"];
        let allowed = allowed.map(str::to_owned).into();
        for good in [
            "MIT OR GPL-3.0",
            "GPL-3.0/MIT",
            "(MIT OR Apache-2.0) AND Apache-2.0",
            "GPL-3.0 AND X OR MIT",
            "GPL-3.0 OR (MIT AND Apache-2.0)",
            "Apache-2.0 WITH LLVM-exception AND MIT",
        ] {
            assert!(satisfied(good, &allowed), "{good}");
        }
        for bad in [
            "",
            "Apache-2.0 AND GPL-3.0",
            "(GPL-3.0 OR X) AND MIT",
            "(MIT",
            "MIT MIT",
            "GPL-3.0 OR X AND MIT",
            "MIT WITH X",
        ] {
            assert!(!satisfied(bad, &allowed), "{bad}");
        }
    }

    #[test]
    fn packages_are_told_from_their_dependencies() {
        let metadata = r#"{"packages":[{"name":"a","version":"1.0.0","id":"a","license":"MIT",
            "dependencies":[{"name":"b","source":null}]},{"name":"b","version":"2.0.0","license":null}]}"#;
        let expected = [("a", "1.0.0", "MIT"), ("b", "2.0.0", "")];
        let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(packages(metadata), expected);
    }
}
