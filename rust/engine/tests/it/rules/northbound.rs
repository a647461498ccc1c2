//! Outcomes of SRV 6.15.1: what is recorded, what is seen, and what is neither.

use crate::support::*;

#[test]
fn test_n01_clean_handing_back() {
    let device = Device::new(GPF);
    let mut host = Host::knowing(&device, "");
    let told = Told::new(GPF, gno(), 1_200, Cell::both(gno(), &ACB[0]));
    let decided = host.outcome(&device, &told).decide_one();
    assert_eq!(decided.verdict(), "RECORDED ACB_IN_SLOT");
    assert_eq!(decided.number("recorded_counter"), Some(1_200));
    assert_eq!(decided.0["slot"]["state"], "ACB");
    let decided = host.request(&Request::new(GPF, 1).hint(1_000)).decide_one();
    assert_eq!(decided.verdict(), "ISSUED WATERMARK_EXCEEDED");
    assert_eq!(decided.number("originator_counter"), Some(1_201));
}
