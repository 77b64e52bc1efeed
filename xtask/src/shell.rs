//! Running other programs.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Goes to the workspace root, whatever directory the command was typed in.
pub(crate) fn enter_workspace_root() -> Result<(), String> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let root = root
        .parent()
        .ok_or("the xtask crate has no parent directory")?;
    std::env::set_current_dir(root).map_err(|e| format!("cannot enter {}: {e}", root.display()))
}

/// Runs a program, its output going straight through.
pub(crate) fn run(program: &str, args: &[&str]) -> Result<(), String> {
    status(Command::new(program).args(args), program, args)
}

/// Runs a prepared command, its output going straight through.
pub(crate) fn status(command: &mut Command, program: &str, args: &[&str]) -> Result<(), String> {
    let status = command
        .status()
        .map_err(|e| format!("cannot start {program}: {e}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{program} {}` failed ({status})", args.join(" ")))
    }
}

/// Runs a command, showing its output while handing each line of it to `line`.
pub(crate) fn watch(command: &mut Command, line: &mut dyn FnMut(&str)) -> Result<bool, String> {
    let shown = format!("{command:?}");
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("cannot start {shown}: {e}"))?;
    let stdout = child.stdout.take().ok_or("no output pipe")?;
    for text in BufReader::new(stdout).lines().map_while(Result::ok) {
        println!("{text}");
        line(&text);
    }
    let status = child
        .wait()
        .map_err(|e| format!("cannot wait for {shown}: {e}"))?;
    Ok(status.success())
}

/// What a program printed, or `None` if it failed or is missing.
pub(crate) fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(args)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether a program is on the path.
pub(crate) fn has(program: &str) -> bool {
    output("sh", &["-c", &format!("command -v {program}")]).is_some_and(|path| !path.is_empty())
}
