//! What kind of school is wanted.

/// What a [`School`](crate::School) is made from. The same values give the same school.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchoolSpec {
    /// Everything that looks like chance comes from this number.
    pub seed: u64,
    /// How many persons on the first day: about 92 % students, 7 % teachers, the rest other staff.
    pub persons: u32,
    /// Calendar year in which the first school year begins; its first day is 1 August.
    pub year: i16,
    /// Domain of user names and e-mail addresses; it should end in `.example`.
    pub domain: String,
    /// Name of the institution, as the title of its topmost org unit.
    pub name: String,
    /// The system that the records claim to come from (IMS `<source>`).
    pub source: String,
    /// How much happens in a year.
    pub rates: Rates,
}

impl Default for SchoolSpec {
    fn default() -> Self {
        Self {
            seed: 1,
            persons: 1_000,
            year: 2026,
            domain: "noordermeer.example".to_owned(),
            name: "Hogeschool Noordermeer".to_owned(),
            source: "NoordermeerSIS".to_owned(),
            rates: Rates::default(),
        }
    }
}

/// How often something happens, in events per year among ten thousand that it could happen to.
/// Events are spread evenly over the days of the school year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// A person leaves before the end, and a newcomer takes the place some days later.
    pub leave: u32,
    /// A person takes another family name.
    pub rename: u32,
    /// A person gets another user name.
    pub new_username: u32,
    /// An enrolled student goes over to a parallel class.
    pub course_move: u32,
    /// An enrolled student goes over to another group of the course.
    pub group_move: u32,
    /// An enrollment is suspended.
    pub suspend: u32,
    /// A course begins after the year has begun.
    pub course_opens: u32,
    /// A course is closed before the year has ended.
    pub course_closes: u32,
    /// A course gets another title.
    pub retitle: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            leave: 400,
            rename: 60,
            new_username: 40,
            course_move: 300,
            group_move: 500,
            suspend: 150,
            course_opens: 200,
            course_closes: 150,
            retitle: 200,
        }
    }
}

impl Rates {
    /// A school in which nothing happens but the turn of the school year.
    pub const NONE: Self = Self {
        leave: 0,
        rename: 0,
        new_username: 0,
        course_move: 0,
        group_move: 0,
        suspend: 0,
        course_opens: 0,
        course_closes: 0,
        retitle: 0,
    };
}
