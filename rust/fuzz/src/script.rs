//! Reads an input as steps, so that a changed byte changes one step and not all that follow.

/// Steps that one input may have; more only make it slow.
const MAX_STEPS: usize = 200;

/// The rest of an input.
pub struct Script<'a> {
    rest: &'a [u8],
    steps: usize,
}

impl<'a> Script<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Self { rest: data, steps: 0 }
    }

    /// What the next step does; `None` at the end.
    pub fn step(&mut self) -> Option<u8> {
        if self.rest.is_empty() || self.steps == MAX_STEPS {
            return None;
        }
        self.steps += 1;
        Some(self.byte())
    }

    /// Zero at the end.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else {
            return 0;
        };
        self.rest = rest;
        *first
    }

    pub fn number(&mut self) -> usize {
        usize::from(u16::from_be_bytes([self.byte(), self.byte()]))
    }

    /// Two bytes of length, then as many bytes, or what is left.
    pub fn bytes(&mut self) -> &'a [u8] {
        let length = self.number().min(self.rest.len());
        let (bytes, rest) = self.rest.split_at(length);
        self.rest = rest;
        bytes
    }

    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }
}

/// The other direction, for seeds.
#[derive(Default)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    pub fn step(mut self, kind: u8, arguments: &[u8]) -> Self {
        self.0.push(kind);
        self.0.extend_from_slice(arguments);
        self
    }

    pub fn step_with(self, kind: u8, arguments: &[u8], bytes: &[u8]) -> Self {
        let mut writer = self.step(kind, arguments);
        writer.0.extend_from_slice(&(bytes.len() as u16).to_be_bytes());
        writer.0.extend_from_slice(bytes);
        writer
    }
}

/// Change *datagram* as *patch* says: pairs of where and what to exclusive-or; a last single byte shortens.
pub fn patch(datagram: &mut Vec<u8>, patch: &[u8]) {
    for change in patch.chunks(3) {
        match change {
            [high, low, mask] if !datagram.is_empty() => {
                let at = usize::from(u16::from_be_bytes([*high, *low])) % datagram.len();
                datagram[at] ^= mask;
            }
            [less] => datagram.truncate(datagram.len().saturating_sub(usize::from(*less))),
            [_, more] => datagram.extend(std::iter::repeat_n(*more, usize::from(*more))),
            _ => {}
        }
    }
}
