//! Gives secrets new values, in order of what they are made from.
