//! `cargo xtask bench [PART...]`: prints what the stack costs, beside str0m. With `--write` the table
//! also goes to `bench/results.md`. Parts: instructions, time, heap, connect, data, size; without any,
//! all.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement that cannot run shall say so and stop"
)]

use std::process::{Command, ExitCode};

use kvs_bench::ours::Ours;
use kvs_bench::script::{FULL_PACKETS, ONE_MEGABIT, Script};
use kvs_bench::table::Table;
use kvs_bench::theirs::Theirs;
use kvs_bench::time::{self, Suite};
use kvs_bench::{connect, data, instructions, size};

const NOTHING: &str = "–";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [word, name, amount] = args.as_slice()
        && word == "work"
    {
        let done = amount
            .parse()
            .is_ok_and(|amount| instructions::work(name, amount));
        return if done {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    let write = args.iter().any(|arg| arg == "--write");
    let wanted = |part: &str| {
        let mut parts = args.iter().filter(|arg| !arg.starts_with("--")).peekable();
        parts.peek().is_none() || parts.any(|arg| arg == part)
    };
    let mut table = Table::default();
    if wanted("heap") {
        heap(&mut table);
    }
    if wanted("time") {
        times(&mut table);
    }
    if wanted("connect") {
        connects(&mut table);
    }
    if wanted("data") {
        let [ours, theirs] = data::measure(64);
        let ms = |value: f64| format!("{value:.1} ms");
        let what = "data channel, CPU per MiB, both ends (64 MiB of 16 KiB messages)";
        table.row(what, ms(ours), ms(theirs), "10 ms");
    }
    if wanted("instructions") {
        counts(&mut table);
    }
    if wanted("size") {
        sizes(&mut table);
    }
    println!("\n{}", table.markdown());
    if write && let Err(error) = results(&table) {
        eprintln!("bench: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Runs the program with the counting allocator.
fn heap(table: &mut Table) {
    let output = Command::new("cargo")
        .args([
            "run",
            "--release",
            "--quiet",
            "--package",
            "kvs-bench",
            "--bin",
            "heap",
        ])
        .output();
    let text = match output {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).into_owned()
        }
        Ok(output) => return println!("heap: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => return println!("heap: cargo does not start: {error}"),
    };
    let rows: Vec<Vec<u64>> = text
        .lines()
        .take(2)
        .map(|line| {
            line.split(' ')
                .filter_map(|word| word.parse().ok())
                .collect()
        })
        .collect();
    let [ours, theirs] = rows.as_slice() else {
        return println!("heap: {text}");
    };
    let kib = |row: &[u64], at: usize| {
        row.get(at).map_or(NOTHING.into(), |bytes| {
            format!("{:.1} KiB", *bytes as f64 / 1_024.0)
        })
    };
    let what = "live heap a viewer, video + audio + data, 60 s into streaming";
    table.row(what, kib(ours, 0), kib(theirs, 0), "24 KiB");
    table.row(
        "the same, peak while it connects",
        kib(ours, 1),
        kib(theirs, 1),
        NOTHING,
    );
    let limits = smolrtc::base::Limits::HOST;
    let worst = smolrtc::footprint::worst_case_bytes(&limits) as f64 / 1_024.0;
    let chip = smolrtc::footprint::worst_case_bytes(&smolrtc::base::Limits::CHIP) as f64 / 1_024.0;
    let what = "worst case by `Limits::HOST`, by `Limits::CHIP`";
    table.row(
        what,
        format!("{worst:.0} KiB, {chip:.0} KiB"),
        NOTHING.into(),
        NOTHING,
    );
    let each = |row: &[u64]| match row {
        [_, _, packets, allocations] => {
            format!("{:.2}", *allocations as f64 / (*packets).max(1) as f64)
        }
        _ => NOTHING.into(),
    };
    table.row(
        "allocations a packet after set-up",
        each(ours),
        each(theirs),
        "0",
    );
    if let Some(components) = text.lines().nth(2) {
        println!("live bytes by crate, camera with one viewer: {components}");
    }
}

fn times(table: &mut Table) {
    let mut primitives = Vec::new();
    for suite in Suite::ALL {
        let [bare, whole] = time::srtp(suite, 1_200);
        let ours = format!(
            "{whole:.0} ns = {:.3} × its primitives ({bare:.0} ns)",
            whole / bare
        );
        let what = format!("SRTP protect, 1,200 bytes, {}", suite.name());
        table.row(&what, ours, NOTHING.into(), "1.05 ×");
        primitives.push(bare);
    }
    let [sendto, single, batched] = time::system_calls(1_214, 3);
    let ours = format!("{sendto:.0} ns; {single:.0} ns; {batched:.0} ns");
    let what = "system call a packet of 1,214 bytes, loopback: `sendto`; the driver's, one; UDP_SEGMENT of 3";
    table.row(what, ours, NOTHING.into(), NOTHING);
    for viewers in [1, 10] {
        let script = |aead| Script::video(viewers, FULL_PACKETS, aead);
        let theirs = time::fan_out::<Theirs>(script(true), 20);
        let len = theirs.bytes / theirs.packets.max(1);
        let [bare, _] = time::srtp(Suite::Gcm256, len as usize);
        let theirs = format!(
            "{:.0} ns: primitives {bare:.0}, own {:.0} ({len} bytes, {})",
            theirs.nanoseconds(),
            theirs.nanoseconds() - bare,
            Suite::Gcm256.name()
        );
        for (suite, aead, all) in [(Suite::Cm, false, "2.4"), (Suite::Gcm128, true, "1.7")] {
            let ours = time::fan_out::<Ours>(script(aead), 40);
            let len = (ours.bytes / ours.packets.max(1)) as usize;
            let tag = if aead { 16 } else { 10 };
            let [bare, _] = time::srtp(suite, len - tag);
            let segments = ours.packets as f64 / ours.transmits.max(1) as f64;
            let [_, _, call] = time::system_calls(len, segments.round().max(1.0) as usize);
            let own = ours.nanoseconds() - bare;
            let cell = format!(
                "{:.0} ns: primitives {bare:.0}, system calls {call:.0}, own {own:.0} \
                 ({len} bytes, {segments:.1} packets a call)",
                ours.nanoseconds() + call
            );
            let what = format!("a packet to a viewer, {viewers} viewers, {}", suite.name());
            let budget = format!("own 250 ns, in all {all} µs at 10");
            table.row(&what, cell, theirs.clone(), &budget);
        }
    }
}

fn connects(table: &mut Table) {
    let [ours, theirs] = connect::measure();
    let cell = |spread: connect::Spread| {
        let ms = |time: std::time::Duration| time.as_secs_f64() * 1_000.0;
        let (fastest, slowest) = (ms(spread.fastest), ms(spread.slowest));
        format!("{:.1} ms ({fastest:.1}–{slowest:.1})", ms(spread.median))
    };
    let what = "offer → data channel open, in process, both ends, median of 50";
    table.row(what, cell(ours), cell(theirs), "3 ms");
}

fn counts(table: &mut Table) {
    let count = |name: &str, few, many| match instructions::count(name, few, many) {
        Ok(count) => format!("{count:.0}"),
        Err(error) => error,
    };
    for (index, suite) in Suite::ALL.iter().enumerate() {
        let whole = instructions::count(&format!("srtp:{index}"), 200, 1_200);
        let bare = instructions::count(&format!("primitives:{index}"), 200, 1_200);
        let cell = match (whole, bare) {
            (Ok(whole), Ok(bare)) => format!("{whole:.0} = {:.3} × its primitives", whole / bare),
            (Err(error), _) | (_, Err(error)) => return println!("instructions: {error}"),
        };
        let what = format!(
            "instructions, SRTP protect of 1,200 bytes, {}",
            suite.name()
        );
        table.row(&what, cell, NOTHING.into(), "1.05 ×");
    }
    for (bytes, what) in [
        (FULL_PACKETS, "1,200-byte packets"),
        (ONE_MEGABIT, "5,000-byte frames"),
    ] {
        for viewers in [1, 10] {
            let (few, many) = (150, 250);
            let theirs = count(&format!("str0m:{viewers},{bytes}"), few, many);
            for (aead, suite) in [(0, Suite::Cm), (1, Suite::Gcm128)] {
                let ours = count(&format!("ours:{viewers},{bytes},{aead}"), few, many);
                let name = suite.name();
                let what =
                    format!("instructions a packet and viewer, {what}, {viewers} viewers, {name}");
                table.row(&what, ours, theirs.clone(), NOTHING);
            }
        }
    }
}

fn sizes(table: &mut Table) {
    let bytes = |bin: &str, features: &str| match size::stripped(bin, features) {
        Ok(bytes) => format!("{bytes} bytes"),
        Err(error) => error,
    };
    let ours = bytes("minimal_peer", "");
    let theirs = bytes("minimal_str0m", "str0m");
    table.row("stripped minimal peer", ours, theirs, "1.0 MB");
}

/// Writes `bench/results.md`.
fn results(table: &Table) -> std::io::Result<()> {
    let date = Command::new("date").args(["-u", "+%Y-%m-%d"]).output()?;
    let date = String::from_utf8_lossy(&date.stdout).trim().to_owned();
    let cores = std::thread::available_parallelism()?;
    let text = format!(
        "# What it costs\n\n\
         `cargo xtask bench --write` of {date}, on a shared x86-64 virtual machine with {cores} cores. \
         Times are noisy there: the fastest of many short runs where it says nothing else. Bytes and \
         instruction counts are not noisy; valgrind has AES-NI but no SHA extensions, so HMAC-SHA1 \
         counts for more instructions than it takes outside.\n\n\
         str0m runs as it comes with its RustCrypto provider: no bandwidth estimation, no pacing, no \
         system calls, SRTP with AEAD_AES_256_GCM. Its viewers and ours run in the same process and \
         are not counted, but for connect time and data channel.\n\n{}",
        table.markdown()
    );
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/results.md"), text)
}
