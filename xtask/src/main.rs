//! Every developer command. `cargo xtask help` lists them.
//!
//! No dependency, so that it builds in seconds on a fresh machine.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a command line tool prints")]

mod bare;
mod fuzz;
mod interop;
mod licences;
mod purity;
mod setup;
mod shell;
mod tally;
mod test;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <command>

  test      everything: style, purity, bare-metal builds, unit and scenario tests, fuzz smoke,
            real browsers and peers; installs what it needs by package name
              --only STEP   one step alone (see the list that `test` prints)
              --list        the steps
  setup     install the Debian, npm and Python packages the tests use
  purity    fail on any clock, system randomness or std in core/, rtc/, kvs/, service/core/
  bare      build core/, rtc/ and kvs/ for riscv32imac-unknown-none-elf
  fuzz      [--seconds N] [--floors] [TARGET...]   run fuzz targets, 2 s each unless told otherwise;
            --floors sets their coverage floors anew
  soak      the long versions: every fuzz target 60 s, every scenario with its full seeds
  bench     what it costs, beside its peers
  licences  check the licence of every dependency against deny.toml's list
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    if let Err(error) = shell::enter_workspace_root() {
        eprintln!("xtask: {error}");
        return ExitCode::FAILURE;
    }
    let result = match words.as_slice() {
        ["test", rest @ ..] => test::run(rest),
        ["setup"] => setup::all(),
        ["purity"] => purity::check().map(|_| ()),
        ["bare"] => bare::build().map(|_| ()),
        ["fuzz", rest @ ..] => fuzz::run(rest).and_then(tally::Tally::green),
        ["soak"] => test::soak(),
        ["bench", rest @ ..] => shell::run("cargo", &bench_args(rest)),
        ["licences"] => licences::check().map(|_| ()),
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        [other, ..] => Err(format!(
            "no command `{other}`; `cargo xtask help` lists them"
        )),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench_args<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec![
        "run",
        "--release",
        "--quiet",
        "--package",
        "kvs-bench",
        "--",
    ];
    args.extend(rest);
    args
}
