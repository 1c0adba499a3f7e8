//! What to do next, by what must be done: the repository at a glance, without a key.
