//! What a listener serves; `interop/README.md` has the bytes of these protocols.

use std::io;

use anyhow::{Context, Error, Result, bail};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::content::{Content, DOWNLOAD, UPLOAD, drain, finish};
use crate::output::emit;

pub const ECHO: &str = "/echo/1.0.0";
pub const PERF: &str = "/perf/1.0.0";
pub const CHECKED: &str = "/interop/checked/1.0.0";
pub const HALF_CLOSE: &str = "/interop/half-close/1.0.0";
pub const RESET: &str = "/interop/reset/1.0.0";
pub const CLOSE: &str = "/interop/close/1.0.0";
pub const PROTOCOLS: [&str; 6] = [ECHO, PERF, CHECKED, HALF_CLOSE, RESET, CLOSE];

pub const CHECKED_OK: u8 = 1;

pub const DIALER_FIRST: u8 = 1;
pub const LISTENER_FIRST: u8 = 2;
pub const HALF_CLOSE_SEED: u64 = 2;
pub const HALF_CLOSE_UP: u64 = 1000;
pub const HALF_CLOSE_DOWN: u64 = 2000;

pub const RESET_BY_LISTENER: u8 = 1;
pub const RESET_BY_DIALER: u8 = 2;

const CHUNK_SIZE: usize = 64 << 10;

/// What is left to do when a protocol is over.
#[derive(PartialEq)]
pub enum Then {
    /// Nothing: both sides of the stream have ended.
    Nothing,
    Reset,
    CloseConnection,
}

/// Serves one stream and prints an event if that fails; the stream is to be reset then.
pub async fn serve(protocol: &str, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Then {
    let served = match protocol {
        ECHO => echo(stream).await,
        PERF => perf(stream).await,
        CHECKED => checked(stream).await,
        HALF_CLOSE => half_close(stream).await,
        RESET => reset(stream).await,
        CLOSE => read_byte(stream).await.map(|_| Then::CloseConnection),
        _ => Err(Error::msg("nobody serves it")),
    };
    served.unwrap_or_else(|error| {
        emit(&json!({"event": "error", "protocol": protocol, "error": format!("{error:#}")}));
        Then::Reset
    })
}

async fn echo(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<Then> {
    let mut buffer = vec![0; CHUNK_SIZE];
    let mut echoed = 0;
    loop {
        let count = stream.read(&mut buffer).await.with_context(|| format!("reading at byte {echoed}"))?;
        if count == 0 {
            finish(stream).await?;
            return Ok(Then::Nothing);
        }
        stream.write_all(&buffer[..count]).await.with_context(|| format!("writing at byte {echoed}"))?;
        stream.flush().await?;
        echoed += count;
    }
}

async fn perf(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<Then> {
    let download = stream.read_u64().await.context("reading the header")?;
    drain(stream).await?;
    Content::new(0, DOWNLOAD).send_all(stream, download).await?;
    Ok(Then::Nothing)
}

async fn checked(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<Then> {
    let upload = stream.read_u64().await.context("reading the header")?;
    let download = stream.read_u64().await.context("reading the header")?;
    let seed = stream.read_u64().await.context("reading the header")?;
    if let Err(error) = Content::new(seed, UPLOAD).receive(stream, upload).await {
        // A go-libp2p client hangs when its stream is reset in the middle of an upload.
        let _ = drain(stream).await;
        return Err(error);
    }
    stream.write_all(&[CHECKED_OK]).await?;
    // rust-libp2p would put it into one message with the next frame, and that is too long.
    stream.flush().await?;
    Content::new(seed, DOWNLOAD).send_all(stream, download).await?;
    Ok(Then::Nothing)
}

async fn half_close(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<Then> {
    let up = Content::new(HALF_CLOSE_SEED, UPLOAD);
    let down = Content::new(HALF_CLOSE_SEED, DOWNLOAD);
    match read_byte(stream).await? {
        DIALER_FIRST => {
            up.receive(stream, HALF_CLOSE_UP).await?;
            down.send_all(stream, HALF_CLOSE_DOWN).await?;
        }
        LISTENER_FIRST => {
            down.send_all(stream, HALF_CLOSE_DOWN).await?;
            up.receive(stream, HALF_CLOSE_UP).await?;
        }
        kind => bail!("half-close of kind {kind}"),
    }
    Ok(Then::Nothing)
}

async fn reset(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<Then> {
    match read_byte(stream).await? {
        RESET_BY_LISTENER => Ok(Then::Reset),
        kind @ RESET_BY_DIALER => {
            stream.write_all(&[kind]).await?;
            stream.flush().await?;
            expect_reset(stream).await?;
            emit(&json!({"event": "reset-seen"}));
            Ok(Then::Reset)
        }
        kind => bail!("reset of kind {kind}"),
    }
}

/// Reads until the peer resets the stream; an end of another kind is an error.
pub async fn expect_reset(stream: &mut (impl AsyncRead + Unpin)) -> Result<()> {
    let received = match drain(stream).await {
        Ok(received) => received,
        Err(error) if error.downcast_ref().is_some_and(is_reset) => return Ok(()),
        Err(error) => return Err(error),
    };
    // rust-libp2p shows a reset as an end first; the next read tells the two apart.
    match stream.read_u8().await {
        Err(error) if is_reset(&error) => Ok(()),
        _ => bail!("FIN after {received} bytes instead of a reset"),
    }
}

fn is_reset(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionReset
}

pub async fn read_byte(stream: &mut (impl AsyncRead + Unpin)) -> Result<u8> {
    stream.read_u8().await.context("reading one byte")
}
