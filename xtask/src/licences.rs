//! Checks the licence of every crate in the lock file against `deny.toml`'s list, without a tool
//! that would take minutes to build. `cargo deny check` reads the same file.

use std::collections::BTreeSet;

use crate::shell;
use crate::tally::Tally;

/// Fails on a package none of whose licences is allowed.
pub(crate) fn check() -> Result<Tally, String> {
    let allowed = allowed()?;
    let metadata = shell::output("cargo", &["metadata", "--format-version", "1", "--locked"])
        .ok_or("`cargo metadata --locked` failed; is Cargo.lock up to date?")?;
    let mut seen = BTreeSet::new();
    let mut bad = Vec::new();
    for (name, licence) in packages(&metadata) {
        if seen.insert(name.clone()) && !satisfied(&licence, &allowed) {
            bad.push(format!("{name}: {licence}"));
        }
    }
    if seen.is_empty() {
        return Err("found no package in cargo's metadata".into());
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

/// Name and licence expression of each package, in cargo's fixed key order.
fn packages(metadata: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for part in metadata.split("{\"name\":\"").skip(1) {
        let Some((name, rest)) = part.split_once('"') else {
            continue;
        };
        let Some((_, rest)) = rest.split_once("\"license\":") else {
            continue;
        };
        // Only the head of a package object: dependencies carry no `license` before their end.
        let licence = rest
            .strip_prefix('"')
            .and_then(|rest| rest.split('"').next());
        if part.starts_with(&format!("{name}\",\"version\":\"")) {
            found.push((name.to_owned(), licence.unwrap_or("(none)").to_owned()));
        }
    }
    found
}

/// Evaluates the flat SPDX expressions that crates use: AND binds the clauses, OR their options.
fn satisfied(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let flat = expression.replace(['(', ')'], "").replace('/', " OR ");
    flat.split(" AND ")
        .all(|clause| clause.split(" OR ").any(|one| allowed.contains(one.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_need_one_option_of_every_clause() {
        let allowed = BTreeSet::from(["MIT".to_owned(), "Apache-2.0".to_owned()]);
        assert!(satisfied("MIT OR GPL-3.0", &allowed));
        assert!(satisfied("(MIT OR Apache-2.0) AND Apache-2.0", &allowed));
        assert!(!satisfied("Apache-2.0 AND GPL-3.0", &allowed));
    }
}
