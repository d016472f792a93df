//! What a stream carries where both ends know every byte of it; `interop/README.md` says what that is.

use anyhow::{Context, Result, ensure};
use sha3::Shake128;
use sha3::digest::{ExtendableOutput, Update, XofReader};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A prime: no frame, packet, window or buffer divides it, so bytes that are lost, repeated, swapped or
/// shifted do not compare equal.
const BLOCK_SIZE: usize = 1_048_573;

/// The most that is written or compared at once.
const CHUNK_SIZE: usize = 64 << 10;

pub const UPLOAD: u8 = b'u';
pub const DOWNLOAD: u8 = b'd';

/// A block of SHAKE-128 output, made from a seed and a direction, repeated.
pub struct Content {
    /// Followed by its own first bytes, so that a chunk never wraps.
    block: Vec<u8>,
}

impl Content {
    pub fn new(seed: u64, direction: u8) -> Self {
        let mut hash = Shake128::default();
        hash.update(&seed.to_be_bytes());
        hash.update(&[direction]);
        let mut block = vec![0; BLOCK_SIZE];
        hash.finalize_xof().read(&mut block);
        block.extend_from_within(..CHUNK_SIZE);
        Self { block }
    }

    /// The next bytes at an offset: `size` of them, or one chunk if that is less.
    fn at(&self, offset: u64, size: u64) -> &[u8] {
        let start = (offset % BLOCK_SIZE as u64) as usize;
        &self.block[start..start + size.min(CHUNK_SIZE as u64) as usize]
    }

    pub async fn send(&self, stream: &mut (impl AsyncWrite + Unpin), size: u64) -> Result<()> {
        let mut sent = 0;
        while sent < size {
            let written = stream.write(self.at(sent, size - sent)).await;
            sent += written.with_context(|| format!("sending at byte {sent} of {size}"))? as u64;
        }
        stream.flush().await.context("flushing")
    }

    /// Sends, and ends the own side of the stream.
    pub async fn send_all(&self, stream: &mut (impl AsyncWrite + Unpin), size: u64) -> Result<()> {
        self.send(stream, size).await?;
        finish(stream).await
    }

    /// Reads up to FIN and fails unless exactly the content arrives.
    pub async fn receive(&self, stream: &mut (impl AsyncRead + Unpin), size: u64) -> Result<()> {
        let mut buffer = vec![0; CHUNK_SIZE];
        let mut received = 0;
        loop {
            let read = stream.read(&mut buffer).await;
            let count = read.with_context(|| format!("receiving at byte {received} of {size}"))? as u64;
            if count == 0 {
                break;
            }
            let after = received + count;
            ensure!(after <= size, "more than {size} bytes arrived");
            ensure!(
                buffer[..count as usize] == *self.at(received, count),
                "wrong bytes between {received} and {after}"
            );
            received = after;
        }
        ensure!(received == size, "FIN after {received} bytes instead of {size}");
        Ok(())
    }
}

/// Ends the own side of the stream.
pub async fn finish(stream: &mut (impl AsyncWrite + Unpin)) -> Result<()> {
    stream.shutdown().await.context("finishing to write")
}

/// Reads up to FIN and counts.
pub async fn drain(stream: &mut (impl AsyncRead + Unpin)) -> Result<u64> {
    let mut buffer = vec![0; CHUNK_SIZE];
    let mut received = 0;
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => return Ok(received),
            Ok(count) => received += count as u64,
            Err(error) => return Err(error).with_context(|| format!("receiving after {received} bytes")),
        }
    }
}
