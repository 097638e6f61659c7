package bus

// NotHistory reports whether Redis refused a command because what it keeps under
// the channel's name is not a Redis stream, and so not the channel's history.
func NotHistory(err error) bool { return err != nil && kind(err) == "WRONGTYPE" }
