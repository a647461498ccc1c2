//! The wire format held to vectors, to its own laws and to bad input.

#[cfg(test)]
mod rtds;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod vectors;
