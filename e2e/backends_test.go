package e2e

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// tool is the path of a program that `make tools` installs.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name) // which is not in everyone's path
	}
	if err != nil && runtime.GOOS != "linux" {
		t.Skipf("%s is not here", name)
	}
	if err != nil {
		t.Fatalf("%s is not installed: `make tools` installs it", name)
	}
	return path
}

// python is Debian's, whose modules are packages.
const python = "/usr/bin/python3"

// What apps say, in the docs' words.
var apps = map[string]struct {
	command []string
	program string
}{
	"node": {[]string{"node", "-"}, `
const { createClient } = require('redis')
const redis = createClient({ url: process.env.REDIS_URL })
;(async () => {
	await redis.connect()
	const message = { text: 'from Node: "ü" \u{1F44B}\nand a line' }
	await redis.publish('live', JSON.stringify(message))
	await redis.xAdd('kept', '*', { data: JSON.stringify(message), event: 'note' })
	await redis.eval(require('fs').readFileSync(process.env.SCRIPT, 'utf8'), { keys: ['kept'], arguments: ['1000', '0', 'data', 'by the script'] })
	await redis.quit()
})()
`},
	"python": {[]string{python, "-"}, `
import json, os, redis
r = redis.Redis.from_url(os.environ["REDIS_URL"])
message = {"text": 'from Python: "ü" \U0001F44B\nand a line'}
r.publish("live", json.dumps(message, ensure_ascii=False, separators=(",", ":")))
r.xadd("kept", {"data": json.dumps(message, ensure_ascii=False, separators=(",", ":")), "event": "note"})
r.register_script(open(os.environ["SCRIPT"]).read())(keys=["kept"], args=[1000, 0, "data", "by the script"])
`},
}

// Apps in other languages need nothing but the Redis client that they have.
func TestBackends(t *testing.T) {
	t.Parallel()
	for name, app := range apps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			g := gatewaytest.Start(t, "\tsse {\n\t\tredis "+server.Addr+"\n\t\tdrain 0\n\t}", `http://{$ADDR} {
	sse_subscribe /live live
	sse_subscribe /kept kept {
		history
	}
}`)
			live := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/live")
			kept := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/kept?lastEventId=0-0")
			redistest.Await(t, "a subscription", func() bool { return server.Listeners("live") == 1 })

			cmd := exec.Command(tool(t, app.command[0]), app.command[1:]...)
			cmd.Env = append(os.Environ(), "REDIS_URL="+server.URL(""), "NODE_PATH=/usr/share/nodejs", "SCRIPT=../internal/broker/redis/sse_publish.lua")
			cmd.Stdin = strings.NewReader(app.program)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			message := `data: {"text":"from ` + map[string]string{"node": "Node", "python": "Python"}[name] + `: \"ü\" 👋\nand a line"}` + "\n\n"
			live.AwaitData(message)
			kept.AwaitData("event: note\n" + message + "data: by the script\n\n")
		})
	}
}
