//! Files that are damaged or half understood, and packets inside of others.
