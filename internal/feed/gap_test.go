package feed

import (
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

func at(ms uint64) protocol.EntryID { return protocol.EntryID{Ms: ms} }

func entriesAt(ids ...uint64) (entries []protocol.Entry) {
	for _, id := range ids {
		entries = append(entries, protocol.Entry{ID: at(id)})
	}
	return entries
}

// What XINFO says of a Redis stream that holds those entries.
func infoOf(added int64, top uint64, entries []protocol.Entry, older ...uint64) *broker.Info {
	i := &broker.Info{Added: added, Length: int64(len(entries) + len(older)), Top: at(top)}
	switch {
	case len(older) > 0:
		i.First = at(older[0])
	case len(entries) > 0:
		i.First = entries[0].ID
	}
	return i
}

func TestDetectGap(t *testing.T) {
	// The last entry was the fifth that was added, at 50.
	seen := known{last: at(50), wasThere: true, added: 5, attended: true}
	after := func(change func(*known)) known {
		k := seen
		change(&k)
		return k
	}
	interrupted := after(func(k *known) { k.attended = false })
	redis6 := after(func(k *known) { k.added = -1 })
	gone := after(func(k *known) { k.added, k.wasThere = 0, false })
	emptied := after(func(k *known) { k.wasThere = false })
	promised := func(k known, id uint64) known { k.promised = at(id); return k }
	heard := func(k known, n int) known { k.notifications.adds = n; return k }
	told := func(adds, late int) known { k := seen; k.notifications = notificationCount{adds, late}; return k }
	deleted := func(i *broker.Info, id uint64) *broker.Info { i.MaxDeleted = at(id); return i }
	none := entriesAt()

	for name, test := range map[string]struct {
		known   known
		info    *broker.Info
		entries []protocol.Entry
		want    protocol.Reason
	}{
		"nothing was added, and the last is there":       {seen, infoOf(5, 50, none, 40, 50), none, ""},
		"nothing was added, trimmed to nothing":          {seen, infoOf(5, 50, none), none, ""},
		"the same, after an interruption":                {interrupted, infoOf(5, 50, none), none, ""},
		"the same on Redis 6":                            {redis6, infoOf(-1, 50, none), none, ""},
		"MAXLEN 1, one was added":                        {seen, infoOf(6, 60, entriesAt(60)), entriesAt(60), ""},
		"MAXLEN 1, two were added":                       {seen, infoOf(7, 70, entriesAt(70)), entriesAt(70), protocol.Trimmed},
		"MAXLEN 2, two were added":                       {seen, infoOf(7, 70, entriesAt(60, 70)), entriesAt(60, 70), ""},
		"more than a read has was added, all is there":   {seen, infoOf(9, 90, entriesAt(60, 70, 80, 90)), entriesAt(60, 70), ""},
		"MAXLEN 1, interrupted: it may be another life":  {interrupted, infoOf(6, 60, entriesAt(60)), entriesAt(60), protocol.Trimmed},
		"MAXLEN 1 on Redis 6":                            {redis6, infoOf(-1, 60, entriesAt(60)), entriesAt(60), protocol.Trimmed},
		"emptied, then one was added":                    {emptied, infoOf(6, 60, entriesAt(60)), entriesAt(60), ""},
		"emptied, then two, one is left":                 {emptied, infoOf(7, 70, entriesAt(70)), entriesAt(70), protocol.Trimmed},
		"emptied on Redis 6, then one was added":         {after(func(k *known) { k.added, k.wasThere = -1, false }), infoOf(-1, 60, entriesAt(60)), entriesAt(60), ""},
		"XDEL of the last, older ones are there":         {seen, deleted(infoOf(6, 60, entriesAt(60), 40), 50), entriesAt(60), ""},
		"XDEL of the last and of the next":               {seen, deleted(infoOf(7, 70, entriesAt(70), 40), 60), entriesAt(70), ""},
		"the last is missing, older ones are there":      {interrupted, infoOf(5, 60, entriesAt(60), 40), entriesAt(60), protocol.Reset},
		"the last was never an entry, older are there":   {emptied, infoOf(6, 60, entriesAt(60), 40), entriesAt(60), ""},
		"a server that had not got so far":               {interrupted, infoOf(4, 40, none, 30, 40), none, protocol.Reset},
		"the key is gone":                                {seen, infoOf(0, 0, none), none, ""},
		"the key is gone, interrupted":                   {interrupted, infoOf(0, 0, none), none, protocol.Reset},
		"the key is gone, and an entry that was seen":    {promised(seen, 60), infoOf(0, 0, none), none, protocol.Reset},
		"the key is gone, and an entry that was told of": {heard(seen, 1), infoOf(0, 0, none), none, protocol.Reset},
		"gone before, a new life":                        {gone, infoOf(1, 60, entriesAt(60)), entriesAt(60), ""},
		"gone before, a new life with lower IDs":         {gone, infoOf(2, 60, entriesAt(60), 10), entriesAt(60), protocol.Reset},
		"gone before, a new life that was trimmed":       {gone, infoOf(3, 60, entriesAt(60)), entriesAt(60), protocol.Trimmed},
		"a new life":                                                      {seen, infoOf(1, 60, entriesAt(60)), entriesAt(60), ""},
		"a new life as long as the old one":                               {seen, infoOf(5, 100, entriesAt(60, 70, 80, 90, 100)), entriesAt(60, 70, 80, 90, 100), ""},
		"a new life, its first entry was seen":                            {promised(seen, 60), infoOf(1, 60, entriesAt(60)), entriesAt(60), ""},
		"a new life, the old one had more, seen":                          {promised(seen, 55), infoOf(1, 60, entriesAt(60)), entriesAt(60), protocol.Reset},
		"a new life, the old one had more, told of":                       {heard(seen, 2), infoOf(1, 60, entriesAt(60)), entriesAt(60), protocol.Reset},
		"a new life, the old one's last is heard of late":                 {told(2, 1), infoOf(1, 60, entriesAt(60)), entriesAt(60), ""},
		"the same, and the new one's is yet to be heard of":               {told(1, 1), infoOf(1, 60, entriesAt(60)), entriesAt(60), ""},
		"a new life, the old one had more, and its last is heard of late": {told(3, 1), infoOf(1, 60, entriesAt(60)), entriesAt(60), protocol.Reset},
		"the key is gone, its last entry is heard of late":                {told(1, 1), infoOf(0, 0, none), none, ""},
		"the key is gone, its last is heard of late, and one besides":     {told(2, 1), infoOf(0, 0, none), none, protocol.Reset},
		"a new life, interrupted":                                         {interrupted, infoOf(1, 60, entriesAt(60)), entriesAt(60), protocol.Reset},
		"a new life with lower IDs":                                       {seen, infoOf(1, 20, none, 20), none, protocol.Reset},
		"a new life on Redis 6":                                           {redis6, infoOf(-1, 60, entriesAt(60)), entriesAt(60), protocol.Trimmed},
		"there was no key, then one was added":                            {known{attended: true}, infoOf(1, 60, entriesAt(60)), entriesAt(60), ""},
		"the same, interrupted":                                           {known{}, infoOf(2, 70, entriesAt(60, 70)), entriesAt(60, 70), ""},
		"there was no key, then two, one is left":                         {known{attended: true}, infoOf(2, 70, entriesAt(70)), entriesAt(70), protocol.Trimmed},
		"there was no key, and there is none":                             {known{}, infoOf(0, 0, none), none, ""},
	} {
		if got := test.known.detectGap(broker.Snapshot{Entries: test.entries, Info: test.info}); got != test.want {
			t.Errorf("%s: the reason is %q, not %q", name, got, test.want)
		}
	}
}
