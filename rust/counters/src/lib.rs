//! The Originator Counter table: store-max, compare-and-increment, overlay, record image.
