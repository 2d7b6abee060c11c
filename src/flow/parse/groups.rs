//! `groups:`: ways out that several states share.

use super::edges::{self, Place};
use super::fields::{Fields, Shape};
use super::reader::Reader;
use crate::flow::document::Group;

const GROUP: Shape = Shape {
    what: "a group",
    keys: &["description", "on"],
    later: &[],
    elsewhere: &[
        ("states", "each state names its group: `group: name`"),
        ("group", "groups do not hold groups"),
    ],
};

/// See [`super::shapes`].
#[cfg(test)]
pub(super) fn shapes() -> Vec<(&'static str, Vec<&'static str>)> {
    vec![("Group", GROUP.keys.to_vec())]
}

pub(super) fn groups(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Vec<Group> {
    let Some(node) = fields.get("groups") else { return Vec::new() };
    let mut read = Vec::new();
    for (key, node) in reader.entries(node, "a map of groups") {
        let name = reader.declared(key, "a group");
        let Some(fields) = reader.fields(node, &GROUP) else {
            reader.has_gaps = true;
            continue;
        };
        if let Some(node) = fields.get("description") {
            reader.text(node, "a description");
        }
        let help = "name the events that its states share, and where they lead";
        let on = fields.require(reader, "on", name.span, "a group", help);
        let mut on = on.map(|node| edges::on(reader, node, Place::Other)).unwrap_or_default();
        on.iter_mut().for_each(|on| on.of_group = true);
        read.push(Group { name, on });
    }
    read
}
