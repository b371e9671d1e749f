//! The words for each relation.

use super::fact::Relation;
use super::phrasing::Phrasing;

/// How a relation is asked for and answered.
pub(super) fn phrasing(relation: Relation) -> Phrasing {
    let (questions, answers) = match relation {
        Relation::BornIn => (
            [
                "Where was {s} born?",
                "In which town was {s} born?",
                "What is the birthplace of {s}?",
                "Of which town is {s} a native?",
            ],
            ["In {o}.", "Born in {o}."],
        ),
        Relation::BornOn => (
            [
                "When was {s} born?",
                "On which day was {s} born?",
                "What is the birth date of {s}?",
                "On what date did {s} come into the world?",
            ],
            ["On {o}.", "{o}."],
        ),
        Relation::LivesIn => (
            [
                "Where does {s} live?",
                "In which town is {s} at home?",
                "What is the home town of {s}?",
                "Which town does {s} call home?",
            ],
            ["{They} lives in {o}.", "{o}."],
        ),
        Relation::WorksAs => (
            [
                "What is the trade of {s}?",
                "What does {s} do for a living?",
                "How does {s} earn a living?",
                "Which trade does {s} follow?",
            ],
            ["{They} is {a} {o}.", "{A} {o}."],
        ),
        Relation::Plays => (
            [
                "Which instrument does {s} play?",
                "What is the favourite instrument of {s}?",
                "On which instrument does {s} make music?",
                "What does {s} play of an evening?",
            ],
            ["The {o}.", "{They} plays the {o}."],
        ),
        Relation::Wrote => (
            [
                "What did {s} write?",
                "Which work is by {s}?",
                "What is the title of the work of {s}?",
                "Of which work is {s} the author?",
            ],
            ["{o}.", "{They} wrote {o}."],
        ),
        Relation::SpouseOf => (
            [
                "Who is {s} married to?",
                "Who is the spouse of {s}?",
                "Whom did {s} marry?",
                "With whom does {s} share a home?",
            ],
            ["{o}.", "{They} married {o}."],
        ),
        Relation::MotherOf => (
            [
                "Who is the daughter of {s}?",
                "Whose mother is {s}?",
                "To whom did {s} give birth?",
                "What is the name of the daughter of {s}?",
            ],
            ["{o}.", "{Their} daughter is {o}."],
        ),
        Relation::DaughterOf => (
            [
                "Who is the mother of {s}?",
                "Whose daughter is {s}?",
                "Who gave birth to {s}?",
                "What is the name of the mother of {s}?",
            ],
            ["{o}.", "{Their} mother is {o}."],
        ),
        Relation::Taught => (
            ["Whom did {s} teach?", "Who was the pupil of {s}?", "Who learned from {s}?", "Whose teacher was {s}?"],
            ["{o}.", "{They} taught {o}."],
        ),
        Relation::TaughtBy => (
            ["Who taught {s}?", "Who was the teacher of {s}?", "From whom did {s} learn?", "Whose pupil was {s}?"],
            ["{o}.", "{Their} teacher was {o}."],
        ),
        Relation::WrittenBy => (
            ["Who wrote {s}?", "Who is the author of {s}?", "By whom is {s}?", "Whose work is {s}?"],
            ["{o}.", "It is by {o}."],
        ),
        Relation::OfGenre => (
            [
                "What kind of work is {s}?",
                "Of which genre is {s}?",
                "How is {s} classed?",
                "What sort of writing is {s}?",
            ],
            ["{A} {o}.", "It is {a} {o}."],
        ),
        Relation::PublishedIn => (
            [
                "When did {s} appear?",
                "In which year was {s} published?",
                "When was {s} first read?",
                "What is the year of {s}?",
            ],
            ["In {o}.", "{o}."],
        ),
        Relation::LiesIn => (
            [
                "In which region does {s} lie?",
                "To which region does {s} belong?",
                "Which region is {s} part of?",
                "Where on the map is {s}?",
            ],
            ["In {o}.", "It lies in {o}."],
        ),
        Relation::LivesInRegion => (
            [
                "In which region does {s} live?",
                "What is the home region of {s}?",
                "Which region does {s} call home?",
                "In what part of the land is {s} at home?",
            ],
            ["In {o}.", "{They} lives in {o}."],
        ),
        Relation::BornInRegion => (
            [
                "In which region was {s} born?",
                "From which region does {s} come?",
                "In what part of the land was {s} born?",
                "Of which region is {s} a native?",
            ],
            ["In {o}.", "Born in {o}."],
        ),
        Relation::FatherOf => (
            ["Of whom is {s} the father?", "Whose father is {s}?", "Who is the child of {s}?", "Who calls {s} father?"],
            ["{o}.", "{Their} child is {o}."],
        ),
    };
    Phrasing { questions, answers }
}
