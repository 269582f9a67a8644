//! Secrets, wherever a byte can be, are overwritten or the capture is not kept.
