//! Builds for a chip that has no operating system.

use std::path::Path;
use std::process::Command;

use crate::purity::crates_under;
use crate::shell;
use crate::tally::Tally;

const TARGET: &str = "riscv32imac-unknown-none-elf";

/// Builds every crate of `core/`, `rtc/` and `kvs/` for the chip, and `service/core` without std.
///
/// `KVS_RISCV_BIN` may name a directory with a cargo that has the target; otherwise rustup adds it.
pub(crate) fn build() -> Result<Tally, String> {
    let path = match std::env::var("KVS_RISCV_BIN") {
        Ok(bin) => format!("{bin}:{}", std::env::var("PATH").unwrap_or_default()),
        Err(_) => {
            let libdir = shell::output("rustc", &["--print", "target-libdir", "--target", TARGET]);
            if !libdir.is_some_and(|dir| Path::new(&dir).exists()) {
                shell::run("rustup", &["target", "add", TARGET]).map_err(|error| {
                    format!(
                        "{error}; where rustup cannot be used, set KVS_RISCV_BIN to the directory \
                         of a cargo that has the target {TARGET}"
                    )
                })?;
            }
            std::env::var("PATH").unwrap_or_default()
        }
    };
    let mut crates = Vec::new();
    for floor in ["core", "rtc", "kvs", "service/core"] {
        crates.extend(crates_under(Path::new(floor)));
    }
    let mut args = vec![
        "build".to_owned(),
        "--quiet".into(),
        "--locked".into(),
        "--release".into(),
        "--target".into(),
        TARGET.into(),
    ];
    for krate in &crates {
        args.push("--package".into());
        args.push(package_name(krate)?);
    }
    // What a product turns on and nothing selects here.
    args.extend(["--features".into(), "smolrtc-crypto/rsa".into()]);
    args.extend(["--target-dir".into(), "target/bare".into()]);
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut command = Command::new("cargo");
    // A rustup shim would put its own toolchain first again.
    command
        .args(&words)
        .env("PATH", path)
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO")
        // `cargo run` names its own toolchain's libraries here, and rustc finds its targets beside
        // the library that it loaded.
        .env_remove("LD_LIBRARY_PATH");
    shell::status(&mut command, "cargo", &words)?;
    println!("bare: {} crates built for {TARGET}", crates.len());
    Ok(Tally {
        passed: u32::try_from(crates.len()).unwrap_or(0),
        ..Tally::default()
    })
}

fn package_name(krate: &Path) -> Result<String, String> {
    let manifest = krate.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest)
        .map_err(|e| format!("cannot read {}: {e}", manifest.display()))?;
    text.lines()
        .find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .map(str::to_owned)
        .ok_or_else(|| format!("{} names no package", manifest.display()))
}
