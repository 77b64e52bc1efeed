use super::*;

/// Run with `--release --ignored --nocapture` to see what a mebibyte costs both ends together.
#[test]
#[ignore = "a measurement, not a check"]
fn throughput_of_two_ends_in_one_process() {
    for len in [1_000, 16 * 1024, 256 * 1024] {
        let mut world = World::connected(1, Link::default());
        let id = world.open(|c| c);
        let message = pattern(1, len);
        let total = 64 * 1024 * 1024;
        let (mut sent, mut received) = (0, 0);
        let mut buf = [0; 1_200];
        let start = std::time::Instant::now();
        let now = world.now;
        let [a, b] = &mut world.ends;
        while received < total {
            while sent < total && a.send(now, id, MessageKind::Binary, &message).is_ok() {
                sent += len;
            }
            let mut packets = 0;
            while packets < 64
                && let Some(n) = a.poll_transmit(now, &mut buf)
            {
                b.handle_input(now, &buf[..n]);
                packets += 1;
            }
            while let Some(n) = b.poll_transmit(now, &mut buf) {
                a.handle_input(now, &buf[..n]);
            }
            while let Some(event) = b.poll_event() {
                if let Event::Message { data, .. } = event {
                    received += data.len();
                }
            }
            while a.poll_event().is_some() {}
            if packets == 0 {
                b.handle_timeout(now + Duration::from_secs(1));
            }
        }
        let spent = start.elapsed();
        let mib = received as f64 / 1_048_576.0;
        std::println!(
            "{len} B messages: {:.0} MiB/s, {:.0} us/MiB both ends",
            mib / spent.as_secs_f64(),
            spent.as_secs_f64() * 1e6 / mib
        );
    }
    std::println!("size_of Association: {} B", size_of::<Association>());
}
