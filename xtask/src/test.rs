//! `cargo xtask test`: everything, in one run, with one summary.

use std::process::Command;
use std::time::Instant;

use crate::tally::Tally;
use crate::{bare, fuzz, interop, licences, purity, setup, shell};

type Step = (&'static str, fn() -> Result<Tally, String>);

const STEPS: [Step; 9] = [
    ("setup", || setup::all().map(|()| Tally::default())),
    ("style", style),
    ("purity", purity::check),
    ("licences", licences::check),
    ("clippy", clippy),
    ("unit", unit),
    ("bare", bare::build),
    ("fuzz", || fuzz::run(&[])),
    ("interop", interop::run),
];

/// Runs every step, or the one after `--only`; a failed step does not stop the next.
pub(crate) fn run(args: &[&str]) -> Result<(), String> {
    let only = match args {
        [] => None,
        ["--only", step] => Some(*step),
        ["--list"] => {
            STEPS.iter().for_each(|(name, _)| println!("{name}"));
            return Ok(());
        }
        _ => return Err("usage: cargo xtask test [--only STEP | --list]".into()),
    };
    if let Some(step) = only
        && !STEPS.iter().any(|(name, _)| *name == step)
    {
        return Err(format!(
            "no step `{step}`; `cargo xtask test --list` lists them"
        ));
    }
    let mut tally = Tally::default();
    let mut failures = Vec::new();
    for (name, step) in STEPS
        .iter()
        .filter(|(name, _)| only.is_none_or(|only| only == *name))
    {
        println!("\n=== {name}");
        let start = Instant::now();
        match step() {
            Ok(counts) => {
                if counts.failed > 0 {
                    failures.push(*name);
                }
                tally.add(counts);
            }
            Err(error) => {
                println!("FAILED {name}: {error}");
                failures.push(*name);
                tally.add(Tally::one(false));
            }
        }
        println!("=== {name}: {} s", start.elapsed().as_secs());
    }
    println!();
    for name in &failures {
        println!("step failed: {name}; again with `cargo xtask test --only {name}`");
    }
    println!(
        "{} passed, {} failed, {} skipped",
        tally.passed, tally.failed, tally.skipped
    );
    if failures.is_empty() {
        Ok(())
    } else {
        Err("not green".into())
    }
}

/// The long versions of what `test` only samples.
pub(crate) fn soak() -> Result<(), String> {
    fuzz::run(&["--seconds", "60"])?.green()?;
    let args = [
        "test",
        "--release",
        "--workspace",
        "--",
        "--ignored",
        "soak",
        "--nocapture",
    ];
    shell::run("cargo", &args)
}

fn style() -> Result<Tally, String> {
    // Names alone: whole differences would bury what other steps say.
    shell::run("cargo", &["fmt", "--all", "--check", "--", "-l"])
        .map_err(|_| "not formatted; `cargo fmt --all` mends it".to_owned())?;
    Ok(Tally::one(true))
}

fn clippy() -> Result<Tally, String> {
    shell::run(
        "cargo",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    )?;
    Ok(Tally::one(true))
}

fn unit() -> Result<Tally, String> {
    let mut tally = Tally::default();
    let mut command = Command::new("cargo");
    command.args(["test", "--workspace", "--no-fail-fast"]);
    let good = shell::watch(&mut command, &mut |line| tally.read(line))?;
    println!(
        "unit: {} passed, {} failed, {} ignored",
        tally.passed, tally.failed, tally.skipped
    );
    // Neither a test failed nor all is well: something did not build, or died.
    if !good && tally.failed == 0 {
        tally.failed = 1;
    }
    Ok(tally)
}
