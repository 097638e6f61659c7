package protocol

// OpenType is the type of the greeting that a configuration has by default.
const OpenType = "sse.open"
