//! Plays scenes by hand: `probe LOSS FIRST COUNT [SECONDS [DATAGRAMS [ONE_WAY_MS]]]`.
#![allow(clippy::print_stdout, reason = "a tool for people")]

use kvs_sim::scene::Watch;
use kvs_sim::{Playback, secs};

fn main() {
    let args: Vec<f64> = std::env::args()
        .skip(1)
        .filter_map(|arg| arg.parse().ok())
        .collect();
    let [loss, first, count, ..] = args[..] else {
        println!("probe LOSS FIRST COUNT [SECONDS [DATAGRAMS [ONE_WAY_MS]]]");
        return;
    };
    let span = secs(args.get(3).map_or(20, |seconds| *seconds as u64));
    let mut totals = [(); 2].map(|()| (Playback::default(), 0_u64, 0_u64));
    for seed in first as u64..(first + count) as u64 {
        let mut watch = Watch::of_seed(seed, loss, span);
        if let Some(one_way) = args.get(5) {
            watch.one_way = kvs_sim::ms(*one_way as u64);
        }
        let outcome = watch.measure();
        if args.get(4).is_some_and(|count| *count > 0.0) {
            let mut world = watch.stage();
            world.trace.kept = Some(Vec::new());
            world.run_until(kvs_sim::Instant::ZERO + span);
            for kept in world
                .trace
                .kept
                .take()
                .unwrap_or_default()
                .iter()
                .take(args[4] as usize)
            {
                println!(
                    "  {:>9} {} > {} {:>4} {:02x?}",
                    kept.at.as_micros(),
                    kept.from,
                    kept.to,
                    kept.bytes.len(),
                    &kept.bytes[..kept.bytes.len().min(26)]
                );
            }
            for snapshot in world.camera.camera.snapshots(world.now) {
                let stats = &snapshot.connection;
                println!(
                    "  camera rtt {:?} {:?} {:?}",
                    stats.round_trip_time, stats.sender, stats.outbound
                );
            }
            if let Some(peer) = world.viewers[0].viewer.peer() {
                let stats = peer.stats();
                println!(
                    "  viewer rtt {:?} {:?}",
                    stats.round_trip_time, stats.inbound
                );
            }
        }
        let played = &outcome.playback;
        println!(
            "seed {seed:3} {:?} {:3} ms connected {} trips {:?} frames {}/{} late {:?} missing {:?} \
             disordered {} foreign {} rtx/lost {:.2} p50 {:?} p99 {:?}",
            outcome.watch.breed,
            outcome.watch.one_way.as_millis(),
            outcome.connected,
            outcome.round_trips,
            played.on_time,
            played.expected,
            played.late,
            played.missing,
            played.disordered,
            played.foreign,
            outcome.rtx_bytes as f64 / outcome.lost_bytes.max(1) as f64,
            played.percentile(50),
            played.percentile(99),
        );
        let total = &mut totals[(seed % 2) as usize];
        total.0.add(played);
        total.1 += outcome.rtx_bytes;
        total.2 += outcome.lost_bytes;
    }
    for (name, (played, rtx, lost)) in ["ours", "str0m"].iter().zip(&totals) {
        println!(
            "{name}: {:.3} % of {} on time, {} late, {} missing, RTX {:.2} x lost",
            played.percent(),
            played.expected,
            played.late.len(),
            played.missing.len(),
            *rtx as f64 / (*lost).max(1) as f64
        );
    }
}
