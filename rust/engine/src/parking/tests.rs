//! Who is evicted when, whoever comes.

use super::*;

fn parked(number: u8, size: usize, reason: Reason) -> Parked {
    Parked {
        arrival: u64::from(number),
        stream: Stream::UpdateOutcomes,
        offset: u64::from(number),
        bare: false,
        value: vec![number; size].into(),
        digest: [number; 32],
        verdict: (Disposition::Parked, reason),
        told: true,
        numbers: [Some(u64::from(number)), None],
    }
}

const NO_CAPS: Caps = Caps {
    all: usize::MAX,
    strangers: usize::MAX,
};
const A: Eui64 = Eui64::from_u64(1);
const B: Eui64 = Eui64::from_u64(2);

#[test]
fn the_ninth_message_of_a_device_evicts_its_oldest_and_the_cap_a_false_signature_first() {
    let mut parking = Parking::new(1);
    for number in 0..8 {
        let reason = if number == 5 {
            Reason::BadSignature
        } else {
            Reason::UnknownDevice
        };
        assert!(
            parking
                .add(A, Standing::Known, parked(number, 10, reason), NO_CAPS)
                .is_empty()
        );
    }
    let evicted = parking.add(
        A,
        Standing::Known,
        parked(8, 10, Reason::UnknownDevice),
        NO_CAPS,
    );
    assert_eq!(
        evicted.iter().map(|(_, p)| p.offset).collect::<Vec<_>>(),
        [0]
    );
    let caps = Caps {
        all: 8 * (10 + OVERHEAD),
        ..NO_CAPS
    };
    let evicted = parking.add(
        B,
        Standing::Known,
        parked(9, 10, Reason::UnknownDevice),
        caps,
    );
    assert_eq!(
        evicted.iter().map(|(_, p)| p.offset).collect::<Vec<_>>(),
        [5]
    );
}

#[test]
fn over_the_byte_cap_the_device_with_most_bytes_pays() {
    let mut parking = Parking::new(1);
    let all = 3 * (100 + OVERHEAD);
    let caps = Caps { all, strangers: 0 };
    for number in 0..3 {
        assert!(
            parking
                .add(
                    A,
                    Standing::Known,
                    parked(number, 100, Reason::UnknownDevice),
                    caps
                )
                .is_empty()
        );
    }
    let evicted = parking.add(
        B,
        Standing::Known,
        parked(7, 100, Reason::UnknownDevice),
        caps,
    );
    assert_eq!(evicted.len(), 1);
    assert_eq!((evicted[0].0, evicted[0].1.offset), (A, 0));
    assert!(parking.bytes() <= all);
}

fn parked_of(device: u64, size: usize) -> Parked {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&device.to_be_bytes());
    Parked {
        digest,
        ..parked(0, size, Reason::UnknownDevice)
    }
}

#[test]
fn past_their_quota_strangers_go_and_never_a_known_device() {
    let size = 100 + OVERHEAD;
    let caps = Caps {
        all: 20 * size,
        strangers: 5 * size,
    };
    let left = |seed| {
        let mut parking = Parking::new(seed);
        for device in 0..10 {
            let known = parked_of(device, 100);
            let evicted = parking.add(Eui64::from_u64(device), Standing::Known, known, caps);
            assert!(evicted.is_empty());
        }
        for device in 100..200 {
            let stranger = parked_of(device, 100);
            let device = Eui64::from_u64(device);
            let evicted = parking.add(device, Standing::Stranger, stranger, caps);
            assert!(evicted.iter().all(|(evicted, _)| evicted.to_u64() >= 100));
        }
        assert_eq!(parking.stranger_bytes(), 5 * size);
        assert_eq!(parking.bytes(), 15 * size);
        let left: Vec<_> = parking.devices_from(100).map(Eui64::to_u64).collect();
        // One that becomes known leaves its quota to the others.
        parking.set_standing(Eui64::from_u64(left[0]), Standing::Known);
        assert_eq!(parking.stranger_bytes(), 4 * size);
        let stranger = parked_of(300, 100);
        let device = Eui64::from_u64(300);
        assert!(
            parking
                .add(device, Standing::Stranger, stranger, caps)
                .is_empty()
        );
        parking.take_back();
        assert_eq!((parking.bytes(), parking.stranger_bytes()), (0, 0));
        left
    };
    assert_eq!(left(1), left(1));
    assert_ne!(left(1), left(2), "nobody outside knows who goes");
}

