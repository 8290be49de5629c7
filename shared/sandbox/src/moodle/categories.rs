//! Categories of courses.

use std::borrow::Cow;
use std::collections::HashMap;

use super::answer::Out;
use super::call::{Call, fits, row_id};
use super::courses::delete_one as delete_course;
use super::errors::{Outcome, Refusal};
use super::params::{Fields, Kind};
use super::rows::Category;
use super::state::{Change, State};

struct Given<'a> {
    id: Option<i64>,
    name: Option<Cow<'a, str>>,
    parent: Option<i64>,
    idnumber: Option<Cow<'a, str>>,
    description: Option<Cow<'a, str>>,
}

impl<'a> Given<'a> {
    fn read(fields: &mut Fields<'a>) -> Outcome<Self> {
        let given = Self {
            id: fields.opt_int("id")?,
            name: fields.opt_text("name", Kind::Tagless)?,
            parent: fields.opt_int("parent")?,
            idnumber: fields.opt_text("idnumber", Kind::Raw)?,
            description: fields.opt_text("description", Kind::Raw)?,
        };
        fields.opt_int("descriptionformat")?;
        fields.opt_text("theme", Kind::Plugin)?;
        Ok(given)
    }

    /// The checks that creating and updating share.
    fn check(&self, state: &State, own: Option<u32>) -> Outcome<()> {
        if let Some(name) = self.name.as_deref() {
            if name.is_empty() {
                return Err(Refusal::of("categorynamerequired", "Category name is required"));
            }
            if !fits(name, 255) {
                return Err(Refusal::of("categorytoolong", "Category name too long"));
            }
        }
        let Some(idnumber) = self.idnumber.as_deref() else { return Ok(()) };
        if !fits(idnumber, 100) {
            return Err(Refusal::of("idnumbertoolong", "ID number is too long"));
        }
        let taken = |(id, category): (u32, &Category)| {
            Some(id) != own && category.idnumber.as_deref() == Some(idnumber)
        };
        if !idnumber.is_empty()
            && state.categories.iter().any(|(id, category)| taken((id, &category.row)))
        {
            return Err(Refusal::of(
                "categoryidnumbertaken",
                "ID number is already used for another category",
            ));
        }
        Ok(())
    }
}

fn unknown(id: i64) -> Refusal {
    Refusal::of("unknowncategory", format!("Unknown category with category ID number \"{id}\""))
}

/// `core_course_create_categories`: all or nothing. Answers the names as they are shown.
pub(super) fn create(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let categories = fields.structures("categories", |category| {
        let given = Given::read(category)?;
        if given.name.is_none() || given.id.is_some() {
            return Err(Refusal::parameter());
        }
        Ok(given)
    })?;
    fields.finish()?;
    let mut made = Vec::with_capacity(categories.len());
    for given in categories {
        let parent = given.parent.unwrap_or(0);
        if parent != 0 && call.state.categories.get(row_id(parent)).is_none() {
            return Err(Refusal::of("unknowcategory", "Category not known!"));
        }
        given.check(call.state, None)?;
        let id = call.state.categories.next;
        let name = given.name.unwrap_or_default();
        let shown = call.shown(&name);
        call.put(Change::Category(
            id,
            Some(Box::new(Category {
                name: name.as_ref().into(),
                idnumber: given.idnumber.map(|idnumber| idnumber.as_ref().into()),
                parent: row_id(parent),
                description: given.description.unwrap_or_default().as_ref().into(),
                modified: call.now,
            })),
        ))?;
        made.push(Out::Object(vec![("id", Out::id(id)), ("name", Out::Text(shown))]));
    }
    Ok(Out::List(made))
}

