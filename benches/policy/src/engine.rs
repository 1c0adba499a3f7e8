//! What every engine can be asked.

use crate::world::Question;

/// A loaded policy that several threads can share.
pub trait Engine: Sync {
    /// What one thread asks with.
    type Asker<'e>: Ask
    where
        Self: 'e;

    /// Prepares a thread; no clock runs yet.
    fn asker(&self) -> Self::Asker<'_>;

    /// Explains decisions as far as the engine can, and gives how many things it said.
    fn explainer(&self) -> impl FnMut(Question) -> usize;
}

/// One thread's way to ask.
pub trait Ask {
    /// Whether the answer is yes.
    fn allows(&mut self, question: Question) -> bool;
}
