//! `inspect` and keystores: DCC's vectors with the published keys, and messages and certificates made here.

mod documents;
mod forms;
mod keystores;
mod made_up;
mod rtds;
mod vectors;