/// `core_course_update_categories`: all or nothing.
pub(super) fn update(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let categories = fields.structures("categories", Given::read)?;
    fields.finish()?;
    for given in categories {
        let asked = given.id.ok_or_else(Refusal::parameter)?;
        let id = row_id(asked);
        let Some(category) = call.state.categories.get(id) else { return Err(unknown(asked)) };
        let mut changed = Box::new(category.clone());
        if let Some(parent) = given.parent {
            let parent = row_id(parent);
            if parent != 0 && call.state.categories.get(parent).is_none() {
                return Err(Refusal::missing_record());
            }
            if is_within(call.state, parent, id) {
                return Err(Refusal::of("cannotmovecategory", "Cannot move category"));
            }
            changed.parent = parent;
        }
        given.check(call.state, Some(id))?;
        if let Some(name) = given.name {
            changed.name = name.as_ref().into();
        }
        if let Some(idnumber) = given.idnumber {
            changed.idnumber = Some(idnumber.as_ref().into());
        }
        if let Some(description) = given.description {
            changed.description = description.as_ref().into();
        }
        changed.modified = call.now;
        call.put(Change::Category(id, Some(changed)))?;
    }
    Ok(Out::Null)
}

/// Whether `id` is `above` or lies below it.
fn is_within(state: &State, mut id: u32, above: u32) -> bool {
    while id != 0 {
        if id == above {
            return true;
        }
        id = state.categories.get(id).map_or(0, |category| category.parent);
    }
    false
}

/// `core_course_delete_categories`: all or nothing; with everything below, or after moving it.
pub(super) fn delete(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let categories = fields.structures("categories", |category| {
        let id = category.int("id")?;
        let newparent = category.opt_int("newparent")?.unwrap_or(0);
        Ok((id, newparent, category.opt_bool("recursive")?.unwrap_or(false)))
    })?;
    fields.finish()?;
    for (asked, newparent, recursive) in categories {
        let id = row_id(asked);
        let Some(category) = call.state.categories.get(id) else { return Err(unknown(asked)) };
        if recursive {
            delete_with_content(call, id)?;
            continue;
        }
        let target = if newparent == 0 { category.parent } else { row_id(newparent) };
        if target == 0 && newparent == 0 {
            return Err(Refusal::of(
                "movecatcontentstoroot",
                "Content of a category cannot be moved to the top; name another category.",
            ));
        }
        if call.state.categories.get(target).is_none() {
            return Err(unknown(newparent));
        }
        if is_within(call.state, target, id) {
            return Err(Refusal::of("youcannotdeletecategory", "You cannot delete this category"));
        }
        move_content(call, id, target)?;
        call.put(Change::Category(id, None))?;
    }
    Ok(Out::Null)
}

fn delete_with_content(call: &mut Call<'_>, id: u32) -> Outcome<()> {
    let (children, courses) = content(call.state, id);
    for child in children {
        delete_with_content(call, child)?;
    }
    for course in courses {
        delete_course(call, course)?;
    }
    call.put(Change::Category(id, None))
}

fn move_content(call: &mut Call<'_>, from: u32, to: u32) -> Outcome<()> {
    let (children, courses) = content(call.state, from);
    for child in children {
        if let Some(category) = call.state.categories.get(child) {
            let moved = Category { parent: to, ..category.clone() };
            call.put(Change::Category(child, Some(Box::new(moved))))?;
        }
    }
    for course in courses {
        if let Some(row) = call.state.courses.get(course) {
            let mut moved = Box::new(row.clone());
            moved.category = to;
            call.put(Change::Course(course, Some(moved)))?;
        }
    }
    Ok(())
}

/// The categories and courses directly in a category.
fn content(state: &State, id: u32) -> (Vec<u32>, Vec<u32>) {
    let children = state.categories.iter().filter(|(_, category)| category.row.parent == id);
    let courses = state.courses.iter().filter(|(_, course)| course.row.category == id);
    (children.map(|(id, _)| id).collect(), courses.map(|(id, _)| id).collect())
}

