//! The counters of each viewer, as a line and as JSON under W3C's names.

use std::time::Duration;

use kvs_camera::ViewerSnapshot;
use serde_json::{Map, Value, json};
use smolrtc::ice::PairState;

fn seconds(span: Duration) -> f64 {
    span.as_secs_f64()
}

/// All viewers.
pub(crate) fn to_json(viewers: &[ViewerSnapshot]) -> Value {
    viewers.iter().map(viewer).collect()
}

fn viewer(snapshot: &ViewerSnapshot) -> Value {
    let stats = &snapshot.connection;
    let outbound: Vec<Value> = stats
        .outbound
        .iter()
        .map(|stream| {
            let sent = &stream.stats;
            json!({
                "kind": format!("{:?}", stream.codec.kind()).to_lowercase(),
                "codec": format!("{:?}", stream.codec),
                "ssrc": stream.ssrc,
                "packetsSent": sent.packets_sent,
                "bytesSent": sent.bytes_sent,
                "headerBytesSent": sent.header_bytes_sent,
                "retransmittedPacketsSent": sent.retransmitted_packets_sent,
                "retransmittedBytesSent": sent.retransmitted_bytes_sent,
                "framesSent": sent.frames_sent,
                "keyFramesSent": sent.key_frames_sent,
                "framesThinned": sent.frames_thinned,
                "nackCount": sent.nack_count,
                "pliCount": sent.pli_count,
                "firCount": sent.fir_count,
                "remoteInbound": {
                    "packetsLost": sent.packets_lost,
                    "fractionLost": f64::from(sent.fraction_lost) / 256.0,
                    "jitter": sent.jitter,
                    "roundTripTime": sent.round_trip_time.map(seconds),
                    "roundTripTimeMeasurements": sent.round_trip_time_measurements,
                },
            })
        })
        .collect();
    let inbound: Vec<Value> = stats
        .inbound
        .iter()
        .map(|(_, got)| {
            json!({
                "packetsReceived": got.packets_received,
                "bytesReceived": got.bytes_received,
                "packetsLost": got.packets_lost,
                "framesReceived": got.frames_received,
                "framesDropped": got.frames_dropped,
                "nackCount": got.nack_count,
                "pliCount": got.pli_count,
            })
        })
        .collect();
    let pair = stats.pairs.iter().find(|pair| pair.selected).map(|pair| {
        json!({
            "state": if pair.state == PairState::Succeeded { "succeeded" } else { "in-progress" },
            "local": pair.local.to_string(),
            "remote": pair.remote.to_string(),
            "currentRoundTripTime": pair.current_round_trip_time.map(seconds),
            "totalRoundTripTime": seconds(pair.total_round_trip_time),
            "requestsSent": pair.requests_sent,
            "responsesReceived": pair.responses_received,
        })
    });
    let sctp = stats.sctp.map(|sctp| {
        json!({
            "packetsSent": sctp.packets_sent,
            "packetsReceived": sctp.packets_received,
            "bytesSent": sctp.bytes_sent,
            "bytesReceived": sctp.bytes_received,
            "smoothedRoundTripTime": seconds(sctp.smoothed_round_trip_time),
        })
    });
    let sum = |of: fn(&smolrtc::rtp::send::StreamStats) -> u64| -> u64 {
        stats.outbound.iter().map(|stream| of(&stream.stats)).sum()
    };
    let dropped: Map<String, Value> = stats
        .dropped()
        .map(|(reason, count)| (reason.to_owned(), count.into()))
        .collect();
    json!({
        "viewer": snapshot.viewer.to_string(),
        "clientId": snapshot.client.as_ref().map(|client| client.as_str()),
        "state": format!("{:?}", snapshot.state).to_lowercase(),
        "ageMs": snapshot.age.as_millis() as u64,
        "silentMs": snapshot.silent.as_millis() as u64,
        "packetsSent": sum(|stats| stats.packets_sent),
        "bytesSent": sum(|stats| stats.bytes_sent),
        "retransmittedPacketsSent": sum(|stats| stats.retransmitted_packets_sent),
        "framesSent": sum(|stats| u64::from(stats.frames_sent)),
        "nackCount": sum(|stats| u64::from(stats.nack_count)),
        "pliCount": sum(|stats| u64::from(stats.pli_count)),
        "targetBitrate": stats.sender.target_bitrate,
        "outbound": outbound,
        "inbound": inbound,
        "candidatePair": pair,
        "sctp": sctp,
        "dropped": dropped,
    })
}

/// One viewer for the terminal. Rates are against the same viewer's counters one interval ago.
pub(crate) fn line(snapshot: &ViewerSnapshot, before: Option<&ViewerSnapshot>) -> String {
    let bytes = |snapshot: &ViewerSnapshot| -> u64 {
        snapshot
            .connection
            .outbound
            .iter()
            .map(|stream| stream.stats.bytes_sent)
            .sum()
    };
    let age = before.map_or(Duration::ZERO, |before| before.age);
    let span = snapshot.age.saturating_sub(age).as_secs_f64().max(0.001);
    let sent = bytes(snapshot).saturating_sub(before.map_or(0, bytes));
    let streams = || {
        snapshot
            .connection
            .outbound
            .iter()
            .map(|stream| &stream.stats)
    };
    let round_trip = snapshot.connection.round_trip_time;
    format!(
        "{}: {:?}, {:.0} kbit/s, {} frames, {} resent, {} thinned, {} NACK, {} PLI, round trip {}",
        name(snapshot),
        snapshot.state,
        sent as f64 * 8.0 / 1_000.0 / span,
        streams()
            .map(|stats| u64::from(stats.frames_sent))
            .sum::<u64>(),
        streams()
            .map(|stats| stats.retransmitted_packets_sent)
            .sum::<u64>(),
        streams()
            .map(|stats| u64::from(stats.frames_thinned))
            .sum::<u64>(),
        streams()
            .map(|stats| u64::from(stats.nack_count))
            .sum::<u64>(),
        streams()
            .map(|stats| u64::from(stats.pli_count))
            .sum::<u64>(),
        round_trip.map_or("unknown".to_owned(), |span| format!(
            "{:.1} ms",
            span.as_secs_f64() * 1e3
        )),
    )
}

fn name(snapshot: &ViewerSnapshot) -> String {
    match &snapshot.client {
        Some(client) => format!("{} ({client})", snapshot.viewer),
        None => snapshot.viewer.to_string(),
    }
}
