use crate::Bitfield;

#[test]
fn the_high_bit_of_the_first_byte_is_piece_0_and_spare_bits_are_clear() {
    let mut set = Bitfield::empty(10);
    assert!(set.insert(0) && set.insert(9) && !set.insert(9) && !set.insert(10));
    assert_eq!(set.as_bytes(), [0b1000_0000, 0b0100_0000]);
    assert!(set.contains(9) && !set.contains(1) && !set.contains(10));
    assert_eq!(set.count(), 2);
    assert!(set.remove(0) && !set.remove(0) && !set.remove(99));
    assert_eq!(set.as_bytes(), [0, 0b0100_0000]);
}

#[test]
fn a_full_set_is_what_inserting_every_piece_makes() {
    for pieces in [0, 1, 7, 8, 9, 16, 306] {
        let mut set = Bitfield::empty(pieces);
        for index in 0..pieces {
            set.insert(index);
        }
        assert_eq!(set, Bitfield::full(pieces));
        assert!(set.is_full());
    }
}

#[test]
fn a_payload_may_be_short_but_not_long_and_its_spare_bits_do_not_count() {
    let count = |payload: &[u8]| Bitfield::from_payload(payload, 10).map(|set| set.count());
    assert_eq!(count(&[0xFF, 0xFF]), Some(10));
    assert_eq!(count(&[0xFF]), Some(8));
    assert_eq!(count(&[]), Some(0));
    assert_eq!(count(&[0, 0, 0]), None);
}
