//! Instructions a packet, by callgrind: this program runs itself with two lengths, and the
//! difference is what the additional packets cost.
//!
//! Valgrind knows AES-NI and AVX2 but neither the SHA extensions nor VAES, so HMAC-SHA1 counts for
//! more here than it takes outside.

use std::path::Path;
use std::process::Command;

use smolrtc::base::Duration;

use crate::ours::Ours;
use crate::script::{Script, Tally, World};
use crate::theirs::Theirs;
use crate::time::{self, Suite};

/// Does hidden work for callgrind; prints how many packets that were. False when there is no such
/// work.
#[must_use]
pub fn work(name: &str, amount: u64) -> bool {
    let (kind, rest) = name.split_once(':').unwrap_or((name, ""));
    let numbers: Vec<usize> = rest
        .split(',')
        .filter_map(|word| word.parse().ok())
        .collect();
    let packets = match (kind, numbers.as_slice()) {
        ("srtp" | "primitives", [suite]) => {
            let Some(suite) = Suite::ALL.get(*suite) else {
                return false;
            };
            if kind == "srtp" {
                time::protect(*suite, 1_200, amount);
            } else {
                time::primitives(*suite, 1_200, 1, amount);
            }
            amount
        }
        ("ours", [viewers, bytes, aead]) => {
            stream::<Ours>(Script::video(*viewers, *bytes, *aead != 0), amount).packets
        }
        ("str0m", [viewers, bytes]) => {
            stream::<Theirs>(Script::video(*viewers, *bytes, true), amount).packets
        }
        _ => return false,
    };
    println!("{packets}");
    true
}

fn stream<W: World>(script: Script, frames: u64) -> Tally {
    let mut world = W::connected(script);
    world.stream(Duration::from_millis(frames * 40));
    world.tally()
}

/// Instructions a packet of the work `name`, from runs of `few` and of `many`; only those in
/// `serving_turn` and below when there are two sides.
///
/// # Errors
/// One line that says what is missing.
pub fn count(name: &str, few: u64, many: u64) -> Result<f64, String> {
    let (packets, instructions) = run(name, few)?;
    let (more_packets, more_instructions) = run(name, many)?;
    let packets = more_packets.saturating_sub(packets);
    if packets == 0 {
        return Err(format!("{name}: no packets"));
    }
    Ok(more_instructions.saturating_sub(instructions) as f64 / packets as f64)
}

fn run(name: &str, amount: u64) -> Result<(u64, u64), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    if name.starts_with("ours") || name.starts_with("str0m") {
        command.args(["--collect-atstart=no", "--toggle-collect=*serving_turn*"]);
    }
    let output = command
        .arg(Path::new(&program))
        .args(["work", name, &amount.to_string()])
        .output()
        .map_err(|_| String::from("valgrind is not installed: apt-get install valgrind"))?;
    let packets = String::from_utf8_lossy(&output.stdout).trim().parse();
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    let collected = report
        .lines()
        .find_map(|line| line.split_once("Collected :"))
        .and_then(|(_, count)| count.trim().parse().ok());
    match (packets, collected) {
        (Ok(packets), Some(instructions)) => Ok((packets, instructions)),
        _ => Err(format!("valgrind could not run {name}: {report}")),
    }
}
