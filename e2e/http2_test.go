package e2e

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// startWrapped runs a gateway whose subscribers over HTTP/2 go on without the HTTP server,
// beside files and an app that says how much it gets.
func startWrapped(t *testing.T, redis *redistest.Server, page string) *gatewaytest.Gateway {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body) // how much is told
		fmt.Fprint(w, n)
	}))
	t.Cleanup(app.Close)
	files := t.TempDir()
	for name, content := range map[string][]byte{"big": make([]byte, 10<<20), "index.html": []byte(page)} {
		if err := os.WriteFile(filepath.Join(files, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return gatewaytest.Start(t, gatewaytest.RedisOption(redis)+`
	servers {
		listener_wrappers {
			sse_http2
		}
	}`, `https://{$ADDR} {
	tls internal
	sse_subscribe /events/* events {
		pending 64MiB
	}
	reverse_proxy /upload `+app.Listener.Addr().String()+`
	root `+files+`
	file_server
}`)
}

// chromiumFor is for `make chromium`.
var chromiumFor = flag.Duration("chromium", 0, "for how `long` a page of Chromium has events, uploads and downloads over HTTP/2; 0: some seconds")

// Ten EventSources of a page, its uploads and its downloads share a connection.
func TestChromiumOverHTTP2(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	g := startWrapped(t, redis, strings.ReplaceAll(`<!DOCTYPE html>
<script>
	const heard = [], errors = [];
	const sources = [...Array(10).keys()].map(i => {
		const source = new EventSource("/events/" + i);
		heard[i] = [];
		source.onmessage = event => heard[i].push(event.data);
		source.onerror = () => errors.push(i);
		return source;
	});
	let done = 0;
	const fetches = async () => {
		const end = performance.now() + FOR;
		for (let round = 0; round < 2 || performance.now() < end; round++) {
			await Promise.all([...Array(2).keys()].map(async () => {
				const up = await (await fetch("/upload", {method: "POST", body: new Uint8Array(1 << 20)})).text();
				const down = (await (await fetch("/big", {cache: "no-store"})).arrayBuffer()).byteLength;
				if (up != 1 << 20 || down != 10 << 20) errors.push(up + " up, " + down + " down");
				done++;
			}));
			await new Promise(resolve => setTimeout(resolve, 400)); // the server leaves, and has to come back
		}
		isOver = true;
	};
	let isOver = false;
</script>
`, "FOR", fmt.Sprint(chromiumFor.Milliseconds())))
	page := openTab(t, "https://"+g.Addr+"/")
	page.await(`sources.every(source => source.readyState === EventSource.OPEN)`)
	g.AwaitMetric(`subscribers{protocol="http/2",via="http2"}`, 10)
	eval[bool](page, `fetches().catch(error => errors.push(String(error))), true`)
	events := 0
	publish := func() {
		redis.Do("PUBLISH", "events", fmt.Sprint(events, strings.Repeat("x", events%300*40)))
		events++
	}
	for end := time.Now().Add(*chromiumFor); time.Now().Before(end); time.Sleep(20 * time.Millisecond) { // the rate of the events
		publish()
	}
	for range 300 {
		publish()
	}
	page.await(`isOver`)
	t.Logf("%d events, %d uploads and downloads", events, eval[int](page, `done`))
	defer func() {
		if t.Failed() {
			t.Log(eval[string](page, `JSON.stringify([heard.map(a => a.length), heard.map(a => (a[a.length-1]||"").length), errors.map(String), sources.map(s => s.readyState)])`))
		}
	}()
	page.await(fmt.Sprintf(`heard.every(all => all.length >= %d)`, events))
	if wrong := eval[[]string](page, `errors.map(String)`); len(wrong) > 0 {
		t.Errorf("errors: %q", wrong)
	}
	if !eval[bool](page, fmt.Sprintf(`heard.every(all => all.length === %d && all.every((data, i) => data === i + "x".repeat(i %% 300 * 40)))`, events)) {
		t.Error("something else is heard")
	}
}

// The same with Node, whose window is small.
func TestNodeOverHTTP2(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	g := startWrapped(t, redis, "")
	const script = `
const session = require("http2").connect(process.argv[2], {rejectUnauthorized: false});
session.on("error", error => { console.error(error); process.exit(1); });
const get = path => session.request({":path": path, accept: "*/*"});
const heard = Array(10).fill("");
const text = request => new Promise((resolve, reject) => {
	let n = 0, body = "";
	request.on("data", chunk => { n += chunk.length; if (n < 100) body += chunk; }).on("end", () => resolve([n, body])).on("error", reject);
});
const sources = heard.map((_, i) => new Promise(resolve => {
	const source = get("/events/" + i);
	source.setEncoding("utf8");
	source.on("end", () => { console.error("the end of", i); process.exit(1); });
	source.on("data", chunk => {
		if (heard[i] === "") resolve();
		heard[i] += chunk;
		if (i === 9) { source.pause(); setTimeout(() => source.resume(), 5); } // one is slow
	});
}));
Promise.all(sources).then(async () => {
	console.log("open");
	for (let round = 0; round < 3; round++) {
		await Promise.all([...Array(2).keys()].map(async () => {
			const post = session.request({":path": "/upload", ":method": "POST"});
			post.end(Buffer.alloc(1 << 20));
			const [[, up], [down]] = await Promise.all([text(post), text(get("/big"))]);
			if (up != 1 << 20 || down != 10 << 20) throw new Error(up + " up, " + down + " down");
		}));
		await new Promise(resolve => setTimeout(resolve, 400)); // the server leaves, and has to come back
	}
	const wait = () => heard.every(all => all.includes("data: last\n\n")) ? finish() : setTimeout(wait, 20);
	wait();
});
const finish = () => {
	const data = heard.map(all => all.split("\n").filter(line => line.startsWith("data: ")));
	for (const all of data) {
		const wrong = all.findIndex((line, i) => line !== (i === 300 ? "data: last" : "data: " + i + "x".repeat(i * 40)));
		if (all.length !== 301 || wrong >= 0) { console.error(all.length, wrong); process.exit(1); }
	}
	console.log("all");
	process.exit(0);
};
`
	path := filepath.Join(t.TempDir(), "client.js")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", path, "https://"+g.Addr)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g.AwaitMetric(`subscribers{protocol="http/2",via="http2"}`, 10)
	for i := range 300 {
		redis.Do("PUBLISH", "events", fmt.Sprint(i, strings.Repeat("x", i*40)))
	}
	redis.Do("PUBLISH", "events", "last")
	if err := cmd.Wait(); err != nil || stdout.String() != "open\nall\n" {
		t.Errorf("%v\n%s\n%s", err, stdout.String(), stderr.String())
	}
}
