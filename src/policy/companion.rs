//! Values beside the current one of a secret: the one before it, and the one that comes next.
//!
//! Neither has rules of its own. Who may read a secret may read the value before, for as long as it is kept; the next
//! one is for admins until it takes its place.

use jiff::SignedDuration;

use super::Policy;
use super::attribute::Attributes;
use crate::name::SecretName;

/// Which value a name stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// The value before, `NAME.previous`.
    Previous,
    /// The value to come, `NAME.next`.
    Next,
}

/// A name that stands for another value of a secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Companion {
    /// The secret.
    pub of: SecretName,
    /// Which of its values.
    pub role: Role,
    /// How long it stays beside the current one.
    pub stays: SignedDuration,
}

impl Role {
    const ALL: [Self; 2] = [Self::Previous, Self::Next];

    fn ending(self) -> &'static str {
        match self {
            Self::Previous => ".previous",
            Self::Next => ".next",
        }
    }

    /// The name of this value of a secret; none if it were too long.
    pub fn name_for(self, secret: &SecretName) -> Option<SecretName> {
        format!("{secret}{}", self.ending()).parse().ok()
    }
}

impl Policy {
    /// What a name stands for beside another secret; none for nearly every name.
    pub fn companion(&self, name: &SecretName) -> Option<Companion> {
        Role::ALL.into_iter().find_map(|role| {
            let of: SecretName = name.as_str().strip_suffix(role.ending())?.parse().ok()?;
            let rotation = self.own_attributes(&of).rotation?;
            let stays = match role {
                Role::Previous => rotation.keep_previous?,
                Role::Next => rotation.announce?,
            };
            Some(Companion { of, role, stays })
        })
    }

    /// What the policy declares about a secret, which need not exist.
    pub fn attributes(&self, secret: &SecretName) -> Attributes {
        let Some(companion) = self.companion(secret) else { return self.own_attributes(secret) };
        let all = self.own_attributes(&companion.of);
        match companion.role {
            Role::Previous => Attributes { editors: all.editors, ..Attributes::default() },
            Role::Next => Attributes { rotation: None, ..all },
        }
    }
}
