//! What messages and devices that nobody vouches for may take of the memory (law 6).

use crate::support::*;

/// Every outcome names another certificate; the device holds one of them at the end.
#[test]
fn who_stands_in_no_cell_takes_no_memory() {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, "");
    let mut time = 1_700_000_000;
    let mut tell = |host: &mut Host| {
        for _ in 0..10 {
            time += 1;
            let cells = Cell::both(gno(), next_gno());
            let cells = cells.into_iter().map(|cell| cell.to_certificate(time));
            let told = Told::new(GPF, gno(), time.into(), cells.collect()).at(time);
            host.outcome(&device, &told);
        }
    };
    let mut bytes = 0;
    for round in 0..60 {
        if round == 20 {
            bytes = host.engine.statistics().table_bytes;
        }
        tell(&mut host);
        let staged = host.stage();
        host.engine.discard(staged.batch()).unwrap();
        host.drop_waiting();
        tell(&mut host);
        let decided = host.decide();
        assert_eq!(decided[9].verdict(), "SEEN GNO_REPLACED_BY_GNO");
    }
    assert_eq!(host.engine.statistics().table_bytes, bytes);
    host.restart();
    tell(&mut host);
    assert_eq!(host.decide()[9].verdict(), "SEEN GNO_REPLACED_BY_GNO");
}
