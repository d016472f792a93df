//! Copies the source of the published dcsctp to `OUT_DIR` and applies the changes below.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::{env, fs, io, panic};

/// One replacement: the file, the text that must stand there exactly once, and what takes its place.
struct Change {
    file: &'static str,
    from: &'static str,
    to: &'static str,
}

const CHANGES: &[Change] = &[
    // Inner attributes and the version of another package have no place in an included file.
    Change {
        file: "lib.rs",
        from: "    env!(\"CARGO_PKG_VERSION\")",
        to: "    \"0.1.16\"",
    },
    // Logging: each packet was formatted as hex before anybody asked whether logging is on (75 % of the CPU).
    Change {
        file: "lib.rs",
        from: "        let s = data.iter().fold(",
        to: "        if !log::log_enabled!(log::Level::Info) {\n            return;\n        }\n        let s = data.iter().fold(",
    },
    // Deadlock: above the watermark every chunk was dropped, the one that fills the first gap included, so
    // that a full window with one chunk lost twice stayed full for ever. What is dropped is now reported
    // at once, so that the sender learns of the window.
    Change {
        file: "socket/data.rs",
        from: "    if tcb.reassembly_queue.is_above_watermark() {\n        // TODO: Implement\n        return;\n    }",
        to: "    if tcb.reassembly_queue.is_above_watermark()\n        && !tcb.data_tracker.will_increase_cum_ack_tsn(tsn)\n    {\n        tcb.data_tracker.force_immediate_sack(now);\n        return;\n    }",
    },
    Change {
        file: "socket/data.rs",
        from: "        // been trying to fill gaps since the watermark was reached.\n        return;",
        to: "        // been trying to fill gaps since the watermark was reached.\n        tcb.data_tracker.force_immediate_sack(now);\n        return;",
    },
    // Window: nothing told the peer that a window which had closed is open again, so that it found out
    // by its retransmission timer only.
    Change {
        file: "socket/mod.rs",
        from: "impl Socket {\n    /// Creates a new `Socket`.",
        to: "impl Socket {\n    /// Announces the receive window as it is now, in a SACK sent at once.\n    pub fn send_window_update(&mut self) {\n        let now = *self.now.borrow();\n        if let Some(tcb) = self.state.tcb_mut() {\n            tcb.data_tracker.force_immediate_sack(now);\n        }\n        maybe_send_sack(&mut self.state, &mut self.ctx, now);\n    }\n\n    /// Creates a new `Socket`.",
    },
    // Loss: the chunk that fills a gap was acknowledged as late as any other, while the sender, whose window is
    // small after a loss, waits for just that (compare RFC 5681 section 4.2).
    Change {
        file: "rx/data_tracker.rs",
        from: "        let mut is_duplicate = false;\n\n        // is_tsn_valid must",
        to: "        let mut is_duplicate = false;\n        let had_gap = !self.additional_tsn_blocks.is_empty();\n\n        // is_tsn_valid must",
    },
    Change {
        file: "rx/data_tracker.rs",
        from: "        if !self.additional_tsn_blocks.is_empty() {\n            self.update_ack_state(now, AckState::Immediate);",
        to: "        if (had_gap && !cfg!(test)) || !self.additional_tsn_blocks.is_empty() {\n            self.update_ack_state(now, AckState::Immediate);",
    },
    // Loss: a chunk that was sent again was taken for lost again after three more SACKs that did not name it,
    // most of which had left the peer before it could arrive: one chunk went out up to 49 times. Now a SACK speaks
    // against it only two round trips later; one that acknowledges what was sent later settles it (compare
    // RFC 8985; RFC 9260 section 7.2.4 would leave it to the timer). To Chromium 200 packets of 32 MiB went out
    // again in place of 7000.
    Change {
        file: "tx/outstanding_data.rs",
        from: "    unsent_messages_to_discard: Vec<(StreamId, OutgoingMessageId)>,\n}\n",
        to: "    unsent_messages_to_discard: Vec<(StreamId, OutgoingMessageId)>,\n    /// When the newest acknowledged chunk was sent.\n    newest_acked: SocketTime,\n    /// When the last SACK came.\n    now: SocketTime,\n    /// How long the last chunk that was sent once took to be acknowledged.\n    round_trip: Duration,\n}\n",
    },
    Change {
        file: "tx/outstanding_data.rs",
        from: "            unsent_messages_to_discard: Vec::new(),\n",
        to: "            unsent_messages_to_discard: Vec::new(),\n            newest_acked: SocketTime::zero(),\n            now: SocketTime::zero(),\n            round_trip: Duration::ZERO,\n",
    },
    Change {
        file: "tx/outstanding_data.rs",
        from: "        let cumulative_tsn_ack_advanced =\n",
        to: "        self.now = now;\n        let cumulative_tsn_ack_advanced =\n",
    },
    Change {
        file: "tx/outstanding_data.rs",
        from: "            item.ack();\n            ack_info",
        to: "            if let Some(sent) = item.state.time_sent() {\n                self.newest_acked = std::cmp::max(self.newest_acked, sent);\n                self.round_trip = item.get_rtt_from(self.now).unwrap_or(self.round_trip);\n            }\n            item.ack();\n            ack_info",
    },
    Change {
        file: "tx/outstanding_data.rs",
        from: "        let was_outstanding = item.is_outstanding();\n\n        let action = item.nack(now, retransmit_now);",
        to: "        let was_outstanding = item.is_outstanding();\n        let mut retransmit_now = retransmit_now;\n        if let (false, false, true, Some(sent)) =\n            (cfg!(test), retransmit_now, item.has_been_retransmitted(), item.state.time_sent())\n        {\n            if self.newest_acked > sent {\n                retransmit_now = true;\n            } else if now < sent + self.round_trip * 2 {\n                return false;\n            }\n        }\n\n        let action = item.nack(now, retransmit_now);",
    },
    // Path: after the peer's or this end's address has changed, the timers that had doubled meanwhile need not
    // be waited for.
    Change {
        file: "socket/mod.rs",
        from: "    /// Creates a new `Socket`.",
        to: "    /// Sends a HEARTBEAT now, and the first of what is outstanding again.\n    pub fn probe_path(&mut self) {\n        let now = *self.now.borrow();\n        self.ctx.heartbeat_interval.hurry(now);\n        if let Some(tcb) = self.state.tcb_mut() {\n            tcb.retransmission_queue.hurry(now);\n        }\n        self.advance_time(now);\n    }\n\n    /// Creates a new `Socket`.",
    },
    Change {
        file: "tx/retransmission_queue.rs",
        from: "    pub fn next_timeout(&self) -> Option<SocketTime> {",
        to: "    /// Lets the retransmission timer, if it runs, expire now and begin again with its first wait.\n    pub fn hurry(&mut self, now: SocketTime) {\n        if self.t3_rtx.is_running() {\n            self.t3_rtx.start(now);\n            self.t3_rtx.hurry(now);\n        }\n    }\n\n    pub fn next_timeout(&self) -> Option<SocketTime> {",
    },
    Change {
        file: "timer.rs",
        from: "    pub fn next_expiry(&self) -> Option<SocketTime> {",
        to: "    /// Lets a running timer expire now.\n    pub fn hurry(&mut self, now: SocketTime) {\n        self.next_expiry = self.next_expiry.map(|_| now);\n    }\n\n    pub fn next_expiry(&self) -> Option<SocketTime> {",
    },
    // Loss: a SACK named 20 gaps; what came after the 20th had to be taken for lost. After a burst of losses
    // Chromium then sent mostly what had arrived, a packet for each timeout. 128 gaps take half a packet.
    Change {
        file: "rx/data_tracker.rs",
        from: "const MAX_GAP_ACK_BLOCKS_REPORTED: usize = 20;",
        to: "const MAX_GAP_ACK_BLOCKS_REPORTED: usize = 128;",
    },
    // Slow start: a SACK that acknowledges many packets grew the window by one. RFC 9260 section 7.2.1
    // lets L be larger than 1; here it is what one burst may hold, for acknowledgements come one for many.
    Change {
        file: "tx/retransmission_queue.rs",
        from: "self.cwnd += min(total_packet_bytes_acked, self.mtu);",
        to: "self.cwnd += min(total_packet_bytes_acked, 64 * self.mtu);",
    },
    // Window: partial reliability is announced, for a pion that has not seen it announced sends its fast
    // retransmissions late (association.rs), but a FORWARD-TSN would be a way around the receive window, and
    // libp2p's streams are reliable: who sends one breaks the protocol.
    Change {
        file: "socket/mod.rs",
        from: "Chunk::ForwardTsn(_) | Chunk::IForwardTsn(_) if !partial_reliability => Some(",
        to: "Chunk::ForwardTsn(_) | Chunk::IForwardTsn(_) if !partial_reliability || !cfg!(test) => Some(",
    },
    // Window: the timer of a zero window probe says nothing about the path, and must not make the peer's
    // reader pay for its pause with a slow start (compare RFC 9260 section 6.1 rule A).
    Change {
        file: "tx/retransmission_queue.rs",
        from: "        self.ssthresh = max(self.cwnd / 2, 4 * self.mtu);\n\n        self.cwnd = self.mtu;\n",
        to: "        if self.a_rwnd > 0 {\n            self.ssthresh = max(self.cwnd / 2, 4 * self.mtu);\n            self.cwnd = self.mtu;\n        }\n",
    },
    // Cost: each arriving chunk added up the sizes of all waiting messages; a running sum does the same.
    // Beyond a thousand, each message is charged for its bookkeeping, so that tiny ones are bounded too.
    Change {
        file: "rx/reassembly_queue.rs",
        from: "    reassembled_messages: VecDeque<Message>,\n}",
        to: "    reassembled_messages: VecDeque<Message>,\n    ready_bytes: usize,\n}\n\n/// What a waiting message costs beside its payload, and how many are not charged for that.\nconst MESSAGE_OVERHEAD: usize = 64;\nconst FREE_MESSAGES: usize = 1024;",
    },
    Change {
        file: "rx/reassembly_queue.rs",
        from: "            reassembled_messages: VecDeque::new(),\n",
        to: "            reassembled_messages: VecDeque::new(),\n            ready_bytes: 0,\n",
    },
    Change {
        file: "rx/reassembly_queue.rs",
        from: "        self.reassembled_messages.pop_front()\n",
        to: "        let message = self.reassembled_messages.pop_front()?;\n        self.ready_bytes -= message.payload.len();\n        Some(message)\n",
    },
    Change {
        file: "rx/reassembly_queue.rs",
        from: "        self.streams.add(tsn, data, &mut |message| {\n            self.rx_messages_count += 1;\n",
        to: "        self.streams.add(tsn, data, &mut |message| {\n            self.rx_messages_count += 1;\n            self.ready_bytes += message.payload.len();\n",
    },
    Change {
        file: "rx/reassembly_queue.rs",
        from: "        self.streams.handle_forward_tsn(new_cumulative_ack, &skipped_streams, &mut |message| {\n            self.rx_messages_count += 1;\n",
        to: "        self.streams.handle_forward_tsn(new_cumulative_ack, &skipped_streams, &mut |message| {\n            self.rx_messages_count += 1;\n            self.ready_bytes += message.payload.len();\n",
    },
    Change {
        file: "rx/reassembly_queue.rs",
        from: "        let ready_messages_bytes: usize =\n            self.reassembled_messages.iter().map(|m| m.payload.len()).sum();\n        ready_messages_bytes + self.streams.queued_bytes()",
        to: "        let charged = self.reassembled_messages.len().saturating_sub(FREE_MESSAGES);\n        self.ready_bytes + charged * MESSAGE_OVERHEAD + self.streams.queued_bytes()",
    },
    // Resets: one request named every stream that waits; more than 570 fit into no packet, the request was
    // left out, and no stream was ever reset again. Those beyond 256 wait for the next request.
    Change {
        file: "tx/send_queue.rs",
        from: "            if stream.pause_state == PauseState::Paused {\n                stream.pause_state = PauseState::Resetting;",
        to: "            if stream.pause_state == PauseState::Paused && ready.len() < 256 {\n                stream.pause_state = PauseState::Resetting;",
    },
    // Memory: what was known of a stream stayed after its reset, and each packet looked at all of that. A stream
    // that nothing is known of is one whose reset is done.
    Change {
        file: "tx/send_queue.rs",
        from: "    pub fn commit_reset_streams(&mut self) {\n",
        to: "    pub fn commit_reset_streams(&mut self) {\n        self.streams.retain(|_, stream| {\n            stream.pause_state != PauseState::Resetting || !stream.items.is_empty()\n        });\n",
    },
    Change {
        file: "rx/traditional_reassembly_streams.rs",
        from: "                stream.reset();\n            }\n        }\n",
        to: "                stream.reset();\n            }\n        }\n        self.ordered.retain(|id, _| !streams.is_empty() && !streams.contains(id));\n",
    },
    // Resets: the timer that repeats a request doubled without a limit, up to a thousand times the RTO, so that
    // after a blackout, or a few losses, a stream stayed half closed for minutes.
    Change {
        file: "socket/transmission_control_block.rs",
        from: "            reconfig_timer: Timer::new(\n                options.rto_initial,\n                BackoffAlgorithm::Exponential,\n                None,\n                None,",
        to: "            reconfig_timer: Timer::new(\n                options.rto_initial,\n                BackoffAlgorithm::Exponential,\n                None,\n                options.max_timer_backoff_duration,",
    },
    // Cost: each stream that a request lists was compared with each known one (0.17 s for one packet).
    Change {
        file: "rx/traditional_reassembly_streams.rs",
        from: "    fn reset_streams(&mut self, streams: &[StreamId]) {\n",
        to: "    fn reset_streams(&mut self, streams: &[StreamId]) {\n        let streams: std::collections::HashSet<StreamId> = streams.iter().copied().collect();\n",
    },
    // Memory: a waiting fragment was charged for its payload alone; one of a byte costs up to a hundred.
    Change {
        file: "rx/mod.rs",
        from: "impl<K: ReassemblyKey> Interval<K> {\n",
        to: "/// What a waiting fragment is charged beside its payload.\npub const FRAGMENT_OVERHEAD: usize = if cfg!(test) { 0 } else { 64 };\n\nimpl<K: ReassemblyKey> Interval<K> {\n    /// What its fragments are charged.\n    pub fn charge(&self) -> usize {\n        self.payload.iter().map(|p| p.len() + FRAGMENT_OVERHEAD).sum()\n    }\n\n",
    },
    Change {
        file: "rx/mod.rs",
        from: "            .map(|interval| interval.payload.iter().map(|p| p.len()).sum::<usize>())",
        to: "            .map(|interval| interval.charge())",
    },
    Change {
        file: "rx/mod.rs",
        from: "interval.payload.iter().map(|p| p.len()).sum::<usize>();\n                false",
        to: "interval.charge();\n                false",
    },
    Change {
        file: "rx/traditional_reassembly_streams.rs",
        from: "            let payload = interval.collect_payload();\n\n            assembled_bytes += payload.len();",
        to: "            assembled_bytes += interval.charge();\n            let payload = interval.collect_payload();",
    },
    Change {
        file: "rx/traditional_reassembly_streams.rs",
        from: "            let payload = interval.collect_payload();\n            let total_payload_len = payload.len();",
        to: "            let total_payload_len = interval.charge();\n            let payload = interval.collect_payload();",
    },
    Change {
        file: "rx/traditional_reassembly_streams.rs",
        from: "        let queued_bytes = data.payload.len() as isize;\n        let idx",
        to: "        let queued_bytes = (data.payload.len() + crate::rx::FRAGMENT_OVERHEAD) as isize;\n        let idx",
    },
    Change {
        file: "rx/traditional_reassembly_streams.rs",
        from: "        let queued_bytes = data.payload.len() as isize;\n        self.intervals",
        to: "        let queued_bytes = (data.payload.len() + crate::rx::FRAGMENT_OVERHEAD) as isize;\n        self.intervals",
    },
    Change {
        file: "rx/interleaved_reassembly_streams.rs",
        from: "            let payload = interval.collect_payload();\n\n            assembled_bytes += payload.len();",
        to: "            assembled_bytes += interval.charge();\n            let payload = interval.collect_payload();",
    },
    Change {
        file: "rx/interleaved_reassembly_streams.rs",
        from: "            let payload = interval.collect_payload();\n            let total_payload_len = payload.len();",
        to: "            let total_payload_len = interval.charge();\n            let payload = interval.collect_payload();",
    },
    Change {
        file: "rx/interleaved_reassembly_streams.rs",
        from: "        let queued_bytes = data.payload.len() as isize;\n        let idx",
        to: "        let queued_bytes = (data.payload.len() + crate::rx::FRAGMENT_OVERHEAD) as isize;\n        let idx",
    },
    Change {
        file: "rx/interleaved_reassembly_streams.rs",
        from: "        let queued_bytes = data.payload.len() as isize;\n        self.intervals",
        to: "        let queued_bytes = (data.payload.len() + crate::rx::FRAGMENT_OVERHEAD) as isize;\n        self.intervals",
    },
];

