//! What is taught where: departments, their subjects, campuses, names of groups.

/// A department and what it teaches.
pub(crate) struct Department {
    pub code: &'static str,
    pub name: &'static str,
    /// Place in [`FACULTIES`].
    pub faculty: usize,
    pub subjects: &'static [&'static str],
}

pub(crate) const FACULTIES: [&str; 6] = [
    "Faculteit Techniek & Informatica",
    "Faculteit Gezondheid en Zorg",
    "Faculteit Economie & Recht",
    "Faculteit Educatie",
    "Faculteit Mens & Maatschappij",
    "Faculteit Kunst, Taal en Media",
];

pub(crate) const CAMPUSES: [&str; 12] = [
    "Noordermeer",
    "Oudezijl",
    "Vlietburg",
    "Heideveen",
    "Zuiderwijk",
    "Kromwoude",
    "Lage Dijk",
    "Sint-Annapoort",
    "Buitenwaard",
    "Duinrade",
    "’s-Gravenbrug",
    "Coevelden-Oost",
];

pub(crate) const DEPARTMENTS: [Department; 18] = [
    Department {
        code: "INF",
        name: "Informatica",
        faculty: 0,
        subjects: &[
            "Programmeren",
            "Algoritmen & datastructuren",
            "Databases",
            "Computernetwerken",
            "Software-architectuur",
            "Kunstmatige intelligentie",
            "Cybersecurity",
            "Project webapplicaties",
        ],
    },
    Department {
        code: "VPK",
        name: "Verpleegkunde",
        faculty: 1,
        subjects: &[
            "Anatomie en fysiologie",
            "Klinisch redeneren",
            "Verpleegtechnische vaardigheden",
            "Farmacologie",
            "Ethiek in de zorg",
            "Wijkverpleging",
            "Psychiatrie",
        ],
    },
    Department {
        code: "BDK",
        name: "Bedrijfskunde",
        faculty: 2,
        subjects: &[
            "Financiële administratie",
            "Marketing",
            "Organisatiekunde",
            "Statistiek",
            "Supply chain management",
            "Ondernemerschap",
            "Business English",
        ],
    },
    Department {
        code: "PAB",
        name: "Leraar basisonderwijs",
        faculty: 3,
        subjects: &[
            "Pedagogiek",
            "Rekendidactiek",
            "Taaldidactiek",
            "Oriëntatie op jezelf en de wereld",
            "Muziek en drama",
            "Stage onderbouw",
        ],
    },
    Department {
        code: "SOW",
        name: "Sociaal werk",
        faculty: 4,
        subjects: &[
            "Gespreksvoering",
            "Jeugdzorg",
            "Sociologie",
            "Recht voor sociaal werkers",
            "Groepsdynamica",
            "Reïntegratie",
        ],
    },
    Department {
        code: "CMD",
        name: "Communicatie & mediavormgeving",
        faculty: 5,
        subjects: &[
            "Typografie",
            "Interactieontwerp",
            "Beeldcultuur",
            "Storytelling",
            "Gebruikersonderzoek",
            "Conceptontwikkeling",
        ],
    },
    Department {
        code: "WTB",
        name: "Werktuigbouwkunde",
        faculty: 0,
        subjects: &[
            "Mechanica",
            "Thermodynamica",
            "Materiaalkunde",
            "Constructieleer",
            "Wiskunde",
            "Productietechniek",
            "Meet- en regeltechniek",
        ],
    },
    Department {
        code: "FYS",
        name: "Fysiotherapie",
        faculty: 1,
        subjects: &[
            "Bewegingsleer",
            "Onderzoek & diagnostiek",
            "Trainingsleer",
            "Manuele technieken",
            "Zorg bij chronische aandoeningen",
        ],
    },
    Department {
        code: "ACC",
        name: "Accountancy",
        faculty: 2,
        subjects: &[
            "Boekhouden",
            "Belastingrecht",
            "Kosten- en opbrengstenanalyse",
            "Externe verslaggeving",
            "Audit",
            "Data-analyse",
        ],
    },
    Department {
        code: "LWI",
        name: "Leraar wiskunde",
        faculty: 3,
        subjects: &[
            "Analyse",
            "Lineaire algebra",
            "Meetkunde",
            "Kansrekening",
            "Vakdidactiek",
            "Geschiedenis van de wiskunde",
        ],
    },
    Department {
        code: "TPS",
        name: "Toegepaste psychologie",
        faculty: 4,
        subjects: &[
            "Ontwikkelingspsychologie",
            "Onderzoeksmethoden",
            "Gedragsverandering",
            "Coaching",
            "Neuropsychologie",
        ],
    },
    Department {
        code: "VTA",
        name: "Vertaalacademie",
        faculty: 5,
        subjects: &[
            "Frans: traduction générale",
            "Deutsch für Fortgeschrittene",
            "Español jurídico",
            "English: style & register",
            "Tolken",
            "Terminologie",
        ],
    },
    Department {
        code: "ELT",
        name: "Elektrotechniek",
        faculty: 0,
        subjects: &[
            "Digitale techniek",
            "Analoge elektronica",
            "Signalen en systemen",
            "Embedded systems",
            "Energietechniek",
            "Vermogenselektronica <1 kV",
        ],
    },
    Department {
        code: "VLK",
        name: "Verloskunde",
        faculty: 1,
        subjects: &[
            "Embryologie",
            "Fysiologie van de zwangerschap",
            "Praktijkleren",
            "Echoscopie",
            "Communicatie met cliënten",
        ],
    },
    Department {
        code: "HBR",
        name: "HBO-Rechten",
        faculty: 2,
        subjects: &[
            "Staatsrecht",
            "Verbintenissenrecht",
            "Strafrecht",
            "Europees recht",
            "Juridisch schrijven",
            "Procesrecht",
        ],
    },
    Department {
        code: "LNE",
        name: "Leraar Nederlands",
        faculty: 3,
        subjects: &[
            "Taalkunde",
            "Moderne letterkunde",
            "Middelnederlands",
            "Schrijfvaardigheid",
            "Leesdidactiek",
        ],
    },
    Department {
        code: "PED",
        name: "Pedagogiek",
        faculty: 4,
        subjects: &[
            "Opvoeding & ontwikkeling",
            "Orthopedagogiek",
            "Gezinscoaching",
            "Interculturele pedagogiek",
            "Praktijkonderzoek",
        ],
    },
    Department {
        code: "MUZ",
        name: "Conservatorium",
        faculty: 5,
        subjects: &[
            "Hoofdvak piano",
            "Koor- en ensembleleiding",
            "Solfège",
            "Harmonieleer",
            "Muziekgeschiedenis",
            "Jazz & improvisatie",
        ],
    },
];

/// How the names of a course's groups are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupStyle {
    /// `unit 2`
    Unit,
    /// `werkgroep B`
    Lettered,
    /// `projectgroep 07`
    Project,
    /// `tutorgroep 3`
    Tutor,
}

impl GroupStyle {
    pub(crate) const ALL: [Self; 4] = [Self::Unit, Self::Lettered, Self::Project, Self::Tutor];

    /// The name of the group `index`, counted from 0.
    pub(crate) fn name(self, index: u64) -> String {
        match self {
            Self::Unit => format!("unit {}", index + 1),
            Self::Lettered if index < 26 => {
                format!("werkgroep {}", char::from(b'A' + index as u8))
            }
            Self::Lettered => format!("werkgroep {}", index + 1),
            Self::Project => format!("projectgroep {:02}", index + 1),
            Self::Tutor => format!("tutorgroep {}", index + 1),
        }
    }
}
