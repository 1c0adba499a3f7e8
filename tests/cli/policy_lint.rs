//! `policy lint`.
