//! The elements of IMS Enterprise.

use crate::xml::names::NameTable;

macro_rules! elements {
    ($($ident:ident $name:literal)+) => {
        static NAMES: &[&str] = &[$($name),+];
        elements!(@number 1u8; $($ident)+);
        /// Their numbers.
        pub(crate) static TABLE: NameTable = NameTable::new(&[$($name),+]);
    };
    (@number $at:expr; $ident:ident $($rest:ident)*) => {
        pub(crate) const $ident: u8 = $at;
        elements!(@number $at + 1; $($rest)*);
    };
    (@number $at:expr;) => {
        const _: () = assert!(NAMES.len() + 1 == $at as usize);
    };
}

elements! {
    ENTERPRISE "enterprise" PROPERTIES "properties" PERSON "person" GROUP "group"
    MEMBERSHIP "membership" MEMBER "member" SOURCEDID "sourcedid" SOURCE "source" ID "id"
    USERID "userid" NAME "name" FN "fn" SORT "sort" NICKNAME "nickname" N "n" FAMILY "family"
    GIVEN "given" OTHER_NAME "other" PREFIX "prefix" SUFFIX "suffix" PARTNAME "partname"
    DEMOGRAPHICS "demographics" GENDER "gender" BDAY "bday"
    EMAIL "email" URL "url" TEL "tel" ADR "adr" POBOX "pobox" EXTADD "extadd" STREET "street"
    LOCALITY "locality" REGION "region" PCODE "pcode" COUNTRY "country" PHOTO "photo"
    EXTREF "extref" SYSTEMROLE "systemrole" INSTITUTIONROLE "institutionrole"
    DATASOURCE "datasource" EXTENSION "extension" COMMENTS "comments" GROUPTYPE "grouptype"
    SCHEME "scheme" TYPEVALUE "typevalue" DESCRIPTION "description" SHORT "short" LONG "long"
    FULL "full" ORG "org" ORGNAME "orgname" ORGUNIT "orgunit" TYPE "type" TIMEFRAME "timeframe"
    BEGIN "begin" END "end" ADMINPERIOD "adminperiod" ENROLLCONTROL "enrollcontrol"
    ENROLLALLOWED "enrollallowed" RELATIONSHIP "relationship"
    LABEL "label" IDTYPE "idtype" ROLE "role" SUBROLE "subrole" STATUS "status"
    DATETIME "datetime" COHORT "cohort"
    TARGET "target" TEMPLATE "template" SOURCESECTION "sourcesection"
    WEBCREDENTIALS "webcredentials"
}
