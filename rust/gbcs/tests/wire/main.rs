//! The wire format held to DCC's vectors, to its own laws and to bad input.

#[cfg(test)]
mod certificates;
#[cfg(test)]
mod layouts;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod rejection;
#[cfg(test)]
mod rtds;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod worked;