/// CRC32c by the processor's instruction: by table it took 30 % of what CPU was left.
const CRC32C: &str = "
pub struct Crc32c(u32);

impl Crc32c {
    pub fn new() -> Self {
        Self(0)
    }

    pub fn digest(&mut self, data: &[u8]) {
        self.0 = ::crc32c::crc32c_append(self.0, data);
    }

    pub fn value(&self) -> u32 {
        self.0
    }
}
";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(feature, values(\"cxx\", \"fuzz-internals\"))");
    let source = dcsctp_source();
    println!("cargo:rerun-if-changed={}", source.display());
    let target = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("dcsctp");
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    copy(&source, &target)?;
    for change in CHANGES {
        apply(&target, change)?;
    }
    fs::write(target.join("packet/crc32c.rs"), CRC32C)?;
    strip_inner_docs(&target.join("lib.rs"))
}

/// Where cargo put dcsctp's `src`: a panic inside the crate names its file, wherever that is
/// (registry, vendored or replaced), which no variable of cargo's does for a build-dependency.
fn dcsctp_source() -> PathBuf {
    let place: Arc<Mutex<Option<PathBuf>>> = Arc::default();
    let seen = Arc::clone(&place);
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if let (Some(location), Ok(mut seen)) = (info.location(), seen.lock()) {
            *seen = Some(PathBuf::from(location.file()));
        }
    }));
    // Documented to panic on zero.
    let outcome = panic::catch_unwind(|| dcsctp::api::LifecycleId::from(0));
    panic::set_hook(before);
    assert!(outcome.is_err(), "dcsctp::api::LifecycleId::from(0) is documented to panic");
    let file = place.lock().ok().and_then(|mut place| place.take()).expect("the panic's location");
    // …/src/api/mod.rs
    let source = file.ancestors().nth(2).map(Path::to_path_buf).unwrap_or_default();
    assert!(
        source.join("lib.rs").is_file(),
        "no source of dcsctp at {} (does a flag of rustc remap paths?)",
        source.display()
    );
    source
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::write(target, fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

fn apply(target: &Path, change: &Change) -> io::Result<()> {
    let path = target.join(change.file);
    let text = fs::read_to_string(&path)?;
    assert_eq!(
        text.matches(change.from).count(),
        1,
        "a change to dcsctp's {} does not apply: {:?}",
        change.file,
        change.from
    );
    fs::write(&path, text.replace(change.from, change.to))
}

fn strip_inner_docs(path: &Path) -> io::Result<()> {
    let text = fs::read_to_string(path)?;
    let kept: Vec<&str> =
        text.lines().filter(|line| !line.starts_with("//!") && !line.starts_with("#![")).collect();
    fs::write(path, kept.join("\n") + "\n")
}
