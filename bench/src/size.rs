//! Stripped bytes of a minimal peer: a program that answers an offer and streams a file, built for
//! size (profile `small`).

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Builds the program and tells its size.
///
/// # Errors
/// One line when cargo cannot build it.
pub fn stripped(bin: &str, features: &str) -> Result<u64, String> {
    let output = Command::new("cargo")
        .args([
            "build",
            "--quiet",
            "--profile",
            "small",
            "--package",
            "kvs-bench",
        ])
        .args([
            "--no-default-features",
            "--features",
            features,
            "--bin",
            bin,
        ])
        .args(["--message-format", "json"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("{bin} does not build"));
    }
    // The last artifact named is the program.
    let messages = String::from_utf8_lossy(&output.stdout);
    let path = messages.lines().rev().find_map(|line| {
        let (_, rest) = line.split_once("\"executable\":\"")?;
        rest.split_once('"').map(|(path, _)| PathBuf::from(path))
    });
    let path = path.ok_or_else(|| format!("cargo does not say where {bin} is"))?;
    let meta = std::fs::metadata(path).map_err(|error| error.to_string())?;
    Ok(meta.len())
}
