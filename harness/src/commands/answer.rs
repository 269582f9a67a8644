//! Questions to the user, and the answers.

use std::io::{self, BufRead, Write};

/// The answer to a question about a listing or a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Accept,
    Skip,
    Quit,
}

/// Asks until the answer is valid; the end of the input means quit.
pub(super) fn ask(
    question: &str,
    answers: &mut impl BufRead,
    talk: &mut impl Write,
) -> io::Result<Answer> {
    loop {
        write!(talk, "{question}: [a]ccept, [s]kip, [q]uit? ")?;
        talk.flush()?;
        let mut answer = String::new();
        if answers.read_line(&mut answer)? == 0 {
            writeln!(talk)?;
            return Ok(Answer::Quit);
        }
        match answer.trim().to_ascii_lowercase().as_str() {
            "a" | "accept" => return Ok(Answer::Accept),
            "s" | "skip" => return Ok(Answer::Skip),
            "q" | "quit" => return Ok(Answer::Quit),
            _ => {}
        }
    }
}

/// Asks until the answer is yes or no; the end of the input means no.
#[cfg(feature = "capture")]
pub(super) fn agrees(
    question: &str,
    answers: &mut impl BufRead,
    talk: &mut impl Write,
) -> io::Result<bool> {
    loop {
        write!(talk, "{question} [y]es, [n]o? ")?;
        talk.flush()?;
        let mut answer = String::new();
        if answers.read_line(&mut answer)? == 0 {
            writeln!(talk)?;
            return Ok(false);
        }
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(typed: &str) -> (Answer, String) {
        let mut talk = Vec::new();
        let answer = ask("a, 1 of 2", &mut typed.as_bytes(), &mut talk).unwrap();
        (answer, String::from_utf8(talk).unwrap())
    }

    const QUESTION: &str = "a, 1 of 2: [a]ccept, [s]kip, [q]uit? ";

    #[test]
    fn letters_and_words_are_answers() {
        for (typed, answer) in [
            ("a\n", Answer::Accept),
            ("  SKIP \r\n", Answer::Skip),
            ("quit", Answer::Quit),
        ] {
            assert_eq!(answers(typed), (answer, QUESTION.to_owned()));
        }
    }

    #[test]
    fn what_is_no_answer_is_asked_again_and_the_end_quits() {
        assert_eq!(answers("yes\n\ns\n"), (Answer::Skip, QUESTION.repeat(3)));
        assert_eq!(answers(""), (Answer::Quit, format!("{QUESTION}\n")));
    }

    #[cfg(feature = "capture")]
    #[test]
    fn only_yes_is_agreement() {
        for (typed, expected) in [
            ("y\n", true),
            ("Yes\n", true),
            ("n\n", false),
            ("\nno\n", false),
            ("perhaps\nyes\n", true),
            ("", false),
        ] {
            let agreed = agrees("build it?", &mut typed.as_bytes(), &mut Vec::new()).unwrap();
            assert_eq!(agreed, expected, "{typed:?}");
        }
    }
}
