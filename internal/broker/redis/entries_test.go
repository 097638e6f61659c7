package redisbroker_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	. "github.com/caddy-sse/caddy-sse/internal/broker/redis"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

func TestEntries(t *testing.T) {
	t.Parallel()
	for name, addr := range map[string]string{"redis": redistest.Start(t).Addr, "embedded": startEmbedded(t)} {
		client := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2})
		t.Cleanup(func() { _ = client.Close() })
		for i := 1; i <= 9; i++ {
			if err := client.Do(t.Context(), "XADD", "chat", fmt.Sprintf("%d-%d", i/2, i), "n", i, "n", "again").Err(); err != nil {
				t.Fatal(err)
			}
		}
		b := speaker(t, Settings{Address: addr})
		at := func(n int) protocol.EntryID { return protocol.EntryID{Ms: uint64(n / 2), Seq: uint64(n)} }
		end := protocol.EntryID{Ms: math.MaxUint64, Seq: math.MaxUint64}
		for _, test := range []struct {
			page broker.Page
			want string
		}{
			{broker.Page{Limit: 100}, "1 2 3 4 5 6 7 8 9"},
			{broker.Page{Limit: 2}, "8 9"},
			{broker.Page{Limit: 2, Oldest: true}, "1 2"},
			{broker.Page{Limit: 2, After: at(3)}, "8 9"},
			{broker.Page{Limit: 2, After: at(3), Oldest: true}, "4 5"},
			{broker.Page{Limit: 2, Before: at(3)}, "1 2"},
			{broker.Page{Limit: 2, Before: at(8), After: at(2)}, "6 7"},
			{broker.Page{Limit: 9, Before: at(8), After: at(2), Oldest: true}, "3 4 5 6 7"},
			{broker.Page{Limit: 9, Before: at(5), After: at(4)}, ""},
			{broker.Page{Limit: 9, Before: at(2), After: at(7)}, ""},
			{broker.Page{Limit: 9, After: at(9)}, ""},
			{broker.Page{Limit: 9, After: end}, ""},
			{broker.Page{Limit: 9, After: end, Oldest: true}, ""},
			{broker.Page{Limit: 1, Before: end}, "9"},
		} {
			entries, err := b.Entries(t.Context(), "chat", test.page)
			var got []string
			for _, e := range entries {
				if e.ID != at(int(e.ID.Seq)) || len(e.Fields) != 4 || !slices.Equal(e.Fields[2:], []string{"n", "again"}) {
					t.Errorf("%s: got %+v", name, e)
				}
				got = append(got, e.Fields[1])
			}
			if err != nil || strings.Join(got, " ") != test.want {
				t.Errorf("%s: %+v: got %v, %v", name, test.page, got, err)
			}
		}
		if entries, err := b.Entries(t.Context(), "none", all); err != nil || len(entries) != 0 {
			t.Errorf("%s: without a history: %v, %v", name, entries, err)
		}
	}
}

func TestParseEntries(t *testing.T) {
	t.Parallel()
	got, err := ParseEntries([]any{
		[]any{"1-0", []any{"b", "2", "a", "1", "b", ""}},
		[]any{"1-1", nil}, // deleted
		nil,
		[]any{"1-2", []any{}},
	})
	if want := "[{1-0 [b 2 a 1 b ]} {1-2 []}]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("got %v, %v", got, err)
	}
	for _, test := range []struct {
		bad  any
		want string
	}{
		{"1-0", "an entry is expected"},
		{[]any{"1-0"}, "an entry is expected"},
		{[]any{"x", []any{}}, "an entry's ID"},
		{[]any{int64(1), []any{}}, "an entry's ID"},
		{[]any{"1-0", []any{"a"}}, "entry 1-0: redis answered [a] where names and values"},
		{[]any{"1-0", "a"}, "names and values"},
		{[]any{"1-0", []any{"a", int64(1)}}, "a name or a value"},
	} {
		if got, err := ParseEntries([]any{test.bad}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v was read as %v, %v", test.bad, got, err)
		}
	}
}
