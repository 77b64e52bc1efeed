//! Coverage-guided fuzzing on the stable compiler.
//!
//! libFuzzer needs only LLVM's SanitizerCoverage instrumentation, which stable rustc passes through
//! with `-C passes=sancov-module`. A target without counters would run blind, so that fails; so does
//! one whose coverage falls below the floor in `fuzz/floors.txt`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::shell;
use crate::tally::Tally;

const SANCOV: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks";
const FLOORS: &str = "fuzz/floors.txt";

/// Runs the named targets, or all, `--seconds N` each (2 unless told otherwise). With `--floors` the
/// measured coverage, less a tenth, becomes the new committed floor.
pub(crate) fn run(args: &[&str]) -> Result<Tally, String> {
    let mut seconds = "2";
    let mut names = Vec::new();
    let mut write_floors = false;
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match *word {
            "--seconds" => seconds = words.next().ok_or("--seconds needs a number")?,
            "--floors" => write_floors = true,
            name => names.push(name.to_owned()),
        }
    }
    if names.is_empty() {
        names = targets()?;
    }
    build()?;
    let floors = read_floors();
    let mut measured = floors.clone();
    let mut tally = Tally::default();
    let mut faults = Vec::new();
    for name in &names {
        match one(name, seconds) {
            Ok(coverage) => {
                let floor = floors.get(name).copied().unwrap_or(0);
                let good = write_floors || (coverage >= floor && floor > 0);
                println!("fuzz {name}: {coverage} edges (floor {floor})");
                if good {
                    measured.insert(name.clone(), coverage.saturating_mul(9) / 10);
                } else {
                    faults.push(format!(
                        "{name}: coverage {coverage}, below its floor {floor}"
                    ));
                }
                tally.add(Tally::one(good));
            }
            Err(error) => {
                faults.push(format!("{name}: {error}"));
                tally.add(Tally::one(false));
            }
        }
    }
    if write_floors {
        let text: String = measured
            .iter()
            .map(|(name, n)| format!("{name} {n}\n"))
            .collect();
        std::fs::write(FLOORS, text).map_err(|e| format!("cannot write {FLOORS}: {e}"))?;
    }
    if faults.is_empty() {
        Ok(tally)
    } else {
        Err(faults.join("\n"))
    }
}

/// The fuzz targets, one for each file.
pub(crate) fn targets() -> Result<Vec<String>, String> {
    let entries = std::fs::read_dir("fuzz/targets").map_err(|e| format!("fuzz/targets: {e}"))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            entry
                .file_name()
                .to_str()?
                .strip_suffix(".rs")
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    Ok(names)
}

fn host() -> Result<String, String> {
    let version = shell::output("rustc", &["-vV"]).ok_or("rustc is missing")?;
    version
        .lines()
        .find_map(|line| line.strip_prefix("host: ").map(str::to_owned))
        .ok_or_else(|| "rustc names no host".into())
}

fn build() -> Result<(), String> {
    // An explicit target keeps the instrumentation out of build scripts and macros.
    let host = host()?;
    let args = [
        "build",
        "--release",
        "--manifest-path",
        "fuzz/Cargo.toml",
        "--target",
        &host,
        "--bins",
    ];
    shell::status(
        Command::new("cargo").args(args).env("RUSTFLAGS", SANCOV),
        "cargo",
        &args,
    )
}

fn one(name: &str, seconds: &str) -> Result<u32, String> {
    let binary = format!("fuzz/target/{}/release/{name}", host()?);
    let work = format!("fuzz/target/corpus/{name}");
    std::fs::create_dir_all(&work).map_err(|e| format!("cannot make {work}: {e}"))?;
    std::fs::create_dir_all("fuzz/artifacts").map_err(|e| format!("fuzz/artifacts: {e}"))?;
    let seeds = format!("fuzz/corpus/{name}");
    let mut command = Command::new(&binary);
    command
        .arg(format!("-max_total_time={seconds}"))
        .args([
            "-print_final_stats=1",
            "-timeout=10",
            "-rss_limit_mb=2048",
            "-seed=1",
        ])
        .arg(format!("-artifact_prefix=fuzz/artifacts/{name}-"))
        .arg(&work);
    if Path::new(&seeds).exists() {
        command.arg(&seeds);
    }
    let output = command
        .stdout(Stdio::null())
        .output()
        .map_err(|e| format!("cannot start {binary}: {e}"))?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let tail: Vec<&str> = log.lines().rev().take(25).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        return Err(format!(
            "crashed; its input lies in fuzz/artifacts\n{}",
            tail.join("\n")
        ));
    }
    if !log.contains("inline 8-bit counters") {
        return Err("was built without coverage counters".into());
    }
    let coverage = log.lines().rev().find_map(|line| {
        let rest = line.split("cov: ").nth(1)?;
        rest.split_whitespace().next()?.parse().ok()
    });
    coverage.ok_or_else(|| "printed no coverage".into())
}

fn read_floors() -> BTreeMap<String, u32> {
    let text = std::fs::read_to_string(FLOORS).unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let (name, floor) = line.split_once(' ')?;
            Some((name.to_owned(), floor.trim().parse().ok()?))
        })
        .collect()
}
