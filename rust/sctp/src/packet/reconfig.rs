//! The parameters of a RE-CONFIG chunk (RFC 6525 section 4).

use super::write::Writer;
use super::{Parameter, chunk, number16, number32, parameters};

const OUTGOING_RESET: u16 = 13;
const RESPONSE: u16 = 16;

/// What the answer to a request says (RFC 6525 section 4.4).
pub(crate) mod result {
    pub(crate) const NOTHING_TO_DO: u32 = 0;
    pub(crate) const PERFORMED: u32 = 1;
    pub(crate) const DENIED: u32 = 2;
    pub(crate) const REQUEST_IN_PROGRESS: u32 = 4;
    pub(crate) const BAD_SEQUENCE_NUMBER: u32 = 5;
    pub(crate) const IN_PROGRESS: u32 = 6;
}

/// One parameter of a RE-CONFIG chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reconfig<'a> {
    /// The peer resets these of its streams, all where there are none, after *last_tsn*.
    OutgoingReset { request: u32, last_tsn: u32, streams: &'a [u8] },
    /// An answer.
    Response { request: u32, result: u32 },
    /// A request of another kind.
    Other { request: u32 },
}

/// The parameters of a RE-CONFIG chunk: those that are whole.
pub(crate) fn parse_untrusted(value: &[u8]) -> impl Iterator<Item = Reconfig<'_>> {
    parameters(value).filter_map(|parameter| one(&parameter))
}

fn one<'a>(parameter: &Parameter<'a>) -> Option<Reconfig<'a>> {
    let value = parameter.value;
    let request = number32(value, 0)?;
    match parameter.kind {
        OUTGOING_RESET => Some(Reconfig::OutgoingReset {
            request,
            last_tsn: number32(value, 8)?,
            streams: value.get(12..)?,
        }),
        RESPONSE => Some(Reconfig::Response { request, result: number32(value, 4)? }),
        14 | 15 | 17 | 18 => Some(Reconfig::Other { request }),
        _ => None,
    }
}

/// The stream ids in a request.
pub(crate) fn stream_ids(bytes: &[u8]) -> impl Iterator<Item = u16> + '_ {
    bytes.chunks_exact(2).filter_map(|id| number16(id, 0))
}

/// A request to reset *streams* of this end's.
pub(crate) fn write_request(
    writer: &mut Writer<'_>,
    request: u32,
    response: u32,
    last_tsn: u32,
    streams: &[u16],
) {
    writer.chunk(chunk::kind::RE_CONFIG, 0, |out| {
        out.extend_from_slice(&OUTGOING_RESET.to_be_bytes());
        out.extend_from_slice(&(16 + 2 * streams.len() as u16).to_be_bytes());
        for number in [request, response, last_tsn] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        for stream in streams {
            out.extend_from_slice(&stream.to_be_bytes());
        }
    });
}

/// The answer to a request of the peer's.
pub(crate) fn write_response(writer: &mut Writer<'_>, request: u32, result: u32) {
    writer.chunk(chunk::kind::RE_CONFIG, 0, |out| {
        out.extend_from_slice(&RESPONSE.to_be_bytes());
        out.extend_from_slice(&12u16.to_be_bytes());
        out.extend_from_slice(&request.to_be_bytes());
        out.extend_from_slice(&result.to_be_bytes());
    });
}