/// `core_course_get_categories`: those that meet all criteria, and what is below them.
pub(super) fn get(call: &mut Call<'_>, mut fields: Fields<'_>) -> Outcome {
    let criteria = fields.optional_structures("criteria", |criterion| {
        Ok((criterion.text("key", Kind::Letters)?, criterion.text("value", Kind::Raw)?))
    })?;
    let below = fields.opt_bool("addsubcategories")?.unwrap_or(true);
    fields.finish()?;
    let known = ["id", "ids", "idnumber", "name", "parent", "visible", "theme"];
    if criteria.iter().any(|(key, _)| !known.contains(&key.as_ref())) {
        return Err(Refusal::of("criteriaerror", "Missing permissions to search on a criterion."));
    }
    let meets = |id: u32, category: &Category| {
        criteria.iter().all(|(key, value)| match key.as_ref() {
            "id" => number(value) == i64::from(id),
            "ids" => value.split(',').any(|one| number(one) == i64::from(id)),
            "idnumber" => category.idnumber.as_deref() == Some(value.as_ref()),
            "name" => category.name == value.as_ref(),
            "parent" => number(value) == i64::from(category.parent),
            "visible" => number(value) == 1,
            _ => value.is_empty(),
        })
    };
    let places = places(call.state);
    let mut counts: HashMap<u32, i64> = HashMap::new();
    for (_, course) in call.state.courses.iter() {
        *counts.entry(course.row.category).or_default() += 1;
    }
    let chosen = |id: u32| call.state.categories.get(id).is_some_and(|row| meets(id, row));
    let mut shown = Vec::new();
    for place in &places {
        if !(chosen(place.id) || below && place.above.iter().any(|above| chosen(*above))) {
            continue;
        }
        let Some(category) = call.state.categories.get(place.id) else { continue };
        shown.push(Out::Object(vec![
            ("id", Out::id(place.id)),
            ("name", Out::Text(call.shown(&category.name))),
            ("idnumber", category.idnumber.as_deref().map_or(Out::Null, Out::text)),
            ("description", Out::Text(call.shown(&category.description))),
            ("descriptionformat", Out::Int(1)),
            ("parent", Out::id(category.parent)),
            ("sortorder", Out::Int(place.order)),
            ("coursecount", Out::Int(counts.get(&place.id).copied().unwrap_or(0))),
            ("visible", Out::Int(1)),
            ("visibleold", Out::Int(1)),
            ("timemodified", Out::Int(category.modified)),
            ("depth", Out::Int(place.above.len() as i64 + 1)),
            ("path", Out::Text(place.path())),
            ("theme", Out::text("")),
        ]));
    }
    Ok(Out::List(shown))
}

/// A number as PHP takes it from any text: what does not begin with one is 0.
pub(super) fn number(text: &str) -> i64 {
    let text = text.trim_start();
    let end = text
        .char_indices()
        .find(|(at, letter)| !(letter.is_ascii_digit() || *at == 0 && matches!(letter, '-' | '+')))
        .map_or(text.len(), |(at, _)| at);
    text[..end].parse().unwrap_or(0)
}

struct Place {
    id: u32,
    above: Vec<u32>,
    order: i64,
}

impl Place {
    fn path(&self) -> String {
        self.above.iter().chain([&self.id]).map(|id| format!("/{id}")).collect()
    }
}

/// All categories in the order of the tree.
fn places(state: &State) -> Vec<Place> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for (id, category) in state.categories.iter() {
        children.entry(category.row.parent).or_default().push(id);
    }
    let mut places = Vec::new();
    let mut open: Vec<(u32, Vec<u32>)> = vec![(0, Vec::new())];
    while let Some((id, above)) = open.pop() {
        let mut path = above.clone();
        if id != 0 {
            path.push(id);
            places.push(Place { id, above, order: 10_000 * (places.len() as i64 + 1) });
        }
        for child in children.get(&id).into_iter().flatten().rev() {
            open.push((*child, path.clone()));
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_read_as_php_casts_them() {
        for (text, value) in
            [("12", 12), ("12abc", 12), ("abc", 0), ("", 0), (" -3 ", -3), ("+4", 4)]
        {
            assert_eq!(number(text), value, "{text}");
        }
    }
}
