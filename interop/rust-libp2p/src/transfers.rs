//! Pings and transfers of a dialer.

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use libp2p::futures::future::try_join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::content::{Content, DOWNLOAD, UPLOAD, drain, finish};
use crate::dial::{Dialer, Stream, milliseconds};
use crate::serve::{CHECKED, CHECKED_OK, ECHO, PERF, read_byte};

const PING: &str = "/ipfs/ping/1.0.0";
const PING_SIZE: usize = 32;
const SEED: u64 = 1;
const ECHO_DIRECTION: u8 = b'e';

impl Dialer {
    /// Opens a stream and pings on it, back to back. The behaviour of rust-libp2p waits between pings.
    pub async fn ping(&self, count: usize) -> Result<Vec<f64>> {
        let mut stream = self.open(PING).await?;
        let mut samples = Vec::with_capacity(count);
        for _ in 0..count {
            let sent: [u8; PING_SIZE] = rand::random();
            let mut received = [0; PING_SIZE];
            let started = Instant::now();
            stream.write_all(&sent).await?;
            stream.flush().await?;
            stream.read_exact(&mut received).await?;
            ensure!(sent == received, "the peer answered with other bytes");
            samples.push(milliseconds(started.elapsed()));
        }
        finish(&mut stream).await?;
        Ok(samples)
    }

    pub async fn checked(&self, upload: u64, download: u64) -> Result<Value> {
        let up = Content::new(SEED, UPLOAD);
        let down = Content::new(SEED, DOWNLOAD);
        let started = Instant::now();
        let mut stream = self.open(CHECKED).await?;
        for number in [upload, download, SEED] {
            stream.write_u64(number).await?;
        }
        stream.flush().await?;
        up.send_all(&mut stream, upload).await?;
        match read_byte(&mut stream).await.context("waiting for the peer's comparison")? {
            CHECKED_OK => {}
            answer => bail!("the peer answered {answer}"),
        }
        down.receive(&mut stream, download).await?;
        Ok(transfer(upload + download, started, 1, true))
    }

    pub async fn perf(&self, upload: u64, download: u64) -> Result<Value> {
        let up = Content::new(0, UPLOAD);
        let started = Instant::now();
        let mut stream = self.open(PERF).await?;
        stream.write_u64(download).await?;
        stream.flush().await?;
        up.send_all(&mut stream, upload).await?;
        let received = drain(&mut stream).await?;
        ensure!(received == download, "{received} bytes arrived instead of {download}");
        Ok(transfer(upload + download, started, 1, false))
    }

    /// Sends `size` bytes on each of the streams at once and compares what comes back.
    pub async fn echo(&self, size: u64, streams: u64) -> Result<Value> {
        let contents: Vec<_> = (0..streams).map(|seed| Content::new(seed, ECHO_DIRECTION)).collect();
        let started = Instant::now();
        try_join_all(contents.iter().map(|content| async move {
            let (mut reader, mut writer) = tokio::io::split(self.open(ECHO).await?);
            tokio::try_join!(content.receive(&mut reader, size), content.send_all(&mut writer, size))
        }))
        .await?;
        Ok(transfer(size * streams, started, streams, true))
    }

    /// Returns when the peer has answered something that was sent after all that went before: the end of the
    /// connection may overtake what is on its way.
    pub async fn settle(&self) -> Result<()> {
        self.ping(1).await.map(drop)
    }

    /// Opens a stream and writes the byte that says what it is for.
    pub async fn open_for(&self, protocol: &'static str, kind: u8) -> Result<Stream> {
        let mut stream = self.open(protocol).await?;
        stream.write_u8(kind).await?;
        stream.flush().await?;
        Ok(stream)
    }
}

fn transfer(bytes: u64, started: Instant, streams: u64, compared: bool) -> Value {
    let seconds = started.elapsed().as_secs_f64();
    json!({
        "bytes": bytes, "seconds": seconds, "mb_per_s": bytes as f64 / 1e6 / seconds,
        "streams": streams, "compared": compared,
    })
}
