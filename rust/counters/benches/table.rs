//! Allocation, lookup and record images at a moderate size.

fn main() {}
