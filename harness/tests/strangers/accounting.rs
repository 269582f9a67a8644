//! Every byte of a capture is compared, hidden by a rule, or counted as not compared.
