//! Coverage-guided fuzzing on the stable compiler.
//!
//! libFuzzer needs only LLVM's SanitizerCoverage instrumentation, which stable rustc passes through
//! with `-C passes=sancov-module`. A target without counters would run blind, so that fails; so does
//! one whose coverage falls below the floor in `fuzz/floors.txt`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use crate::shell;
use crate::tally::Tally;

const SANCOV: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks";
const FLOORS: &str = "fuzz/floors.txt";
const MANIFEST: &str = "fuzz/Cargo.toml";

/// Runs the named targets, or all, `--seconds N` each (2 unless told otherwise), as many at a time
/// as there are processors. With `--floors` three quarters of the measured coverage become the new
/// committed floors: a busy machine reaches less in the same time, a blind target almost nothing.
pub(crate) fn run(args: &[&str]) -> Result<Tally, String> {
    let mut seconds = 2;
    let mut names = Vec::new();
    let mut write_floors = false;
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match *word {
            "--seconds" => {
                let number = words.next().and_then(|word| word.parse().ok());
                seconds = number.ok_or("--seconds needs a number")?;
            }
            "--floors" => write_floors = true,
            name => names.push(name.to_owned()),
        }
    }
    let known = targets()?;
    if let Some(stranger) = names.iter().find(|name| !known.contains(name)) {
        return Err(format!("no target fuzz/targets/{stranger}.rs"));
    }
    if names.is_empty() {
        names = known;
    }
    build()?;
    let host = host()?;
    let mut floors = read_floors()?;
    let mut tally = Tally::default();
    let mut faults = Vec::new();
    for (name, result) in run_all(&names, &host, seconds) {
        let coverage = match result {
            Ok(coverage) => coverage,
            Err(error) => {
                faults.push(format!(
                    "{name}: {error}\n  again with `cargo xtask fuzz {name}`"
                ));
                tally.add(Tally::one(false));
                continue;
            }
        };
        if write_floors {
            floors.insert(name.clone(), coverage.saturating_mul(3) / 4);
        }
        let floor = floors.get(&name).copied().unwrap_or(0);
        let good = floor > 0 && coverage >= floor;
        tally.add(Tally::one(good));
        if floor == 0 {
            faults.push(format!(
                "{name} has no floor yet; `cargo xtask fuzz --floors {name}` measures one"
            ));
        } else if !good {
            faults.push(format!("{name}: {coverage} edges, below its floor {floor}"));
        }
    }
    if write_floors {
        let lines = floors
            .iter()
            .map(|(name, floor)| format!("{name} {floor}\n"));
        let text: String = lines.collect();
        std::fs::write(FLOORS, text).map_err(|e| format!("cannot write {FLOORS}: {e}"))?;
    }
    println!("fuzz: {} of {} targets good", tally.passed, names.len());
    for fault in faults {
        println!("FAILED fuzz {fault}");
    }
    Ok(tally)
}

/// Runs every target, each processor taking the next when it is done with one.
fn run_all(names: &[String], host: &str, seconds: u32) -> BTreeMap<String, Result<u32, String>> {
    let waiting = Mutex::new(names.iter());
    let results = Mutex::new(BTreeMap::new());
    let workers = std::thread::available_parallelism().map_or(1, |n| n.get().min(8));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(name) = waiting.lock().ok().and_then(|mut names| names.next()) {
                    let result = one(name, host, seconds);
                    match &result {
                        Ok(coverage) => println!("fuzz {name}: {coverage} edges"),
                        Err(_) => println!("fuzz {name}: FAILED"),
                    }
                    if let Ok(mut results) = results.lock() {
                        results.insert(name.clone(), result);
                    }
                }
            });
        }
    });
    results.into_inner().unwrap_or_default()
}

/// The fuzz targets, one for each file.
fn targets() -> Result<Vec<String>, String> {
    let entries = std::fs::read_dir("fuzz/targets").map_err(|e| format!("fuzz/targets: {e}"))?;
    let name_of = |path: &Path| Some(path.file_name()?.to_str()?.strip_suffix(".rs")?.to_owned());
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| name_of(&entry.path()))
        .collect();
    names.sort();
    let manifest =
        std::fs::read_to_string(MANIFEST).map_err(|e| format!("cannot read {MANIFEST}: {e}"))?;
    match names
        .iter()
        .find(|name| !manifest.contains(&format!("\"targets/{name}.rs\"")))
    {
        Some(name) => Err(format!(
            "{MANIFEST} lacks a [[bin]] for targets/{name}.rs; copy a neighbour's"
        )),
        None => Ok(names),
    }
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
        "--quiet",
        "--release",
        "--locked",
        "--bins",
        "--manifest-path",
        MANIFEST,
        "--target",
        &host,
        "--target-dir",
        "fuzz/target",
    ];
    shell::status(
        Command::new("cargo").args(args).env("RUSTFLAGS", SANCOV),
        "cargo",
        &args,
    )
}

fn one(name: &str, host: &str, seconds: u32) -> Result<u32, String> {
    let binary = format!("fuzz/target/{host}/release/{name}");
    // What is found goes here; the seeds are only read.
    let work = format!("fuzz/target/corpus/{name}");
    std::fs::create_dir_all(&work).map_err(|e| format!("cannot make {work}: {e}"))?;
    std::fs::create_dir_all("fuzz/artifacts").map_err(|e| format!("fuzz/artifacts: {e}"))?;
    let seeds = format!("fuzz/corpus/{name}");
    let mut command = Command::new(&binary);
    command
        .arg(format!("-max_total_time={seconds}"))
        .args(["-timeout=10", "-rss_limit_mb=2048", "-seed=1"])
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
        let mut tail: Vec<&str> = log.lines().rev().take(40).collect();
        tail.reverse();
        return Err(format!(
            "crashed; its input lies in fuzz/artifacts\n{}",
            tail.join("\n")
        ));
    }
    if !log.contains("inline 8-bit counters") {
        return Err("was built without coverage counters".into());
    }
    coverage(&log).ok_or_else(|| "printed no coverage".into())
}

/// The last `cov:` of libFuzzer's log.
fn coverage(log: &str) -> Option<u32> {
    log.lines().rev().find_map(|line| {
        let rest = line.split("cov: ").nth(1)?;
        rest.split_whitespace().next()?.parse().ok()
    })
}

fn read_floors() -> Result<BTreeMap<String, u32>, String> {
    let text = std::fs::read_to_string(FLOORS).map_err(|e| format!("cannot read {FLOORS}: {e}"))?;
    let floors = text.lines().filter_map(|line| {
        let (name, floor) = line.split_once(' ')?;
        Some((name.to_owned(), floor.trim().parse().ok()?))
    });
    Ok(floors.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_is_that_of_the_last_line_that_tells() {
        let log = "#2 INITED cov: 12 ft: 1\n#9 DONE   cov: 345 ft: 9 corp: 3/4b\nDone 9 runs";
        assert_eq!(coverage(log), Some(345));
        assert_eq!(coverage("Done"), None);
    }
}
