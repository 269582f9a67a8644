//! Questions to the user, and the answers.

use std::io::{self, BufRead, Write};

/// The answer to a question about a listing or a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Accept,
    Skip,
    Quit,
}

/// Asks about a listing or a rule until the answer is valid; the end of the input means quit.
pub(super) fn ask(
    question: &str,
    answers: &mut impl BufRead,
    talk: &mut impl Write,
) -> io::Result<Answer> {
    let question = format!("{question}: [a]ccept, [s]kip, [q]uit? ");
    let answer = ask_until(&question, answers, talk, |answer| match answer {
        "a" | "accept" => Some(Answer::Accept),
        "s" | "skip" => Some(Answer::Skip),
        "q" | "quit" => Some(Answer::Quit),
        _ => None,
    })?;
    Ok(answer.unwrap_or(Answer::Quit))
}

/// Asks until the answer is yes or no; the end of the input means no.
#[cfg(feature = "capture")]
pub(super) fn agrees(
    question: &str,
    answers: &mut impl BufRead,
    talk: &mut impl Write,
) -> io::Result<bool> {
    let question = format!("{question} [y]es, [n]o? ");
    let answer = ask_until(&question, answers, talk, |answer| match answer {
        "y" | "yes" => Some(true),
        "n" | "no" => Some(false),
        _ => None,
    })?;
    Ok(answer.unwrap_or(false))
}

/// Asks until an answer, in lower case, is understood; `None` if the input ends.
fn ask_until<Known>(
    question: &str,
    answers: &mut impl BufRead,
    talk: &mut impl Write,
    understand: impl Fn(&str) -> Option<Known>,
) -> io::Result<Option<Known>> {
    loop {
        write!(talk, "{question}")?;
        talk.flush()?;
        let mut answer = String::new();
        if answers.read_line(&mut answer)? == 0 {
            writeln!(talk)?;
            return Ok(None);
        }
        if let Some(known) = understand(&answer.trim().to_ascii_lowercase()) {
            return Ok(Some(known));
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
