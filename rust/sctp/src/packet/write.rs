//! Packets on their way out.

use super::{CHECKSUM, COMMON_HEADER, checksum_of};
use crate::packet::chunk::{Data, SACK_HEADER, kind};

/// Writes one packet into a buffer.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    limit: usize,
}

impl<'a> Writer<'a> {
    /// Begin a packet of at most *limit* bytes in *out*.
    pub(crate) fn new(out: &'a mut Vec<u8>, limit: usize, ports: (u16, u16), tag: u32) -> Self {
        out.clear();
        out.extend_from_slice(&ports.0.to_be_bytes());
        out.extend_from_slice(&ports.1.to_be_bytes());
        out.extend_from_slice(&tag.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        Self { out, limit }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.out.len() == COMMON_HEADER
    }

    /// How many bytes of a chunk, its header included, still fit.
    pub(crate) fn room(&self) -> usize {
        self.limit.saturating_sub(self.out.len())
    }

    /// Append a chunk whose value *write* appends.
    pub(crate) fn chunk(&mut self, kind: u8, flags: u8, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.out.len();
        self.out.extend_from_slice(&[kind, flags, 0, 0]);
        write(self.out);
        let length = self.out.len() - start;
        self.out[start + 2..start + 4].copy_from_slice(&(length as u16).to_be_bytes());
        self.out.resize(start + length.next_multiple_of(4), 0);
    }

    pub(crate) fn data(&mut self, data: &Data<'_>) {
        self.chunk(kind::DATA, data.flags, |out| {
            out.extend_from_slice(&data.tsn.to_be_bytes());
            out.extend_from_slice(&data.stream.to_be_bytes());
            out.extend_from_slice(&data.ssn.to_be_bytes());
            out.extend_from_slice(&data.ppid.to_be_bytes());
            out.extend_from_slice(data.payload);
        });
    }

    /// An acknowledgement, with as many blocks, and then duplicates, as fit.
    pub(crate) fn sack(
        &mut self,
        cumulative: u32,
        window: u32,
        blocks: impl Iterator<Item = (u16, u16)>,
        duplicates: &[u32],
    ) {
        let most = self.room().saturating_sub(SACK_HEADER) / 4;
        self.chunk(kind::SACK, 0, |out| {
            out.extend_from_slice(&cumulative.to_be_bytes());
            out.extend_from_slice(&window.to_be_bytes());
            let counts = out.len();
            out.extend_from_slice(&[0; 4]);
            let mut count = 0u16;
            for (start, end) in blocks.take(most) {
                out.extend_from_slice(&start.to_be_bytes());
                out.extend_from_slice(&end.to_be_bytes());
                count += 1;
            }
            let duplicates = &duplicates[..duplicates.len().min(most - usize::from(count))];
            for tsn in duplicates {
                out.extend_from_slice(&tsn.to_be_bytes());
            }
            out[counts..counts + 2].copy_from_slice(&count.to_be_bytes());
            out[counts + 2..counts + 4].copy_from_slice(&(duplicates.len() as u16).to_be_bytes());
        });
    }

    /// End the packet, with a checksum unless the peer can do without one (RFC 9653).
    pub(crate) fn finish(self, has_checksum: bool) {
        if has_checksum {
            let checksum = checksum_of(self.out).to_le_bytes();
            self.out[CHECKSUM].copy_from_slice(&checksum);
        }
    }
}
