//! What is reported, and above all what is not.
