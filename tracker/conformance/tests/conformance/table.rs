//! The table itself.

use std::collections::BTreeSet;

use conformance::{cases, requirement};

#[test]
fn each_case_has_a_name_of_its_own_in_a_group() {
    let ids: BTreeSet<&str> = cases().map(|case| case.id).collect();
    assert_eq!(ids.len(), cases().count());
    for id in ids {
        assert!(id.split('.').count() == 2, "`{id}` is not `group.case`");
    }
}

#[test]
fn each_case_rests_on_requirements_of_the_specification() {
    for case in cases() {
        assert!(!case.requirements.is_empty(), "{} has none", case.id);
        for id in case.requirements {
            assert!(requirement(id).is_some(), "{}: there is no {id}", case.id);
        }
    }
}

#[test]
fn a_requirement_comes_in_one_line() {
    assert_eq!(
        requirement("R-2.3").as_deref(),
        Some("A tracker MUST send its messages as text messages.")
    );
    assert_eq!(requirement("R-99.1"), None);
}
