//! Real browsers and real peers against the real programs.

use std::path::Path;
use std::process::Command;

use crate::shell;
use crate::tally::Tally;

/// Builds the programs, then runs every runner of `interop/`.
pub(crate) fn run() -> Result<Tally, String> {
    shell::run("cargo", &["build", "--release", "--package", "kvs"])?;
    let mut tally = Tally::default();
    let mut failed = Vec::new();
    for (program, script) in [
        ("node", "interop/js/run.mjs"),
        ("target/venv/bin/python", "interop/py/run.py"),
    ] {
        if !Path::new(script).exists() {
            continue;
        }
        let good = shell::watch(Command::new(program).arg(script), &mut |line| {
            tally.read(line)
        })?;
        if !good {
            failed.push(script);
        }
    }
    println!(
        "interop: {} passed, {} failed, {} skipped",
        tally.passed, tally.failed, tally.skipped
    );
    for script in failed {
        println!("interop: {script} failed");
        // It may have died before it could count.
        tally.failed = tally.failed.max(1);
    }
    Ok(tally)
}
