package redisbroker

import (
	"fmt"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// parseEntries reads the entries of Redis' answer to XRANGE and its like. Unlike
// go-redis' own reading, which makes a map of them, it keeps the order of the
// fields, and each of those with the same name. Entries that are gone, which
// Redis may list by their ID alone, are left out.
func parseEntries(reply []any) ([]protocol.Entry, error) {
	entries := make([]protocol.Entry, 0, len(reply))
	for _, item := range reply {
		if item == nil {
			continue
		}
		entry, ok := item.([]any)
		if !ok || len(entry) != 2 {
			return nil, fmt.Errorf("redis answered %v where an entry is expected", item)
		}
		if entry[1] == nil {
			continue
		}
		text, _ := entry[0].(string)
		id, ok := protocol.ParseEntryID(text)
		if !ok {
			return nil, fmt.Errorf("redis answered %v where an entry's ID is expected", entry[0])
		}
		fields, err := parseFields(entry[1])
		if err != nil {
			return nil, fmt.Errorf("entry %s: %w", text, err)
		}
		entries = append(entries, protocol.Entry{ID: id, Fields: fields})
	}
	return entries, nil
}

func parseFields(reply any) ([]string, error) {
	list, ok := reply.([]any)
	if !ok || len(list)%2 != 0 {
		return nil, fmt.Errorf("redis answered %v where names and values are expected", reply)
	}
	fields := make([]string, len(list))
	for i, item := range list {
		if fields[i], ok = item.(string); !ok {
			return nil, fmt.Errorf("redis answered %v where a name or a value is expected", item)
		}
	}
	return fields, nil
}
