//! Which services a difference is about.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use serde::Serializer;
use serde::ser::SerializeMap;

use crate::name::ServiceName;
use crate::policy::Services;

/// Services that one side has and the other has not.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Affected {
    /// Every service that is not named here.
    EveryBut(BTreeSet<ServiceName>),
    /// These.
    Only(BTreeSet<ServiceName>),
}

impl Affected {
    /// What `more` covers and `less` does not; nothing where `less` covers it all.
    pub(in crate::ops) fn between(more: Option<&Services>, less: Option<&Services>) -> Option<Self> {
        let Some(less) = less else { return more.map(Self::from) };
        match (more?, less) {
            (_, Services::All) => None,
            (Services::All, Services::Only(less)) => Some(Self::EveryBut(less.clone())),
            (Services::Only(more), Services::Only(less)) => {
                let left: BTreeSet<_> = more.difference(less).cloned().collect();
                (!left.is_empty()).then_some(Self::Only(left))
            }
        }
    }
}

impl From<&Services> for Affected {
    fn from(services: &Services) -> Self {
        match services {
            Services::All => Self::EveryBut(BTreeSet::new()),
            Services::Only(services) => Self::Only(services.clone()),
        }
    }
}

impl fmt::Display for Affected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (head, names) = match self {
            Self::EveryBut(names) if names.is_empty() => return f.write_str("every service"),
            Self::EveryBut(names) => ("every service but ", names),
            Self::Only(names) => ("", names),
        };
        let names: Vec<_> = names.iter().map(ServiceName::as_str).collect();
        write!(f, "{head}{}", names.join(" "))
    }
}

impl Serialize for Affected {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::EveryBut(names) => {
                map.serialize_entry("services", &["*"])?;
                if !names.is_empty() {
                    map.serialize_entry("except", names)?;
                }
            }
            Self::Only(names) => map.serialize_entry("services", names)?,
        }
        map.end()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn only(names: &str) -> Services {
        Services::Only(names.split(' ').map(|name| name.parse().unwrap()).collect())
    }

    fn words(more: Option<&Services>, less: Option<&Services>) -> Option<String> {
        Affected::between(more, less).map(|affected| affected.to_string())
    }

    #[test]
    fn a_difference_of_services_has_each_direction() {
        let (all, ab, bc) = (Services::All, only("a b"), only("b c"));
        for (more, less, wanted) in [
            (Some(&all), None, Some("every service")),
            (Some(&all), Some(&ab), Some("every service but a b")),
            (Some(&all), Some(&all), None),
            (Some(&ab), Some(&all), None),
            (Some(&ab), Some(&bc), Some("a")),
            (Some(&ab), Some(&ab), None),
            (Some(&ab), None, Some("a b")),
            (None, Some(&all), None),
        ] {
            assert_eq!(words(more, less).as_deref(), wanted, "{more:?} {less:?}");
        }
    }
}
