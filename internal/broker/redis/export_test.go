package redisbroker

// ParseEntries is for tests.
var ParseEntries = parseEntries
