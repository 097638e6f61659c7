package history_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

const largeSite = `http://{$ADDR} {
	sse_history /history/* {path.1} {
		limit 1000
	}
}`

// fillLarge adds n entries of size bytes, which JSON escapes as six each.
func fillLarge(t *testing.T, server *redistest.Server, n, size int) []string {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprint(i+1, "-0")
		server.Do("XADD", "large", ids[i], "data", strings.Repeat("\x01", size))
	}
	return ids
}

// A page ends at 1 MiB, and goes on exactly there, in both directions. One entry
// may be larger.
func TestHistoryPagesEndBySize(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.StartForMany(t, gatewaytest.RedisOption(server), largeSite)
	ids := fillLarge(t, server, 50, 65_000)
	for _, data := range []string{strings.Repeat("x", 3<<20), "small"} {
		ids = append(ids, fmt.Sprint(len(ids)+1, "-0"))
		server.Do("XADD", "large", ids[len(ids)-1], "data", data)
	}
	url := "http://" + g.Addr + "/history/large"
	for _, test := range []struct{ start, next string }{{"?limit=1000", "&before="}, {"?after=0-0", "&after="}} {
		var all []string
		pages := 0
		for query := test.start; ; pages++ {
			p := readPage(t, url+query)
			if test.next == "&after=" {
				all = append(all, p.ids()...)
			} else {
				all = append(p.ids(), all...)
			}
			if n := len(p.Events); n == 0 || n > 17 {
				t.Fatalf("%s: a page has %d events", query, n)
			}
			if p.Next == "" {
				break
			}
			query = "?limit=1000" + test.next + p.Next
		}
		if !slices.Equal(all, ids) || pages < 5 {
			t.Errorf("%s: %d pages have %v", test.start, pages+1, all)
		}
	}
}

// Clients that do not read their pages hold little, and others get theirs.
func TestHistoryOfThoseWhoDoNotRead(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.StartForMany(t, gatewaytest.RedisOption(server), largeSite)
	fillLarge(t, server, 100, 65_000)
	readPage(t, "http://"+g.Addr+"/history/large")
	before := g.RSS()
	for range 100 {
		conn, err := net.Dial("tcp", g.Addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if err := conn.(*net.TCPConn).SetReadBuffer(1); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET /history/large HTTP/1.1\r\nHost: %s\r\n\r\n", g.Addr)
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second)) // the read tells
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if p := readPage(t, "http://"+g.Addr+"/history/large"); len(p.Events) == 0 {
		t.Error("somebody who reads gets nothing")
	}
	if grown := g.RSS() - before; grown > 100<<20 {
		t.Errorf("100 clients that do not read hold %d MiB", grown>>20)
	} else {
		t.Logf("100 clients that do not read hold %d MiB", grown>>20)
	}
}
