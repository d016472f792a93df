//! What moves: as in `/perf/1.0.0`, the dialer says how much it wants back, uploads, and ends its half.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use quinn::{Connection, RecvStream, SendStream, VarInt};
use tokio::signal::unix::{SignalKind, signal};

use crate::ends::{self, Outcome, SERVER_NAME};
use crate::options::{Controller, Dial};

static ZEROS: [u8; CHUNK] = [0; CHUNK];
const CHUNK: usize = 64 << 10;
const FAREWELL: Duration = Duration::from_secs(3);

/// Serve transfers until SIGTERM.
pub(crate) async fn listen(controller: Controller, ip: IpAddr) -> Outcome<()> {
    let (endpoint, certificate) = ends::listener(controller, ip)?;
    let mut ending = signal(SignalKind::terminate())?;
    let address = endpoint.local_addr()?;
    writeln!(
        io::stdout(),
        "{{\"event\":\"listening\",\"peer_id\":\"\",\"addresses\":[\"/ip4/{}/udp/{}/quic-v1/{}\"]}}",
        address.ip(),
        address.port(),
        hexadecimal(&certificate)
    )?;
    loop {
        tokio::select! {
            _ = ending.recv() => return Ok(()),
            incoming = endpoint.accept() => {
                if let Some(incoming) = incoming {
                    tokio::spawn(async move {
                        // A connection that fails is the dialer's to tell of.
                        if let Ok(connection) = incoming.await {
                            serve(connection).await;
                        }
                    });
                }
            }
        }
    }
}

/// Do the transfer and print its result.
pub(crate) async fn dial(controller: Controller, options: &Dial) -> Outcome<()> {
    let (address, certificate) = parse_address(&options.address).ok_or("not an address of a listener")?;
    tokio::time::timeout(options.timeout, async {
        let endpoint = ends::dialer(controller, address.ip(), certificate)?;
        let connection = endpoint.connect(address, SERVER_NAME)?.await?;
        let start = Instant::now();
        let (mut send, mut receive) = connection.open_bi().await?;
        send.write_all(&options.download.to_be_bytes()).await?;
        send_zeros(&mut send, options.upload).await?;
        let received = drain(&mut receive).await?;
        if received != options.download {
            return Err(format!("{received} bytes arrived instead of {}", options.download).into());
        }
        let seconds = start.elapsed().as_secs_f64();
        connection.close(VarInt::from_u32(0), b"");
        // Else the listener would hear of the end by its silence.
        let _ = tokio::time::timeout(FAREWELL, endpoint.wait_idle()).await;
        let transfer = |bytes: u64| match bytes {
            0 => "null".to_owned(),
            bytes => format!("{{\"bytes\":{bytes},\"seconds\":{seconds}}}"),
        };
        writeln!(
            io::stdout(),
            "{{\"event\":\"result\",\"perf_upload\":{},\"perf_download\":{}}}",
            transfer(options.upload),
            transfer(options.download)
        )?;
        Ok(())
    })
    .await
    .map_err(|_| format!("not done within {} s", options.timeout.as_secs_f64()))?
}

async fn serve(connection: Connection) {
    while let Ok((mut send, mut receive)) = connection.accept_bi().await {
        let mut size = [0; 8];
        if receive.read_exact(&mut size).await.is_ok() && drain(&mut receive).await.is_ok() {
            // Only a dialer that has gone lets this fail.
            let _ = send_zeros(&mut send, u64::from_be_bytes(size)).await;
        }
    }
}

async fn send_zeros(stream: &mut SendStream, size: u64) -> Outcome<()> {
    let mut left = size;
    while left > 0 {
        let part = left.min(CHUNK as u64);
        stream.write_all(&ZEROS[..part as usize]).await?;
        left -= part;
    }
    stream.finish()?;
    Ok(())
}

async fn drain(stream: &mut RecvStream) -> Outcome<u64> {
    let mut received = 0;
    while let Some(chunk) = stream.read_chunk(usize::MAX, true).await? {
        received += chunk.bytes.len() as u64;
    }
    Ok(received)
}

/// Read `/ip4/IP/udp/PORT/quic-v1/CERTIFICATE`.
fn parse_address(text: &str) -> Option<(SocketAddr, Vec<u8>)> {
    let parts: Vec<&str> = text.split('/').collect();
    let ["", "ip4", ip, "udp", port, "quic-v1", certificate] = parts.as_slice() else {
        return None;
    };
    let address = SocketAddr::new(ip.parse().ok()?, port.parse().ok()?);
    let bytes = certificate.as_bytes().chunks_exact(2);
    let bytes = bytes.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    Some((address, bytes.collect::<Option<_>>()?))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
