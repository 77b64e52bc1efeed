//! What networks do to a session that runs.
#![allow(
    clippy::unwrap_used,
    reason = "a test; helpers outside #[test] count as such"
)]

use kvs_sim::world::Breed;
use kvs_sim::{Duration, Instant, LinkConfig, Playback, Scenario, Wishes, World, ms, secs};
use smolrtc::rtp::Codec;

const BREEDS: [Breed; 2] = [Breed::Ours, Breed::Str0m];

/// A viewer that has watched for two seconds.
fn watching(seed: u64, breed: Breed, line: LinkConfig) -> World {
    let mut world = World::new(&Scenario::new(seed));
    world.add_viewer(breed, &Wishes::video(Codec::H264), line);
    world.join(0);
    world.run_for(secs(1));
    world.start_media();
    world.run_for(secs(2));
    assert!(
        world.viewers[0].viewer.log().frames.len() >= 50,
        "{breed:?} watches"
    );
    world
}

fn rest(world: &mut World, span: Duration) {
    world.run_for(span);
    world.stop_media();
    world.run_for(secs(2));
}

/// How the frames sent from `from` on came out.
fn since(world: &World, from: Instant, limit: Duration) -> Playback {
    world.playback_within(0, 0, from..Instant::FAR_FUTURE, limit)
}

#[test]
fn the_picture_is_back_within_a_second_after_an_outage() {
    for breed in BREEDS {
        let mut world = watching(101, breed, LinkConfig::delayed(ms(40)));
        world.cut_off(0, secs(2));
        world.run_for(secs(2));
        let healed = world.now;
        rest(&mut world, secs(4));
        let log = world.viewers[0].viewer.log();
        // The first frame after which every one comes.
        let later = since(&world, healed + secs(1) + ms(80), ms(520));
        assert!(
            later.on_time == later.expected && later.expected > 0,
            "{breed:?}: {later:?}"
        );
        let first = log.frames.iter().find(|frame| frame.at > healed).unwrap();
        let waited = first.at.since(healed);
        assert!(
            waited <= secs(1) + ms(80),
            "{breed:?}: picture {waited:?} after the outage"
        );
    }
}

#[test]
fn duplicates_and_overtaking_change_nothing() {
    for breed in BREEDS {
        let line = LinkConfig {
            duplication: 10.0,
            reordering: 20.0,
            hold: ms(8),
            ..LinkConfig::delayed(ms(30))
        };
        let mut world = watching(102, breed, line);
        rest(&mut world, secs(5));
        let played = world.playback(0, 0, ms(440));
        assert_eq!((played.foreign, played.disordered), (0, 0));
        assert_eq!(
            played.on_time, played.expected,
            "{breed:?}: {:?}",
            played.missing
        );
        let wire = &world.viewers[0].wire;
        let share = wire.rtx_packets as f64 / wire.media_packets as f64;
        // Nothing is lost: what is sent again was asked for in vain.
        let limit = if breed == Breed::Ours { 0.01 } else { 0.25 };
        assert!(
            share <= limit,
            "{breed:?}: {:.1} % sent again",
            share * 100.0
        );
    }
}

#[test]
fn jitter_of_fifty_milliseconds_costs_no_frame() {
    for breed in BREEDS {
        let line = LinkConfig {
            jitter: ms(50),
            ..LinkConfig::delayed(ms(30))
        };
        let mut world = watching(103, breed, line);
        rest(&mut world, secs(5));
        // str0m begins with whatever packet comes first, and hands out what follows it of a frame:
        // what was overtaken is lost to it.
        let from = Instant::from_millis(1_200);
        let played = since(&world, from, ms(640));
        assert_eq!(
            played.on_time, played.expected,
            "{breed:?}: {:?}",
            played.missing
        );
        assert_eq!((played.foreign, played.disordered), (0, 0), "{breed:?}");
        assert!(breed == Breed::Str0m || played.torn == 0, "{breed:?}");
    }
}

#[test]
fn nothing_we_send_is_longer_than_1228_bytes() {
    for breed in BREEDS {
        let line = LinkConfig {
            mtu: 1_228,
            ..LinkConfig::delayed(ms(30))
        };
        let mut world = watching(104, breed, line);
        rest(&mut world, secs(3));
        let played = world.playback(0, 0, ms(440));
        assert_eq!(played.on_time, played.expected, "{breed:?}");
        assert_eq!(world.viewers[0].down.stats.lost, 0, "{breed:?}");
    }
}

