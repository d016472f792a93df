//! Numbers of 32 bits that wrap around (RFC 9260 section 1.6), counted in 64 bits within an association.

/// The 64-bit number that has *wire* for its low half and is nearest to *near*.
pub(crate) fn unwrap(near: u64, wire: u32) -> u64 {
    let ahead = wire.wrapping_sub(near as u32) as i32;
    near.wrapping_add_signed(i64::from(ahead))
}

/// Where counting begins for a first number: far enough from zero that nothing gets below it.
pub(crate) fn start(wire: u32) -> u64 {
    (1 << 32) | u64::from(wire)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_near_the_last_one_is_told_from_one_that_wrapped() {
        let near = start(u32::MAX - 1);
        assert_eq!(unwrap(near, u32::MAX), near + 1);
        assert_eq!(unwrap(near, 3), near + 5);
        assert_eq!(unwrap(near, u32::MAX - 10), near - 9);
        assert_eq!(unwrap(start(0), u32::MAX), start(0) - 1);
    }
}
