//! `group`: a course, a term or an org unit.

use roster::{
    Association, AssociationKind, Course, CourseKey, Key, Kind, Labelled, OrgUnit, OrgUnitKey,
    Owner, Term, TermKey, Text, owner_hash,
};

use super::ids::Ids;
use super::types::GroupType;
use super::{GroupIs, Here, Ims, REMEMBERED, RecStatus, names};
use crate::codes;
use crate::xml::tree::{At, Tree};

/// One `relationship`.
struct Relation {
    /// 1: the other is above; 2: below; 3: another name for this.
    relation: Text,
    other: Text,
    kind: Option<Kind>,
}

impl Ims<'_> {
    pub(super) fn group(&mut self, here: Here<'_>) {
        let Some(ids) = self.ids(here, "group") else { return };
        let types = self.group_types(here);
        let is = self.options.group_types.of(&types);
        let key = match is {
            GroupIs::Course => Key::Course(CourseKey::new(&ids.key)),
            GroupIs::Term => Key::Term(TermKey::new(&ids.key)),
            GroupIs::OrgUnit => Key::OrgUnit(OrgUnitKey::new(&ids.key)),
            GroupIs::Ignored => return,
        };
        self.remember_kind(&ids.key, key.kind());
        let here = Here { key: Some(&key), ..here };
        if self.rec_status(here, Tree::ROOT) == RecStatus::Removed {
            return self.remove(here, key.clone());
        }
        let kind = types.into_iter().find_map(|of| of.value);
        match is {
            GroupIs::Term => self.term(here, ids),
            GroupIs::OrgUnit => self.org_unit(here, ids, kind),
            _ => self.course(here, ids, kind),
        }
    }

    fn group_types(&mut self, here: Here<'_>) -> Vec<GroupType> {
        let mut types = Vec::new();
        for child in here.tree.children(Tree::ROOT) {
            if here.tree.name(child) != names::GROUPTYPE {
                continue;
            }
            let scheme = self.child_value(here, child, names::SCHEME);
            for value in here.tree.children(child) {
                if here.tree.name(value) == names::TYPEVALUE && types.len() < 16 {
                    types.push(GroupType {
                        scheme: scheme.clone(),
                        value: self.value(here, value),
                        level: self.attribute(here, value, "level"),
                    });
                }
            }
        }
        types
    }

    fn course(&mut self, here: Here<'_>, ids: Ids, kind: Option<Text>) {
        let mut course = Course::new(CourseKey::new(&ids.key));
        course.source = ids.source;
        course.former_keys = (!ids.former.is_empty()).then_some(ids.former);
        course.course_type = kind;
        let mut has_extension = false;
        for child in here.tree.children(Tree::ROOT) {
            match here.tree.name(child) {
                names::DESCRIPTION => {
                    let [short, long, full] = self.description(here, child);
                    (course.short_name, course.title, course.description) = (short, long, full);
                }
                names::ORG => course.org_unit = self.org(here, child).or(course.org_unit.take()),
                names::TIMEFRAME => course.timeframe = self.timeframe(here, child),
                names::ENROLLCONTROL => {
                    let allowed = self.child_value(here, child, names::ENROLLALLOWED);
                    course.self_enrollment = match allowed.as_deref() {
                        Some("1") => Some(true),
                        Some("0") => Some(false),
                        _ => None,
                    };
                }
                names::EMAIL => course.email = self.value(here, child),
                names::URL => course.url = self.value(here, child),
                names::DATASOURCE => course.data_source = self.value(here, child),
                names::EXTENSION => has_extension = true,
                _ => {}
            }
        }
        if has_extension {
            course.template = self.template(here);
            course.attributes = self.extensions(here, Tree::ROOT, &mut |word, value| {
                let is_key = word == "xbbdatasourcekey";
                if is_key {
                    course.data_source = Some(value.clone());
                }
                is_key
            });
        }
        for relation in self.relations(here) {
            self.relate_course(here, &mut course, relation);
        }
        self.emit(here, course);
    }

    fn relate_course(&mut self, here: Here<'_>, course: &mut Course, with: Relation) {
        let id = here.key.map(|key| Text::new(key.owner().id)).unwrap_or_default();
        let kind = with.kind.unwrap_or_else(|| match self.kind_of(&with.other) {
            // Of what stands above a course and is not said to be one, the nearest guess is a
            // node of the hierarchy.
            Kind::Course => Kind::OrgUnit,
            known => known,
        });
        match (with.relation.as_str(), kind) {
            ("1", Kind::Term) => course.term = Some(with.other),
            ("1", Kind::Course) => {
                let tie = Association::new(AssociationKind::CourseCourse, id, with.other);
                self.emit(here, tie);
            }
            ("1", _) if course.org_unit.is_none() => course.org_unit = Some(with.other),
            ("1", _) => {
                let tie = Association::new(AssociationKind::CourseOrgUnit, id, with.other);
                self.emit(here, tie);
            }
            ("2", _) => {
                let tie = Association::new(AssociationKind::CourseCourse, with.other, id);
                self.emit(here, tie);
            }
            ("3", _) => {
                let label = Text::new("also-known-as");
                let alias = Labelled { label, value: with.other };
                self.add(here, &mut course.attributes, alias);
            }
            _ => self.unread(here),
        }
    }

    fn term(&mut self, here: Here<'_>, ids: Ids) {
        let mut term = Term::new(TermKey::new(&ids.key));
        term.source = ids.source;
        for child in here.tree.children(Tree::ROOT) {
            match here.tree.name(child) {
                names::DESCRIPTION => {
                    let [short, long, _] = self.description(here, child);
                    (term.short_name, term.title) = (short, long);
                }
                names::TIMEFRAME => term.timeframe = self.timeframe(here, child),
                names::DATASOURCE => term.data_source = self.value(here, child),
                _ => {}
            }
        }
        for with in self.relations(here) {
            match with.relation.as_str() {
                "1" => term.parent = Some(with.other),
                _ => self.unread(here),
            }
        }
        self.emit(here, term);
    }

    fn org_unit(&mut self, here: Here<'_>, ids: Ids, kind: Option<Text>) {
        let mut unit = OrgUnit::new(OrgUnitKey::new(&ids.key));
        unit.source = ids.source;
        unit.unit_type = kind;
        for child in here.tree.children(Tree::ROOT) {
            match here.tree.name(child) {
                names::DESCRIPTION => {
                    let [short, long, _] = self.description(here, child);
                    (unit.short_name, unit.title) = (short, long);
                }
                names::DATASOURCE => unit.data_source = self.value(here, child),
                _ => {}
            }
        }
        for with in self.relations(here) {
            match (with.relation.as_str(), with.kind) {
                ("1", Some(Kind::OrgUnit) | None) => unit.parent = Some(with.other),
                ("2", Some(Kind::Course)) => {
                    let id = Text::new(&ids.key);
                    let tie = Association::new(AssociationKind::CourseOrgUnit, with.other, id);
                    self.emit(here, tie);
                }
                _ => self.unread(here),
            }
        }
        self.emit(here, unit);
    }

    fn relations(&mut self, here: Here<'_>) -> Vec<Relation> {
        let mut relations = Vec::new();
        for child in here.tree.children(Tree::ROOT) {
            if here.tree.name(child) != names::RELATIONSHIP {
                continue;
            }
            let relation = self.attribute(here, child, "relation").unwrap_or_default();
            let id = here.tree.child(child, names::SOURCEDID);
            let other = id.and_then(|id| self.id(here, id)).flatten();
            let label = self.child_value(here, child, names::LABEL);
            let kind = Self::labelled_kind(label.as_ref());
            match other {
                Some(other) if relations.len() < self.options.limits.attributes => {
                    relations.push(Relation { relation, other, kind });
                }
                _ => self.unread(here),
            }
        }
        relations
    }

    fn unread(&mut self, here: Here<'_>) {
        let message =
            "the record has a relationship that a roster has no place for; it is left out";
        self.find(here, &codes::RELATIONSHIP_NOT_READ, message.into());
    }

    /// The org units in `org`, each in the one before it. One without an id of its own gets its
    /// path for one, so that it is the same wherever it is named. Gives the innermost.
    fn org(&mut self, here: Here<'_>, at: At) -> Option<Text> {
        let own_id = self.child_value(here, at, names::ID);
        let kind = self.child_value(here, at, names::TYPE);
        let mut chain = Vec::new();
        for child in here.tree.children(at) {
            if matches!(here.tree.name(child), names::ORGNAME | names::ORGUNIT)
                && chain.len() < self.options.limits.attributes
            {
                chain.extend(self.value(here, child));
            }
        }
        // `id` is the id of the organisation: of `orgname` where there is one, else of the unit.
        let has_name = here.tree.child(at, names::ORGNAME).is_some();
        let owner_of_id = if has_name { 0 } else { chain.len().saturating_sub(1) };
        let innermost = chain.len().checked_sub(1)?;
        let mut parent: Option<Text> = None;
        let mut path = String::new();
        for (place, title) in chain.into_iter().enumerate() {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(&title.replace('/', "//"));
            let id = match &own_id {
                Some(id) if place == owner_of_id => id.clone(),
                _ => Text::new(self.clean(here, &path)?),
            };
            let kind = kind.as_ref().filter(|_| place == innermost);
            self.emit_unit(here, &id, title, parent.take(), kind);
            parent = Some(id);
        }
        parent
    }

    /// Hands over an org unit, once.
    fn emit_unit(
        &mut self,
        here: Here<'_>,
        id: &Text,
        title: Text,
        parent: Option<Text>,
        kind: Option<&Text>,
    ) {
        let hash = owner_hash(Owner { kind: Kind::OrgUnit, id });
        if self.units.contains(&hash) {
            return;
        }
        if self.units.len() < REMEMBERED {
            self.units.insert(hash);
        }
        let mut unit = OrgUnit::new(OrgUnitKey::new(id));
        unit.title = Some(title);
        unit.parent = parent;
        unit.unit_type = kind.cloned();
        self.emit(here, unit);
    }
}