#[test]
fn a_new_port_at_the_viewers_nat_is_learned_without_signaling() {
    for filtering in [false, true] {
        let mut world = World::new(&Scenario::new(105));
        world.add_viewer(
            Breed::Ours,
            &Wishes::video(Codec::H264),
            LinkConfig::delayed(ms(30)),
        );
        world.add_nat(0, filtering);
        world.join(0);
        world.run_for(secs(2));
        world.start_media();
        world.run_for(secs(2));
        assert!(
            world.viewers[0].viewer.log().frames.len() > 50,
            "through the translator"
        );
        world.signaling_up = false;
        world.viewers[0].nat.as_mut().unwrap().rebind();
        let rebound = world.now;
        rest(&mut world, secs(8));
        let log = world.viewers[0].viewer.log();
        assert_eq!(log.ended, None);
        let gap = longest_gap(log.frames.iter().map(|frame| frame.at), rebound);
        println!("filtering {filtering}: {gap:?} without a picture after rebinding");
        assert!(gap <= secs(6), "no picture for {gap:?}");
    }
}

#[test]
fn media_goes_on_through_an_ice_restart_by_either_side() {
    for breed in BREEDS {
        for camera_restarts in [false, true] {
            let mut world = watching(106, breed, LinkConfig::delayed(ms(30)));
            let restarted = world.now;
            if camera_restarts {
                world.camera_calls(0, true);
            } else {
                world.viewer_restarts_ice(0);
            }
            rest(&mut world, secs(5));
            let log = world.viewers[0].viewer.log();
            let who = format!("{breed:?}, camera restarts: {camera_restarts}");
            assert!(log.refusals.is_empty(), "{who}: {:?}", log.refusals);
            assert_eq!(log.ended, None, "{who}");
            let gap = longest_gap(log.frames.iter().map(|frame| frame.at), restarted);
            assert!(gap <= ms(500), "{who}: no picture for {gap:?}");
            let played = since(&world, restarted, ms(440));
            assert!(played.missing.is_empty(), "{who}: {:?}", played.missing);
        }
    }
}

#[test]
fn a_viewer_that_vanishes_frees_its_place_within_thirty_seconds() {
    for breed in BREEDS {
        let mut world = watching(107, breed, LinkConfig::delayed(ms(30)));
        world.cut_off(0, secs(1_000));
        world.run_for(secs(31));
        assert_eq!(world.camera.camera.viewer_count(), 0, "{breed:?}");
    }
}

/// From offer to connection at the camera, 30 s if there is none, sorted, over many seeds.
fn connect_times(breed: Breed, loss: f64, seeds: u64) -> Vec<Duration> {
    let mut times: Vec<Duration> = (0..seeds)
        .map(|seed| {
            let mut world = World::new(&Scenario::new(seed));
            let line = LinkConfig::delayed(ms(50)).losing(loss);
            world.add_viewer(breed, &Wishes::video(Codec::H264), line);
            world.join(0);
            world.run_while(secs(30), |w| w.camera.logs[0].connected.is_none());
            world.now.since(Instant::ZERO)
        })
        .collect();
    times.sort_unstable();
    times
}

#[test]
fn sessions_come_up_whatever_is_lost() {
    for (loss, goal) in [(0.0, ms(700)), (10.0, secs(3)), (30.0, secs(10))] {
        for breed in BREEDS {
            let times = connect_times(breed, loss, 40);
            let at = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1];
            println!(
                "{breed:?} {loss} %: {:?} {:?} {:?}",
                at(50),
                at(95),
                at(100)
            );
            if breed == Breed::Str0m && loss == 30.0 {
                // Its randomness is its own, and so is its ICE: checks 3 s apart by then. Printed,
                // not judged.
                continue;
            }
            assert!(
                at(100) < secs(30),
                "{breed:?} at {loss} % loss: no connection"
            );
            // str0m takes no DTLS before its own checks succeed.
            let goal = if breed == Breed::Str0m {
                goal * 2
            } else {
                goal
            };
            assert!(
                at(95) <= goal,
                "{breed:?} at {loss} % loss: 95 % within {:?}",
                at(95)
            );
        }
    }
}

/// The longest time without a frame from `from` to the last one.
fn longest_gap(frames: impl Iterator<Item = Instant>, from: Instant) -> Duration {
    let mut last = from;
    let mut longest = Duration::ZERO;
    for at in frames.filter(|at| *at >= from) {
        longest = longest.max(at.since(last));
        last = at;
    }
    longest
}
