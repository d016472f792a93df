//! What all algorithms promise, and what single events do.

use std::time::{Duration, Instant};

use super::hystart::{Growth, HyStart};
use super::{Acknowledged, Controller, Kind, Lost, Sample};

const PACKET: u64 = 1200;
const ROUND_TRIP: Duration = Duration::from_millis(50);
const ALL: [Kind; 3] = [Kind::Bbr, Kind::Cubic, Kind::NewReno];

/// Sends and acknowledges a window each round trip.
struct Path {
    now: Instant,
    delivered: u64,
    controller: Box<dyn Controller>,
}

impl Path {
    fn new(kind: Kind) -> Self {
        let now = Instant::now();
        Self { now, delivered: 0, controller: kind.controller(now, PACKET) }
    }

    /// A round trip in which *bytes* are sent, and then acknowledged.
    fn round(&mut self, bytes: u64, is_limited_by_application: bool) {
        let prior_delivered = self.delivered;
        for sent in 1..=bytes / PACKET {
            self.controller.on_sent(self.now, PACKET, sent * PACKET, is_limited_by_application);
        }
        self.now += ROUND_TRIP;
        for left in (0..bytes / PACKET).rev() {
            self.delivered += PACKET;
            let sample = Sample {
                prior_delivered,
                total_delivered: self.delivered,
                delivered: self.delivered - prior_delivered,
                interval: ROUND_TRIP,
                is_application_limited: is_limited_by_application,
                in_flight_when_sent: bytes,
                lost: 0,
            };
            let acknowledged = self.acknowledged((left + 1) * PACKET, Some(sample));
            self.controller.on_acknowledged(&acknowledged);
        }
    }

    fn acknowledged(&self, prior_in_flight: u64, sample: Option<Sample>) -> Acknowledged {
        Acknowledged {
            now: self.now,
            bytes: PACKET,
            prior_in_flight,
            in_flight: prior_in_flight - PACKET,
            round_trip: Some(ROUND_TRIP),
            sample,
            in_recovery: false,
        }
    }

    fn lose(&mut self, bytes: u64) {
        let window = self.controller.window();
        self.controller.on_lost(&Lost {
            now: self.now,
            bytes,
            in_flight_when_sent: window,
            lost_since_sent: bytes,
            in_flight: window - bytes,
            is_new_episode: true,
        });
    }
}

#[test]
fn all_start_with_at_least_ten_packets_unpaced() {
    for kind in ALL {
        let path = Path::new(kind);
        assert!(path.controller.window() >= 10 * PACKET, "{kind:?}");
        assert_eq!(path.controller.pacing_rate(), None, "{kind:?}");
    }
}

#[test]
fn all_double_in_a_round_trip_at_the_start() {
    for kind in ALL {
        let mut path = Path::new(kind);
        let before = path.controller.window();
        path.round(before, false);
        path.round(path.controller.window(), false);
        assert!(path.controller.window() >= before * 3, "{kind:?}");
        // Paced no slower than a window in each round trip.
        let rate = path.controller.pacing_rate().expect("paced");
        assert!(rate / 20 >= path.controller.window() * 3 / 4, "{kind:?}");
    }
}

#[test]
fn a_timeout_leaves_a_packet_or_two_and_growth_resumes() {
    for kind in ALL {
        let mut path = Path::new(kind);
        for _ in 0..5 {
            path.round(path.controller.window(), false);
        }
        path.controller.on_timeout(path.now);
        assert!(path.controller.window() <= 2 * PACKET, "{kind:?}");
        for _ in 0..4 {
            path.round(path.controller.window(), false);
        }
        assert!(path.controller.window() >= 8 * PACKET, "{kind:?}");
    }
}

#[test]
fn a_spurious_loss_is_undone() {
    for kind in ALL {
        let mut path = Path::new(kind);
        for _ in 0..5 {
            path.round(path.controller.window(), false);
        }
        let before = path.controller.window();
        path.lose(PACKET * 20);
        path.controller.on_spurious(path.now);
        assert!(path.controller.window() >= before, "{kind:?}");
    }
}

#[test]
fn a_loss_reduces_the_windows_that_steer_by_loss() {
    for (kind, left) in [(Kind::Cubic, 0.7), (Kind::NewReno, 0.5)] {
        let mut path = Path::new(kind);
        path.round(path.controller.window(), false);
        let before = path.controller.window() as f64;
        path.lose(PACKET);
        assert!((path.controller.window() as f64 / before - left).abs() < 0.01, "{kind:?}");
    }
}

#[test]
fn a_lone_loss_without_a_queue_leaves_bbr_alone() {
    let mut path = Path::new(Kind::Bbr);
    for _ in 0..8 {
        path.round(60 * PACKET, false);
    }
    let (window, rate) = (path.controller.window(), path.controller.pacing_rate());
    path.lose(PACKET * 5);
    path.round(60 * PACKET, false);
    assert!(path.controller.window() >= window);
    assert!(path.controller.pacing_rate() >= rate);
}

#[test]
fn windows_do_not_grow_while_the_application_sends_little() {
    for kind in ALL {
        let mut path = Path::new(kind);
        for _ in 0..50 {
            path.round(2 * PACKET, true);
        }
        assert!(path.controller.window() <= 64 * PACKET, "{kind:?}: {}", path.controller.window());
    }
}

#[test]
fn hystart_ends_slow_start_once_the_round_trip_has_grown_for_six_rounds() {
    let mut path = Path::new(Kind::Cubic);
    let mut hystart = HyStart::new();
    let mut growth = Vec::new();
    for round in 0..9u32 {
        for at in 0..10 {
            let mut acknowledged = path.acknowledged(10 * PACKET, None);
            acknowledged.round_trip = Some(if round < 2 { ROUND_TRIP } else { ROUND_TRIP * 5 / 4 });
            acknowledged.sample = (at == 0).then(|| Sample {
                prior_delivered: path.delivered,
                total_delivered: path.delivered + PACKET,
                delivered: PACKET,
                interval: ROUND_TRIP,
                is_application_limited: false,
                in_flight_when_sent: PACKET,
                lost: 0,
            });
            path.delivered += PACKET;
            growth.push(hystart.on_acknowledged(&acknowledged));
        }
    }
    assert!(growth[..27].iter().all(|&growth| growth == Growth::By(PACKET)));
    assert!(growth[27..80].iter().all(|&growth| growth == Growth::By(PACKET / 4)));
    assert_eq!(growth[80], Growth::Ends);
}
