//! One batch: event, decision, sealed command.