#[test]
fn a_stranger_never_costs_a_known_device_anything_also_where_all_is_full() {
    let size = 100 + OVERHEAD;
    let caps = Caps {
        all: 3 * size,
        strangers: 3 * size,
    };
    let mut parking = Parking::new(1);
    for device in 1..=3 {
        let known = parked_of(device, 100);
        parking.add(Eui64::from_u64(device), Standing::Known, known, caps);
    }
    let evicted = parking.add(
        Eui64::from_u64(9),
        Standing::Stranger,
        parked_of(9, 100),
        caps,
    );
    assert!(evicted.iter().map(|(device, _)| device.to_u64()).eq([9]));
}

#[test]
fn the_order_is_that_of_arrival_however_they_are_restored() {
    let mut parking = Parking::new(1);
    for number in [4, 1, 3, 2] {
        let parked = Parked {
            offset: 0,
            ..parked(number, 10, Reason::UnknownDevice)
        };
        parking.restore(A, parked);
    }
    assert!(parking.of(A).map(|p| p.arrival).eq(1..5));
    assert_eq!(parking.next_arrival(), 5);
}

#[test]
fn a_batch_can_be_taken_back() {
    let mut parking = Parking::new(1);
    for number in 0..8 {
        parking.add(
            A,
            Standing::Known,
            parked(number, 10, Reason::UnknownDevice),
            NO_CAPS,
        );
    }
    parking.keep();
    let before: Vec<_> = parking.of(A).cloned().collect();
    let bytes = parking.bytes();
    parking.add(
        A,
        Standing::Known,
        parked(8, 10, Reason::BadSignature),
        NO_CAPS,
    );
    parking.remove(A, &[3; 32]);
    parking.set_verdict(
        A,
        &[4; 32],
        (Disposition::Rejected, Reason::BadSignature),
        false,
    );
    parking.add(
        B,
        Standing::Known,
        parked(9, 10, Reason::UnknownDevice),
        NO_CAPS,
    );
    parking.take_back();
    assert_eq!(parking.of(A).cloned().collect::<Vec<_>>(), before);
    assert_eq!((parking.bytes(), parking.of(B).count()), (bytes, 0));
}

/// A cap that was lowered, or an inventory that lost a fleet, must not make one batch of everything.
#[test]
fn what_is_too_much_goes_by_and_by() {
    const LONG: usize = 60_000;
    let each = LONG + OVERHEAD;
    let mut parking = Parking::new(1);
    let park = |parking: &mut Parking, device: u64, caps| {
        let record = parked(0, LONG, Reason::UnknownDevice);
        let evicted = parking.add(Eui64::from_u64(device), Standing::Known, record, caps);
        evicted.len()
    };
    for device in 0..200 {
        assert_eq!(park(&mut parking, device, NO_CAPS), 0);
    }
    parking.keep();
    let caps = Caps {
        all: 50 * each,
        ..NO_CAPS
    };
    let a_batch = EVICTED_A_BATCH.div_ceil(each);
    for (batch, device) in [200, 300].into_iter().enumerate() {
        assert_eq!(park(&mut parking, device, caps), a_batch, "{batch}");
        assert_eq!(park(&mut parking, device + 1, caps), 2, "{batch}");
        if batch == 0 {
            parking.keep();
        } else {
            parking.take_back();
        }
    }
    let mut device = 400;
    while parking.bytes > caps.all {
        assert!(park(&mut parking, device, caps) > 1);
        parking.keep();
        device += 1;
    }
    assert_eq!(parking.bytes, caps.all);
}
